"""sFlow datagrams become flows, whatever the agent does."""

import struct
from ipaddress import IPv4Address

import pytest

from ingest.demand_flow import Aside, Direction
from ingest.heard import CounterReading, Counters
from ingest.sources.flow_decoder import FlowDecoder
from ingest.sources.flow_export import Export
from ingest.sources.sflow import SflowParser, agent_of
from tests.flow_cases import demand, sflow, sflow_counters, sflow_sample


def _parse(raw: bytes, parser: SflowParser | None = None) -> Export:
    return (parser or SflowParser()).parse(raw, origin="test", received_ns=7)


def _frame_sample(header: bytes, *, frame_octets: int = 1_018) -> bytes:
    """A compact flow sample with the beginning of an Ethernet frame, and the route it took."""
    raw = struct.pack(">IIII", 1, frame_octets, 4, len(header)) + header + bytes(-len(header) % 4)
    route = struct.pack(">IIII", 1, 0x0A0000FE, 16, 24)
    records = struct.pack(">II", 1, len(raw)) + raw + struct.pack(">II", 1002, len(route)) + route
    body = struct.pack(">IIIIIIII", 1, 3, 100, 1_000, 0, 3, 4, 2) + records
    return struct.pack(">II", 1, len(body)) + body


_IPV4 = struct.pack(">BBHHHBBHII", 0x45, 0, 1_000, 0, 0, 64, 6, 0, 0x0A000001, 0x0A010203)
_ETHERNET = bytes(12)


@pytest.mark.parametrize(
    "header",
    [
        _ETHERNET + b"\x08\x00" + _IPV4,
        _ETHERNET + b"\x81\x00\x00\x64\x08\x00" + _IPV4,
        _ETHERNET + b"\x88\xa8\x00\x64\x81\x00\x00\x0a\x08\x00" + _IPV4,
        _ETHERNET + b"\x88\x47" + struct.pack(">II", 100 << 12, 200 << 12 | 1 << 8) + _IPV4,
    ],
    ids=["plain", "vlan", "two vlans", "mpls"],
)
def test_a_frame_is_looked_into(header: bytes) -> None:
    """Behind tags and labels is the packet; its route's mask is in a record of its own."""
    (flow,) = _parse(sflow(_frame_sample(header))).flows

    assert flow.destination == int(IPv4Address("10.1.2.3"))
    assert (flow.octets, flow.packets, flow.mask_bits) == (1_000, 1, 24)
    assert (flow.sampled_one_in, flow.ingress, flow.direction) == (100, 3, Direction.INGRESS)


def test_a_packet_without_length_has_that_of_its_frame() -> None:
    """Segments that a card had joined say 0."""
    header = _ETHERNET + b"\x08\x00" + _IPV4[:2] + b"\x00\x00" + _IPV4[4:]

    (flow,) = _parse(sflow(_frame_sample(header, frame_octets=9_018))).flows

    assert flow.octets == 9_000


def test_what_is_not_ip_has_no_destination() -> None:
    """ARP is counted with its octets, and is no demand."""
    (flow,) = _parse(sflow(_frame_sample(_ETHERNET + b"\x08\x06" + bytes(28)))).flows

    assert (flow.destination, flow.aside, flow.octets) == (None, None, 1_000)


def test_a_port_that_samples_what_it_sends_says_so() -> None:
    """The packet was sampled at its entrance too."""
    raw = sflow(sflow_sample("10.1.0.1", source=3), sflow_sample("10.1.0.1", source=4))

    assert [flow.direction for flow in _parse(raw).flows] == [Direction.INGRESS, Direction.EGRESS]


