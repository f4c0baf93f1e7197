"""What FRR's isisd prints about its neighbors, as values of ours.

Checked against FRR 8.4.4 and 10.3. Each lists, in an area, one entry without a name for every
circuit that has no neighbor.
"""

from ipaddress import IPv4Address

import msgspec

from foreshadow.codec import from_json
from foreshadow.observed import Adjacency

_NO_ADDRESS = IPv4Address(0)
"""Of a neighbor that speaks IPv6 alone."""


class _Json(msgspec.Struct, frozen=True, rename="kebab"):
    """A JSON object of isisd's, of which we read some members."""


class _Ipv4(_Json, frozen=True):
    ipv4: IPv4Address = _NO_ADDRESS


class _NeighborInterface(_Json, frozen=True):
    name: str = ""
    state: str = ""
    ipv4_address: _Ipv4 = _Ipv4()


class _NeighborCircuit(_Json, frozen=True):
    level: int = 0
    interface: _NeighborInterface = _NeighborInterface()


class _NeighborArea(_Json, frozen=True):
    circuits: tuple[_NeighborCircuit, ...] = ()


class _Neighbors(_Json, frozen=True):
    areas: tuple[_NeighborArea, ...] = ()


class _Level(_Json, frozen=True):
    metric: int = 0


class _Interface(_Json, frozen=True):
    name: str = ""
    levels: tuple[_Level, ...] = ()


class _InterfaceCircuit(_Json, frozen=True):
    interface: _Interface = _Interface()


class _InterfaceArea(_Json, frozen=True):
    circuits: tuple[_InterfaceCircuit, ...] = ()


class _Interfaces(_Json, frozen=True):
    areas: tuple[_InterfaceArea, ...] = ()


def adjacencies(neighbors_raw: str, interfaces_raw: str) -> tuple[Adjacency, ...]:
    """`show isis neighbor detail json`, metrics from `show isis interface detail json`.

    Raises:
        ValueError: It is something else.
    """
    metrics = {
        circuit.interface.name: max((level.metric for level in circuit.interface.levels), default=0)
        for area in from_json(interfaces_raw or "{}", _Interfaces).areas
        for circuit in area.circuits
    }
    found = [
        Adjacency(
            router_id=circuit.interface.ipv4_address.ipv4,
            interface=circuit.interface.name,
            state=circuit.interface.state,
            cost=metrics.get(circuit.interface.name, 0),
            protocol="isis",
            level=circuit.level,
        )
        for area in from_json(neighbors_raw or "{}", _Neighbors).areas
        for circuit in area.circuits
        if circuit.interface.name
    ]
    return tuple(sorted(found, key=lambda it: (it.interface, it.router_id)))
