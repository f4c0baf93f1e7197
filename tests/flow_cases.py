"""Datagrams of flow exporters made by hand, and their decoder for the conformance suite."""

import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from foreshadow.topology import NodeId, Prefix
from ingest.demand_interval import DemandRules, DeviceDemand
from ingest.demand_prefixes import PrefixTable
from ingest.heard import Refused
from ingest.sources.flow_decoder import FlowDecoder
from ingest.sources.netflow_templates import TemplateLimits
from ingest.sources.pcap import is_capture, udp_datagrams
from tests.decoder_case import DecoderCase, Hoard

SENT_S = 1_773_248_400
"""2026-03-11 17:00 UTC: when the datagrams of this module are sent, unless they say otherwise."""

Element = tuple[int, int]
"""(information element, length)."""

PLAIN: tuple[Element, ...] = ((12, 4), (1, 4), (2, 4), (10, 4), (22, 4), (21, 4), (13, 1))
"""Destination, octets, packets, input interface, first and last packet, mask."""


def v5(
    *flows: tuple[str, int, int], sent_s: int = SENT_S, number: int = 0, one_in: int = 0
) -> bytes:
    """NetFlow 5: (destination, octets, packets) of the last second, by a router up for an hour."""
    uptime_ms = 3_600_000
    sampling = (1 << 14) + one_in if one_in else 0
    header = struct.pack(">HHIIIIBBH", 5, len(flows), uptime_ms, sent_s, 0, number, 0, 0, sampling)
    return header + b"".join(
        struct.pack(
            ">IIIHHIIIIHHBBBBHHBBH",
            *(0x0A000001, int(IPv4Address(destination)), 0, 3, 4, packets, octets),
            *(uptime_ms - 1_000, uptime_ms, 1, 2, 0, 0, 6, 0, 0, 0, 0, 24, 0),
        )
        for destination, octets, packets in flows
    )


def v9(*sets: bytes, sent_s: int = SENT_S, number: int = 0, domain: int = 0) -> bytes:
    """NetFlow 9 by a router up for an hour."""
    header = struct.pack(">HHIIII", 9, len(sets), 3_600_000, sent_s, number, domain)
    return header + b"".join(sets)


def ipfix(*sets: bytes, sent_s: int = SENT_S, number: int = 0, domain: int = 0) -> bytes:
    """IPFIX."""
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), sent_s, number, domain) + body


def fields(identifier: int, body: bytes) -> bytes:
    """A set (RFC 7011 section 3.3)."""
    return struct.pack(">HH", identifier, 4 + len(body)) + body


def template(identifier: int, elements: Sequence[Element] = PLAIN, *, kind: int = 0) -> bytes:
    """A template set: kind 0 in NetFlow 9, 2 in IPFIX."""
    listed = b"".join(struct.pack(">HH", *element) for element in elements)
    return fields(kind, struct.pack(">HH", identifier, len(elements)) + listed)


def plain(destination: str, octets: int, packets: int = 1, *, age_ms: int = 0) -> bytes:
    """A record of `PLAIN`, of one moment, by a router up for an hour."""
    at_ms = 3_600_000 - age_ms
    return struct.pack(
        ">IIIIIIB", int(IPv4Address(destination)), octets, packets, 3, at_ms, at_ms, 24
    )


def sflow(*samples: bytes, number: int = 1, uptime_ms: int = 1_000) -> bytes:
    """SFlow 5 of agent 192.0.2.9."""
    head = struct.pack(">IIIIIII", 5, 1, 0xC0000209, 0, number, uptime_ms, len(samples))
    return head + b"".join(samples)


def sflow_sample(
    destination: str, *, octets: int = 1_000, one_in: int = 100, inward: int = 3, source: int = 3
) -> bytes:
    """A flow sample with one packet, known by its IPv4 addresses."""
    record = struct.pack(
        ">IIIIIIIIII", 3, 32, octets, 6, 0x0A000001, int(IPv4Address(destination)), 1, 2, 0, 0
    )
    body = struct.pack(">IIIIIIII", 1, source, one_in, 1_000, 0, inward, 4, 1) + record
    return struct.pack(">II", 1, len(body)) + body