def test_one_bad_sample_costs_no_other() -> None:
    """Each has its own length."""
    bad = struct.pack(">II", 1, 8) + bytes(8)
    none = sflow_sample("10.1.0.9", one_in=0)
    vendor = struct.pack(">III", 4413 << 12 | 1, 4, 0)
    raw = sflow(sflow_sample("10.1.0.1"), bad, none, vendor, sflow_sample("10.1.0.2"))
    parser = SflowParser()

    export = _parse(raw, parser)

    assert len(export.flows) == 2
    assert [each.reason for each in export.refused] == [
        "an sFlow sample ends before what it announces",
        "an sFlow sample says that it is one packet in 0",
    ]
    assert parser.other_samples == 1


@pytest.mark.parametrize("length", [4, 7, 11, 27, 30, 60])
def test_what_is_cut_is_refused(length: int) -> None:
    """What came before the cut is used."""
    export = _parse(sflow(sflow_sample("10.1.0.1"))[:length])

    assert export.refused
    assert not export.is_whole


def test_more_samples_than_there_are_end() -> None:
    """A count of four thousand million is not believed."""
    raw = bytearray(sflow(sflow_sample("10.1.0.1")))
    raw[24:28] = b"\xff\xff\xff\xff"

    export = _parse(bytes(raw))

    assert len(export.flows) == 1
    assert len(export.refused) == 1


def test_lost_datagrams_are_counted() -> None:
    """By their numbers; a late one is none, and an agent that restarts has lost none."""
    parser = SflowParser()
    told = [(1, 71_000), (2, 72_000), (5, 73_000), (4, 72_900), (6, 74_000), (1, 10), (2, 20)]

    lost = [
        _parse(sflow(sflow_sample("10.1.0.1"), number=number, uptime_ms=uptime_ms), parser).lost
        for number, uptime_ms in told
    ]

    assert lost == [0, 0, 2, 0, 0, 0, 0]


def test_the_agent_is_named_in_the_datagram() -> None:
    """Which tells devices behind a relay apart."""
    assert agent_of(sflow()) == "192.0.2.9"
    assert agent_of(b"\x00\x09") is None
    assert agent_of(b"\x00\x00\x00\x05\x00\x00\x00\x09") is None


def test_ipv6_addresses_of_a_sample_are_set_aside() -> None:
    """A sample of the IPv6 kind, without a header."""
    record = struct.pack(">II", 4, 56) + (900).to_bytes(4, "big") + bytes(52)
    body = struct.pack(">IIIIIIII", 1, 3, 100, 1_000, 0, 3, 4, 1) + record

    (flow,) = _parse(sflow(struct.pack(">II", 1, len(body)) + body)).flows

    assert (flow.aside, flow.octets) == (Aside.IPV6, 900)


def test_counters_of_ports_are_read() -> None:
    """All ones are what the agent does not count."""
    (port,) = _parse(sflow(sflow_counters(3, name=b"et-0/0/1"))).ports

    assert port.index == 3
    assert port.counters == Counters(
        interface="et-0/0/1",
        in_octets=7,
        in_discards=4,
        out_discards=6,
        out_errors=7,
        capacity_bps=1e9,
    )


def test_ports_go_by_their_name() -> None:
    """The operator's, else the agent's; those without are counted, those told twice told once."""
    decoder = FlowDecoder(demand(), interfaces={4: "lo0"})
    raw = sflow(
        sflow_counters(3, name=b"et-0/0/1"),
        sflow_counters(4, name=b"ignored"),
        sflow_counters(5),
        sflow_counters(3, name=b"et-0/0/1", octets=8),
        sflow_counters(6, name=b"bad\x00name"),
    )

    (reading,) = decoder.decode(raw, origin="", received_ns=7)

    assert isinstance(reading, CounterReading)
    assert [(row.interface, row.in_octets) for row in reading.counters] == [
        ("et-0/0/1", 8),
        ("lo0", 7),
    ]
    assert decoder.account.nameless == 2


@pytest.mark.parametrize("length", [60, 100, 150])
def test_counters_that_are_cut_are_refused(length: int) -> None:
    """No half of a record is believed."""
    export = _parse(sflow(sflow_counters(3, name=b"et-0/0/1"))[:length])

    assert not export.ports
    assert export.refused
