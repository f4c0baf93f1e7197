"""Kernel routes become the forwarding table a walk needs."""

from ipaddress import IPv4Address

from foreshadow.routing import FibEntry, Forward, Terminal
from foreshadow.topology import Prefix
from shadow.emulation.forwarding import fib
from shadow.emulation.rtnetlink import (
    PROTOCOL_KERNEL,
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_BLACKHOLE,
    TYPE_LOCAL,
    TYPE_UNICAST,
    Route,
)

_NAMES = {1: "lo", 2: "to-B", 3: "to-A"}
_BGP = 186


def _route(
    prefix: str,
    *hops: tuple[int, str | None],
    kind: int = TYPE_UNICAST,
    table: int = TABLE_MAIN,
    protocol: int = _BGP,
) -> Route:
    return Route(
        prefix=Prefix(prefix),
        table=table,
        type=kind,
        protocol=protocol,
        hops=tuple((index, IPv4Address(gateway) if gateway else None) for index, gateway in hops),
    )


def test_gateways_forward_and_are_sorted_by_interface() -> None:
    """ECMP keeps every next hop, in an order that does not depend on the kernel's."""
    (entry,) = fib([_route("10.0.0.0/8", (2, "10.254.0.1"), (3, "10.254.0.3"))], _NAMES)

    assert entry == FibEntry(
        prefix=Prefix("10.0.0.0/8"),
        forwards=(
            Forward(interface="to-A", gateway=IPv4Address("10.254.0.3")),
            Forward(interface="to-B", gateway=IPv4Address("10.254.0.1")),
        ),
    )


def test_connected_is_delivered_and_blackhole_discarded() -> None:
    """Where forwarding ends, the reason is kept."""
    entries = fib(
        [
            _route("10.254.0.0/31", (2, None), protocol=PROTOCOL_KERNEL),
            _route("10.1.0.0/16", kind=TYPE_BLACKHOLE),
        ],
        _NAMES,
    )

    assert [(str(entry.prefix), entry.terminal) for entry in entries] == [
        ("10.1.0.0/16", Terminal.DISCARDED),
        ("10.254.0.0/31", Terminal.DELIVERED),
    ]


def test_of_the_local_table_only_own_loopback_addresses_count() -> None:
    """127/8, interface addresses and addresses lent to probes are no routing."""
    local = {"kind": TYPE_LOCAL, "table": TABLE_LOCAL}
    entries = fib(
        [
            _route("10.255.0.1/32", (1, None), protocol=PROTOCOL_KERNEL, **local),
            _route("127.0.0.1/32", (1, None), protocol=PROTOCOL_KERNEL, **local),
            _route("10.254.0.0/32", (2, None), protocol=PROTOCOL_KERNEL, **local),
            _route("10.1.0.1/32", (1, None), protocol=4, **local),
        ],
        _NAMES,
    )

    assert entries == (FibEntry(prefix=Prefix("10.255.0.1/32"), terminal=Terminal.DELIVERED),)
