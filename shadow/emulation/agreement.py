"""Whether what zebra believes is in the kernel is there: RIB == FIB, in both families.

FRR 8.4's kernel next hop groups lose members for ever after a link went down and up, while zebra
says "installed"; that is why labs run with `no zebra nexthop kernel enable`, and why this is asked
after every injection. A disagreement voids the experiment.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from foreshadow.codec import from_json
from shadow.emulation.rtnetlink import (
    PROTOCOL_KERNEL,
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_BLACKHOLE,
    TYPE_LOCAL,
    TYPE_UNICAST,
    AnyPrefix,
    Hop,
    Route,
)

Table = Mapping[AnyPrefix, frozenset[str]]
"""Next hops of each prefix, in words that both sides are put into."""

_HERE, _DISCARDED = frozenset({"here"}), frozenset({"discarded"})
_OWN_IPV4 = IPv4Network("127.0.0.0/8")
_OWN_IPV6 = (IPv6Network("::1/128"), IPv6Network("fe80::/10"), IPv6Network("ff00::/8"))
"""What each host has and no router routes."""


class _Hop(msgspec.Struct, frozen=True, rename="camel"):
    fib: bool = False
    active: bool = False
    ip: str | None = None
    interface_name: str = ""
    blackhole: bool = False
    reject: bool = False


class _Route(msgspec.Struct, frozen=True, rename="camel"):
    protocol: str = ""
    selected: bool = False
    installed: bool = False
    nexthops: tuple[_Hop, ...] = ()


def differences(zebra: Table, kernel: Table) -> tuple[str, ...]:
    """Each prefix on which the two do not agree, as a sentence; none where they do."""
    prefixes = sorted(zebra.keys() | kernel.keys(), key=lambda it: (it.version, it))
    return tuple(
        f"{prefix}: zebra {_said(zebra.get(prefix))}, kernel {_said(kernel.get(prefix))}"
        for prefix in prefixes
        if zebra.get(prefix) != kernel.get(prefix)
    )


def zebra_table(raw: str) -> Table:
    """`show ip route json` or `show ipv6 route json`: what zebra has put into the kernel.

    From FRR 10 on zebra also lists its interfaces' own addresses (`local`), which are no routes,
    and leaves `fib` on a next hop it has let go, which then is no longer `active`.

    Raises:
        ValueError: It is something else.
    """
    listed = from_json(raw or "{}", dict[str, tuple[_Route, ...]])
    return {
        prefix: _zebra_hops([hop for hop in route.nexthops if hop.fib and hop.active])
        for text, routes in listed.items()
        for prefix in [ip_network(text)]
        for route in routes
        if route.selected and route.installed and route.protocol != "local" and _is_routed(prefix)
    }


def kernel_table(routes: Iterable[Route], interfaces: Mapping[int, str]) -> Table:
    """The main table, and from the local one the router's own loopback addresses.

    Args:
        routes: Every route of the namespace, of either family or both.
        interfaces: Names by kernel index.
    """
    found: dict[AnyPrefix, frozenset[str]] = {}
    for route in routes:
        hops = _kernel_hops(route, interfaces)
        if hops is not None and _is_routed(route.prefix):
            found.setdefault(route.prefix, hops)
    return found


def _zebra_hops(hops: list[_Hop]) -> frozenset[str]:
    if any(hop.blackhole or hop.reject for hop in hops):
        return _DISCARDED
    if all(hop.ip is None for hop in hops):
        return _HERE
    return frozenset(f"{hop.interface_name} {hop.ip}" for hop in hops)


def _kernel_hops(route: Route, interfaces: Mapping[int, str]) -> frozenset[str] | None:
    if route.table == TABLE_LOCAL:
        is_own = route.type == TYPE_LOCAL and route.protocol == PROTOCOL_KERNEL
        on_loopback = any(interfaces.get(index) == "lo" for index, _ in route.hops)
        return _HERE if is_own and on_loopback and route.prefix.version == 4 else None
    if route.table != TABLE_MAIN:
        return None
    if route.type == TYPE_BLACKHOLE:
        return _DISCARDED
    if route.type != TYPE_UNICAST:
        return None
    if all(gateway is None for _, gateway in route.hops):
        return _HERE
    return frozenset(_words(hop, interfaces) for hop in route.hops)


def _words(hop: Hop, interfaces: Mapping[int, str]) -> str:
    index, gateway = hop
    return f"{interfaces.get(index, f'#{index}')} {gateway}"


def _is_routed(prefix: AnyPrefix) -> bool:
    if isinstance(prefix, IPv4Network):
        return not prefix.subnet_of(_OWN_IPV4)
    return not any(prefix.subnet_of(own) for own in _OWN_IPV6)


def _said(hops: frozenset[str] | None) -> str:
    return "nothing" if hops is None else " + ".join(sorted(hops))
