"""Flows that one core turns into demand: `python -m benchmarks.flows [--json] [--only NAME ...]`.

Exports as routers send them: 24 flows of 19 elements in a NetFlow 9 datagram, 30 in one of
NetFlow 5, 7 sampled headers in one of sFlow, to addresses all over 10,000 prefixes. The peer,
netflume's own decoder, makes typed flows of the same datagrams and does nothing with them.
"""

import random
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import dpkt
import netflume
import numpy as np

from benchmarks import _report as report
from benchmarks._report import Row, least_row
from foreshadow.topology import NodeId, Prefix
from ingest.demand_interval import DemandRules, DeviceDemand
from ingest.demand_prefixes import PrefixTable
from ingest.sources.flow_decoder import FlowDecoder

_SENT_S = 1_773_248_400
_SENT_NS = _SENT_S * 1_000_000_000
_UPTIME_MS = 3_600_000
_DATAGRAMS, _REPETITIONS = 1_000, 5
_ELEMENTS = (
    *((8, 4), (12, 4), (15, 4), (10, 4), (14, 4), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2)),
    *((11, 2), (6, 1), (4, 1), (16, 4), (17, 4), (9, 1), (13, 1), (61, 1), (48, 1)),
)
_V9_FLOWS, _V5_FLOWS, _SFLOW_SAMPLES = 24, 30, 7

_PREFIXES = PrefixTable(
    [Prefix(f"10.{one}.{two}.0/24") for one in range(40) for two in range(250)], remembered=1
)
"""Every look-up is made: in a network the same destinations come again and again."""
_rng = random.Random(20040311)


def netflow_9() -> Iterator[Row]:
    """NetFlow 9 with a template of 19 elements."""
    elements = b"".join(struct.pack(">HH", *element) for element in _ELEMENTS)
    template = struct.pack(">HHHH", 0, 8 + len(elements), 256, len(_ELEMENTS)) + elements
    datagrams = [_v9(0, template), *(_v9(n, _v9_data()) for n in range(1, _DATAGRAMS + 1))]
    yield from _compared("NetFlow 9", datagrams, _DATAGRAMS * _V9_FLOWS)


def netflow_5() -> Iterator[Row]:
    """NetFlow 5."""
    datagrams = [_v5(number) for number in range(_DATAGRAMS)]
    yield from _compared("NetFlow 5", datagrams, _DATAGRAMS * _V5_FLOWS)


def sflow() -> Iterator[Row]:
    """SFlow 5; netflume does not read it."""
    datagrams = [_sflow(number) for number in range(_DATAGRAMS)]
    flows = _DATAGRAMS * _SFLOW_SAMPLES
    ours = [flows / _cpu_s(_demand, datagrams) for _ in range(_REPETITIONS)]
    yield least_row("sFlow samples to demand, per core", ours, "samples/s", None)


def _compared(name: str, datagrams: Sequence[bytes], flows: int) -> Iterator[Row]:
    ours = [flows / _cpu_s(_demand, datagrams) for _ in range(_REPETITIONS)]
    theirs = [flows / _cpu_s(_typed, datagrams) for _ in range(_REPETITIONS)]
    yield least_row(f"{name} flows to demand, per core", ours, "flows/s", None)
    yield least_row("the same by netflume, nothing done with it", theirs, "flows/s", None)
    ratio = float(np.median(ours) / np.median(theirs))
    yield least_row(f"{name}, demand / netflume", [ratio], "x", None)


def _demand(datagrams: Sequence[bytes]) -> float:
    prefixes = PrefixTable(
        Prefix(f"10.{one}.{two}.0/24") for one in range(40) for two in range(250)
    )
    rules = DemandRules(interval_s=300, lateness_s=120, prefixes=prefixes)
    demand = DeviceDemand(NodeId("r1"), rules)
    decoder = FlowDecoder(demand, sampled_one_in=1_000)
    for raw in datagrams:
        for refused in decoder.decode(raw, origin="bench", received_ns=_SENT_NS):
            raise RuntimeError(f"refused or closed: {refused}")
    return demand.account.octets


def _typed(datagrams: Sequence[bytes]) -> float:
    decoder, octets = netflume.Decoder(), 0
    for raw in datagrams:
        for flow in decoder.decode(raw, "r1").typed_flows(now=_SENT_S):
            octets += flow.octets
    return octets


def _cpu_s(work: Callable[[Sequence[bytes]], float], datagrams: Sequence[bytes]) -> float:
    begun_s = time.process_time()
    if not work(datagrams):
        raise RuntimeError("nothing was heard: nothing was measured")
    return time.process_time() - begun_s


def _destination() -> int:
    return (
        0x0A000000 + (_rng.randrange(40) << 16) + (_rng.randrange(250) << 8) + _rng.randrange(256)
    )


def _v9(number: int, body: bytes) -> bytes:
    return struct.pack(">HHIIII", 9, 1, _UPTIME_MS, _SENT_S, number, 0) + body


def _v9_data() -> bytes:
    records = b"".join(
        struct.pack(
            ">IIIIIIIIIHHBBIIBBBB",
            *(0x0B000001, _destination(), 0, 3, 4, 10, 12_000, _UPTIME_MS - 9_000, _UPTIME_MS),
            *(443, 50_000, 16, 6, 64_500, 64_501, 24, 24, 0, 0),
        )
        for _ in range(_V9_FLOWS)
    )
    return struct.pack(">HH", 256, 4 + len(records)) + records


def _v5(number: int) -> bytes:
    header = struct.pack(
        *(">HHIIIIBBH", 5, _V5_FLOWS, _UPTIME_MS, _SENT_S, 0, number * _V5_FLOWS, 0, 0, 0)
    )
    return header + b"".join(
        struct.pack(
            ">IIIHHIIIIHHBBBBHHBBH",
            *(0x0B000001, _destination(), 0, 3, 4, 10, 12_000, _UPTIME_MS - 9_000, _UPTIME_MS),
            *(443, 50_000, 0, 16, 6, 0, 64_500, 64_501, 24, 24, 0),
        )
        for _ in range(_V5_FLOWS)
    )


def _sflow(number: int) -> bytes:
    head = struct.pack(">IIIIIII", 5, 1, 0xC0000201, 0, number, _UPTIME_MS + number, _SFLOW_SAMPLES)
    return head + b"".join(_sample() for _ in range(_SFLOW_SAMPLES))


def _sample() -> bytes:
    tcp = dpkt.tcp.TCP(sport=443, dport=50_000, data=bytes(70))
    packet = dpkt.ip.IP(
        src=b"\x0b\x00\x00\x01", dst=_destination().to_bytes(4, "big"), p=6, len=1_400, data=tcp
    )
    frame = bytes(dpkt.ethernet.Ethernet(data=packet, type=0x0800))[:128]
    raw = struct.pack(">IIII", 1, 1_418, 4, len(frame)) + frame + bytes(-len(frame) % 4)
    records = struct.pack(">II", 1, len(raw)) + raw
    body = struct.pack(">IIIIIIII", 1, 3, 1_000, 1_000, 0, 3, 4, 1) + records
    return struct.pack(">II", 1, len(body)) + body


main = partial(report.run, "Flow export", (netflow_9, netflow_5, sflow))

if __name__ == "__main__":
    main()
