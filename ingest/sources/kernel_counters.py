"""What the kernel of a router has counted on its interfaces (rtnetlink(7), IFLA_STATS64)."""

from pyroute2 import IPRoute, NetlinkError

from foreshadow.errors import DeviceUnreachable
from frr.namespace import run_inside
from ingest.heard import Counters


def kernel_counters(namespace: str | None) -> tuple[Counters, ...]:
    """The counters of every interface of a network namespace, or of our own for None.

    Carrier transitions are losses and gains alike. What a virtual interface says of its speed is a
    constant of the driver's, so no capacity is given.

    Raises:
        DeviceUnreachable: There is no such namespace, or its kernel does not answer.
    """
    try:
        return _dumped() if namespace is None else run_inside(namespace, _dumped)
    except (NetlinkError, OSError) as error:
        raise DeviceUnreachable(
            f"its kernel gives no counters: {error}", device=namespace or "this host"
        ) from error


def _dumped() -> tuple[Counters, ...]:
    with IPRoute() as netlink:
        links = list(netlink.link("dump"))
    found = []
    for link in links:
        counted = link.get_attr("IFLA_STATS64")
        if counted is not None:
            found.append(
                Counters(
                    interface=link.get_attr("IFLA_IFNAME"),
                    in_octets=counted["rx_bytes"],
                    out_octets=counted["tx_bytes"],
                    in_errors=counted["rx_errors"],
                    out_errors=counted["tx_errors"],
                    in_discards=counted["rx_dropped"],
                    out_discards=counted["tx_dropped"],
                    carrier_transitions=link.get_attr("IFLA_CARRIER_CHANGES"),
                )
            )
    return tuple(found)
