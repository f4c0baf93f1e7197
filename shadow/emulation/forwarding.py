"""A kernel's routes as a forwarding table of ours; IPv4, as demand is (`agreement` reads both)."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from foreshadow.routing import Fib, FibEntry, Forward, Terminal
from foreshadow.topology import Prefix
from shadow.emulation.rtnetlink import (
    PROTOCOL_KERNEL,
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_BLACKHOLE,
    TYPE_LOCAL,
    TYPE_UNICAST,
    Route,
)

_LOOPBACK = IPv4Network("127.0.0.0/8")


def fib(routes: Iterable[Route], interfaces: Mapping[int, str]) -> Fib:
    """The table a router forwards by, sorted by prefix.

    The main table, and from the local one the router's own loopback addresses. A route out of an
    interface without gateway is a connected network: the destination is here.

    Args:
        routes: Every route of the namespace; those of IPv6 are passed over.
        interfaces: Names by kernel index.
    """
    entries = (
        _entry(route, route.prefix, interfaces)
        for route in routes
        if isinstance(route.prefix, IPv4Network)
    )
    return tuple(sorted((e for e in entries if e is not None), key=lambda entry: entry.prefix))


def _entry(route: Route, prefix: Prefix, interfaces: Mapping[int, str]) -> FibEntry | None:
    if route.table == TABLE_LOCAL:
        return _own_address(route, prefix, interfaces)
    if route.table != TABLE_MAIN:
        return None
    if route.type == TYPE_BLACKHOLE:
        return FibEntry(prefix=prefix, terminal=Terminal.DISCARDED)
    if route.type != TYPE_UNICAST:
        return None
    if all(gateway is None for _, gateway in route.hops):
        return FibEntry(prefix=prefix, terminal=Terminal.DELIVERED)
    forwards = (
        Forward(
            interface=interfaces.get(index, f"#{index}"),
            gateway=gateway if isinstance(gateway, IPv4Address) else None,
        )
        for index, gateway in route.hops
    )
    return FibEntry(prefix=prefix, forwards=tuple(sorted(forwards, key=_by_interface)))


def _own_address(route: Route, prefix: Prefix, interfaces: Mapping[int, str]) -> FibEntry | None:
    is_own = (
        route.type == TYPE_LOCAL
        and route.protocol == PROTOCOL_KERNEL
        and any(interfaces.get(index) == "lo" for index, _ in route.hops)
        and not prefix.subnet_of(_LOOPBACK)
    )
    return FibEntry(prefix=prefix, terminal=Terminal.DELIVERED) if is_own else None


def _by_interface(forward: Forward) -> tuple[str, IPv4Address]:
    return forward.interface, forward.gateway or IPv4Address(0)
