"""Route messages: what the kernel encodes is what we read, whatever the bytes."""

import socket
import struct
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from shadow.emulation.rtnetlink import TABLE_MAIN, Route, routes

_HOPS = st.lists(
    st.tuples(st.integers(1, 2**31 - 1), st.none() | st.ip_addresses(v=4)), min_size=1, max_size=4
)


def _attribute(kind: int, payload: bytes) -> bytes:
    padding = b"\0" * (-len(payload) % 4)
    return struct.pack("=HH", 4 + len(payload), kind) + payload + padding


def _encoded(route: Route) -> bytes:
    """The message the kernel would send."""
    body = struct.pack(
        "=BBBBBBBBI",
        socket.AF_INET,
        route.prefix.prefixlen,
        *(0, 0, 0, route.protocol, 0, route.type, 0),
    )
    if route.prefix.prefixlen:
        body += _attribute(1, route.prefix.network_address.packed)
    body += _attribute(15, struct.pack("=I", route.table))
    if len(route.hops) == 1:
        ((index, gateway),) = route.hops
        body += _attribute(4, struct.pack("=i", index))
        body += _attribute(5, gateway.packed) if gateway else b""
    else:
        hops = b""
        for index, gateway in route.hops:
            inner = _attribute(5, gateway.packed) if gateway else b""
            hops += struct.pack("=HBBi", 8 + len(inner), 0, 0, index) + inner
        body += _attribute(9, hops)
    kind = 25 if route.is_removed else 24
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def _network(address: IPv4Address, length: int) -> IPv4Network:
    return IPv4Network((address, length), strict=False)


_ROUTES = st.builds(
    lambda prefix, table, kind, protocol, hops, is_removed: Route(
        prefix=prefix,
        table=table,
        type=kind,
        protocol=protocol,
        hops=tuple(hops),
        is_removed=is_removed,
    ),
    st.builds(_network, st.ip_addresses(v=4), st.integers(0, 32)),
    st.sampled_from([TABLE_MAIN, 255, 100_000]),
    st.integers(1, 10),
    st.integers(0, 255),
    _HOPS,
    st.booleans(),
)


@given(sent=st.lists(_ROUTES, max_size=5))
def test_routes_are_read_as_they_were_encoded(sent: list[Route]) -> None:
    """Any number of messages in a datagram, with one next hop or several."""
    datagram = b"".join(_encoded(route) for route in sent)

    assert list(routes(datagram)) == sent


@given(noise=st.binary(max_size=200), sent=_ROUTES, cut=st.integers(0, 60))
def test_no_datagram_makes_the_reader_hang(noise: bytes, sent: Route, cut: int) -> None:
    """A datagram of another kind, or one that was cut, ends; it may only be refused as bad."""
    for datagram in (noise, _encoded(sent)[:-cut] if cut else b""):
        try:
            read = list(routes(datagram))
        except (struct.error, ValueError, IndexError):
            continue
        assert len(read) <= len(datagram)