def sflow_counters(index: int, *, name: bytes = b"", octets: int = 7) -> bytes:
    """A sample of a port's counters: what is all ones the agent does not count."""
    absent = (1 << 32) - 1
    counters = struct.pack(
        ">IIQIIQIIIIIIQIIIIII",
        *(index, 6, 10**9, 1, 3, octets, 1, 2, 3, 4, absent, 5, (1 << 64) - 1, 1, 2, 3, 6, 7, 0),
    )
    records = struct.pack(">II", 1, len(counters)) + counters
    if name:
        text = struct.pack(">I", len(name)) + name + bytes(-len(name) % 4)
        records += struct.pack(">II", 1005, len(text)) + text
    body = struct.pack(">III", 1, index, 1 + bool(name)) + records
    return struct.pack(">II", 2, len(body)) + body


def demand(
    *,
    interval_s: float = 10,
    lateness_s: float = 5,
    edges: frozenset[int] | None = None,
    prefixes: Iterable[str] = ("10.1.0.0/16", "10.2.0.0/16"),
    max_prefixes: int = 100,
    since_ns: int = 0,
) -> DeviceDemand:
    """The demand of a device `r1` in short intervals."""
    rules = DemandRules(
        interval_s=interval_s,
        lateness_s=lateness_s,
        edges=edges,
        prefixes=PrefixTable(map(Prefix, prefixes), remembered=max_prefixes),
        max_prefixes=max_prefixes,
    )
    return DeviceDemand(NodeId("r1"), rules, since_ns=since_ns)


def decoder() -> FlowDecoder:
    """Of an exporter of `r1`."""
    return FlowDecoder(demand())


def small_decoder() -> FlowDecoder:
    """One that remembers little."""
    limits = TemplateLimits(templates=20, domains=20, held_bytes=2_000)
    return FlowDecoder(demand(max_prefixes=20), limits=limits)


def _hoarded(number: int) -> bytes:
    """A new template, data of one that never comes, a new prefix, domain or agent."""
    if number % 2:
        return sflow(sflow_sample("10.1.0.1"), number=number).replace(
            b"\xc0\x00\x02\x09", number.to_bytes(4, "big"), 1
        )
    return v9(
        template(256 + number % 60_000),
        fields(256 + number % 60_000, plain(f"10.{number % 200}.{number // 200 % 200}.1", 100)),
        fields(65_000, plain("10.1.0.1", 100)),
        number=number,
        domain=number,
    )


def _datagrams(path: Path) -> Iterable[bytes]:
    if not is_capture(path):
        payloads = [each.read_bytes() for each in sorted(path.parent.glob("*.bin"))]
    else:
        payloads = [each.payload for each in udp_datagrams(path) if not isinstance(each, Refused)]
    # The suite's clock stands still, so an interval ends when the exporter's is a minute ahead.
    return [*payloads, v5(("10.1.0.1", 100, 1)), v5(("10.1.0.1", 1, 1), sent_s=SENT_S + 50)]


CASE = DecoderCase(
    name="flow",
    decoder=decoder,
    samples=(
        v5(("10.1.0.1", 3_000, 2), ("10.2.0.1", 1_500, 1)),
        v9(template(256), fields(256, plain("10.1.0.1", 1_000))),
        ipfix(template(256, ((12, 4), (85, 2), (86, 8)), kind=2), number=7, domain=1),
        sflow(sflow_sample("10.1.2.3"), sflow_counters(3, name=b"et-0/0/1")),
        v9(fields(256, plain("10.2.0.1", 400)), number=1, sent_s=SENT_S + 40),
    ),
    shared=("flow_telegraf/*/*.bin", "pcap_netflow/*.pcap", "pcap_sflow/*.pcap"),
    messages=_datagrams,
    hoard=Hoard(decoder=small_decoder, message=_hoarded),
)
