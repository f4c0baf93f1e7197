"""RIB == FIB in both families: what zebra prints against what the kernel lists."""

import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from shadow.emulation.agreement import differences, kernel_table, zebra_table
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

_NAMES = {1: "lo", 2: "to-B", 3: "to-C"}
_OSPF = 188


def _route(
    prefix: AnyPrefix, *hops: Hop, table: int = TABLE_MAIN, kind: int = TYPE_UNICAST
) -> Route:
    protocol = PROTOCOL_KERNEL if table == TABLE_LOCAL else _OSPF
    return Route(prefix=prefix, table=table, type=kind, protocol=protocol, hops=hops)


def _shown(prefix: str, *nexthops: Mapping[str, object], protocol: str = "ospf") -> str:
    installed = {"fib": True, "active": True}
    route = {
        "prefix": prefix,
        "protocol": protocol,
        "selected": True,
        "installed": True,
        "nexthops": [{**installed, **hop} for hop in nexthops],
    }
    return json.dumps({prefix: [route]})


def test_a_next_hop_that_was_let_go_is_none() -> None:
    """FRR 10.3 after a cut: `fib` is still said of the next hop over the link, `active` is not."""
    via_b = {"ip": "10.254.0.1", "interfaceName": "to-B"}
    let_go = {"ip": "10.254.0.3", "interfaceName": "to-C", "active": False}
    zebra = zebra_table(_shown("10.1.0.0/16", via_b, let_go))
    kernel = kernel_table(
        [_route(IPv4Network("10.1.0.0/16"), (2, IPv4Address("10.254.0.1")))], _NAMES
    )

    assert differences(zebra, kernel) == ()


def test_equal_tables_do_not_differ() -> None:
    """Several next hops in any order, a discard, the router's own address, IPv6 by link-local."""
    via_b = {"ip": "10.254.0.1", "interfaceName": "to-B"}
    via_c = {"ip": "10.254.0.3", "interfaceName": "to-C"}
    over_six = {"ip": "fe80::2", "interfaceName": "to-B"}
    zebra = {
        **zebra_table(_shown("10.1.0.0/16", via_b, via_c)),
        **zebra_table(_shown("10.2.0.0/16", {"blackhole": True}, protocol="static")),
        **zebra_table(_shown("10.255.0.1/32", {"interfaceName": "lo"}, protocol="connected")),
        **zebra_table(_shown("2001:db8:1::/48", over_six, protocol="isis")),
    }
    b, c = (2, IPv4Address("10.254.0.1")), (3, IPv4Address("10.254.0.3"))
    kernel = kernel_table(
        [
            _route(IPv4Network("10.1.0.0/16"), c, b),
            _route(IPv4Network("10.2.0.0/16"), kind=TYPE_BLACKHOLE),
            _route(IPv4Network("10.255.0.1/32"), (1, None), table=TABLE_LOCAL, kind=TYPE_LOCAL),
            _route(IPv6Network("2001:db8:1::/48"), (2, IPv6Address("fe80::2"))),
        ],
        _NAMES,
    )

    assert differences(zebra, kernel) == ()


def test_a_group_that_lost_a_member_in_the_kernel_is_told() -> None:
    """FRR 8.4's kernel next hop groups do that after a link went down and up."""
    zebra = zebra_table(
        _shown(
            "10.1.0.0/16",
            {"ip": "10.254.0.1", "interfaceName": "to-B"},
            {"ip": "10.254.0.3", "interfaceName": "to-C"},
        )
    )
    kernel = kernel_table(
        [_route(IPv4Network("10.1.0.0/16"), (2, IPv4Address("10.254.0.1")))], _NAMES
    )

    assert differences(zebra, kernel) == (
        "10.1.0.0/16: zebra to-B 10.254.0.1 + to-C 10.254.0.3, kernel to-B 10.254.0.1",
    )


def test_a_prefix_on_one_side_alone_is_told_in_either_family() -> None:
    """IPv4 first, then IPv6."""
    kernel = kernel_table([_route(IPv6Network("2001:db8:2::/48"), (2, None))], _NAMES)
    zebra = zebra_table(_shown("10.9.0.0/16", {"ip": "10.254.0.1", "interfaceName": "to-B"}))

    assert differences(zebra, kernel) == (
        "10.9.0.0/16: zebra to-B 10.254.0.1, kernel nothing",
        "2001:db8:2::/48: zebra nothing, kernel here",
    )


def test_what_every_host_has_is_no_routing() -> None:
    """Loopback and link-local prefixes; FRR 10 also prints each interface's own address."""
    kernel = kernel_table(
        [
            _route(IPv6Network("fe80::/64"), (2, None)),
            _route(IPv6Network("::1/128"), (1, None)),
            _route(IPv4Network("127.0.0.1/32"), (1, None), table=TABLE_LOCAL, kind=TYPE_LOCAL),
        ],
        _NAMES,
    )
    zebra = {
        **zebra_table(_shown("fe80::/64", {"interfaceName": "to-B"}, protocol="connected")),
        **zebra_table(_shown("10.254.0.0/32", {"interfaceName": "to-B"}, protocol="local")),
    }

    assert kernel == {}
    assert zebra == {}
