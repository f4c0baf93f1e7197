"""Flows as they are written to the wire, and how their loss is judged."""

import socket
import struct
import time
from base64 import b64encode
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

import pytest

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.topology import NodeId, Prefix
from shadow.emulation.traffic_process import MARK, Way
from shadow.flows import FRAME_BYTES, Delivery, headers, scale_for

_KEY = DemandKey(ingress=NodeId("NE"), prefix=Prefix("10.3.0.0/16"))


def _plan(outlet: int, **changes: Any) -> dict[str, Any]:
    return {
        "outlet": outlet,
        "target": None,
        "head": b64encode(headers(IPv4Address("198.18.0.1"), IPv4Address("10.3.0.1"))).decode(),
        "length": FRAME_BYTES - 14,
        "interval_ns": 1_000_000,
        "first_port": 40_000,
        "ports": 3,
        "catches_up": True,
        **changes,
    }


def _delivery(intended_bps: float, carried_bps: float) -> Delivery:
    return Delivery(
        key=_KEY,
        intended_bps=intended_bps,
        offered_bps=intended_bps,
        carried_bps=carried_bps,
        sent=10,
        arrived=5,
        latency=None,
    )


def test_headers_are_what_a_router_accepts() -> None:
    """The IP header sums to nothing (RFC 1071), lengths and addresses are in their places."""
    head = headers(IPv4Address("198.18.0.1"), IPv4Address("10.3.0.1"))

    words = sum(struct.unpack("!10H", head[:20]))
    assert (words & 0xFFFF) + (words >> 16) == 0xFFFF
    assert struct.unpack("!H", head[2:4])[0] == FRAME_BYTES - 14
    assert IPv4Address(head[16:20]) == IPv4Address("10.3.0.1")
    assert struct.unpack("!H", head[24:26])[0] == FRAME_BYTES - 34


def test_source_ports_go_round_and_each_packet_has_its_number() -> None:
    """Each port is a flow of its own to whoever hashes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        way = Way(7, _plan(ours.fileno()))
        for _ in range(4):
            way.send(time.monotonic_ns())
        packets = [theirs.recv(2000) for _ in range(4)]

    assert [int.from_bytes(packet[20:22], "big") for packet in packets] == [
        40_000,
        40_001,
        40_002,
        40_000,
    ]
    assert [MARK.unpack_from(packet, 28) for packet in packets] == [(7, it) for it in range(4)]
    assert {len(packet) for packet in packets} == {FRAME_BYTES - 14}


@pytest.mark.parametrize(("catches_up", "is_due_in_the_past"), [(True, True), (False, False)])
def test_a_late_flow_catches_up_and_a_late_probe_goes_on(
    *, catches_up: bool, is_due_in_the_past: bool
) -> None:
    """A rate was promised; a sample of a moment that is over was not."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        way = Way(0, _plan(ours.fileno(), catches_up=catches_up))
        now_ns = time.monotonic_ns()

        next_ns = way.send(now_ns - 50_000_000)

    assert (next_ns < now_ns) is is_due_in_the_past
    assert way.late[0] >= 50_000_000


def test_a_packet_nobody_takes_counts_as_sent() -> None:
    """No route is loss, not an error."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours:
        theirs.close()
        way = Way(0, _plan(ours.fileno()))
        way.send(time.monotonic_ns())

    told, content = way.tell()
    assert told == {"sent": 1, "received": 0}
    assert len(content) == 16
    assert way.tell()[0] == {"sent": 0, "received": 0}


def test_loss_is_judged_against_the_rate_that_was_intended() -> None:
    """Half arrived is half lost; a little more than intended is none."""
    assert _delivery(10e6, 5e6).loss_ratio == 0.5
    assert _delivery(10e6, 10.1e6).loss_ratio == 0.0
    assert _delivery(0.0, 0.0).loss_ratio == 0.0


def test_a_demand_is_scaled_to_what_the_host_can_send() -> None:
    """A small one not at all."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    large = DemandMatrix(at=at, keys=(_KEY,), rates_bps=(80e9,))
    small = DemandMatrix(at=at, keys=(_KEY,), rates_bps=(1e6,))

    assert scale_for(large, packets_per_s=10_000) == pytest.approx(1000)
    assert scale_for(small) == 1.0
