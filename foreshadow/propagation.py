"""How long a packet is under way on each link: as the file says, else from where the routers are.

A straight line is the least a cable can be, so delays from coordinates are lower bounds; they order
paths well and time them badly.
"""

from collections.abc import Mapping
from math import asin, cos, radians, sin, sqrt

from foreshadow.network_file import NetworkFile, RouterEntry
from foreshadow.topology import LinkId

_EARTH_RADIUS_KM = 6371.0
_S_PER_KM = 4.9e-6
"""Light in glass, at a refractive index of 1.468."""


def link_delays(network: NetworkFile) -> Mapping[LinkId, float]:
    """One-way seconds of every link for which they are known."""
    routers = {router.name: router for router in network.routers}
    found: dict[LinkId, float] = {}
    for link in network.links:
        delay_s = link.delay_ms / 1e3 or _straight_s(routers[link.a], routers[link.b])
        if delay_s is not None:
            found[link.id] = delay_s
    return found


def _straight_s(a: RouterEntry, b: RouterEntry) -> float | None:
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    return _S_PER_KM * _distance_km((a.latitude, a.longitude), (b.latitude, b.longitude))


def _distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance by the haversine formula."""
    (lat_a, lon_a), (lat_b, lon_b) = (tuple(map(radians, place)) for place in (a, b))
    half = sin((lat_b - lat_a) / 2) ** 2
    half += cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(sqrt(half))
