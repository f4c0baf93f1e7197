"""Route messages: what the kernel encodes is what we read, whatever the bytes."""

import errno
import socket
import struct
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shadow.emulation.rtnetlink import TABLE_MAIN, Route, changes, routes, set_neighbors
from tests.route_messages import encoded

_HOPS = st.lists(
    st.tuples(st.integers(1, 2**31 - 1), st.none() | st.ip_addresses(v=4)), min_size=1, max_size=4
)


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
def test_routes_are_read_as_they_wereencoded(sent: list[Route]) -> None:
    """Any number of messages in a datagram, with one next hop or several."""
    datagram = b"".join(encoded(route) for route in sent)

    assert list(routes(datagram)) == sent


@given(noise=st.binary(max_size=200), sent=_ROUTES, cut=st.integers(0, 60))
def test_no_datagram_makes_the_reader_hang(noise: bytes, sent: Route, cut: int) -> None:
    """A datagram of another kind, or one that was cut, ends; it may only be refused as bad."""
    for datagram in (noise, encoded(sent)[:-cut] if cut else b""):
        try:
            read = list(routes(datagram))
        except (struct.error, ValueError, IndexError):
            continue
        assert len(read) <= len(datagram)


def test_both_families_are_followed() -> None:
    """An IPv6 route is read with its gateway, and `changes` says what came and went."""
    route = Route(
        prefix=IPv6Network("2001:db8:7::/48"),
        table=TABLE_MAIN,
        type=1,
        protocol=187,
        hops=((4, IPv6Address("fe80::7")),),
    )
    gone = replace(route, prefix=IPv6Network("2001:db8:8::/48"), is_removed=True)

    assert list(routes(encoded(route))) == [route]
    assert list(changes(encoded(route) + encoded(gone))) == [
        (route.prefix, False),
        (gone.prefix, True),
    ]


def test_a_refused_neighbor_leaves_no_answer_for_the_next_request() -> None:
    """Every acknowledgement is read before the first refusal is told."""
    neighbors = {IPv4Address(f"10.0.0.{host}"): bytes(6) for host in (1, 2, 3)}
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, kernel:
        for code in (0, -errno.ENOBUFS, 0):
            kernel.send(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, code) + bytes(16))
        with pytest.raises(OSError, match="refused a neighbor") as refused:
            set_neighbors(ours, 1, neighbors)
        ours.setblocking(False)  # noqa: FBT003 - the socket's own signature.

        assert refused.value.errno == errno.ENOBUFS
        with pytest.raises(BlockingIOError):
            ours.recv(1)
