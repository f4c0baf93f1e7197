"""gNMI updates of protojson decoded on one core, beside what protobuf's own reader takes.

The stream is what OpenConfig devices send in SAMPLE mode: a notification for each interface with
its counters, and now and then its state. The peer makes protobuf messages of the same bytes
(`json_format.Parse`) and does nothing with them; `json.loads` makes dictionaries, and as little.
"""

import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from google.protobuf import json_format

from benchmarks._report import Row, least_row
from ingest.device_names import DeviceNames
from ingest.heard import CounterReading, Refused, StatePatch
from ingest.sources.gnmi_decoder import GnmiDecoder

_DEVICE, _INTERFACES, _ROUNDS, _REPETITIONS = "leaf1", 64, 40, 5
_STEP_NS = 10 * 1_000_000_000
_TARGET_UPDATES = 100_000.0
_COUNTERS = (
    "in-octets",
    "out-octets",
    "in-unicast-pkts",
    "out-unicast-pkts",
    "in-multicast-pkts",
    "out-multicast-pkts",
    "in-broadcast-pkts",
    "out-broadcast-pkts",
    "in-errors",
    "out-errors",
    "in-discards",
    "out-discards",
    "in-fcs-errors",
    "carrier-transitions",
)


def gnmi_updates() -> Iterator[Row]:
    """Updates of one device with 64 interfaces, counters every 10 s."""
    records = [_response(turn, port) for turn in range(_ROUNDS) for port in range(_INTERFACES)]
    updates = len(records) * len(_COUNTERS)
    ours = [updates / _cpu_s(_decoded, records) for _ in range(_REPETITIONS)]
    name = "gNMI updates of protojson decoded, per core"
    yield least_row(name, ours, "updates/s", _TARGET_UPDATES)
    for peer, work in (("protobuf's json_format", _protobuf), ("json.loads", _plain)):
        theirs = [updates / _cpu_s(work, records) for _ in range(3)]
        yield least_row(f"the same by {peer}, nothing done with it", theirs, "updates/s", None)
        ratio = float(np.median(ours) / np.median(theirs))
        yield least_row(f"gNMI decoder / {peer}", [ratio], "x", None)


def _response(turn: int, port: int) -> bytes:
    counted = 10**12 + turn * 10**9 + port
    update = {
        "timestamp": str((turn + 1) * _STEP_NS),
        "prefix": {
            "origin": "openconfig",
            "target": _DEVICE,
            "elem": [
                {"name": "interfaces"},
                {"name": "interface", "key": {"name": f"Ethernet{port}"}},
                {"name": "state"},
                {"name": "counters"},
            ],
        },
        "update": [
            {
                "path": {"elem": [{"name": name}]},
                "val": {"uintVal": str(counted if "octets" in name else counted // 1000)},
            }
            for name in _COUNTERS
        ],
    }
    return json.dumps({"update": update}).encode()


def _decoded(records: Sequence[bytes]) -> int:
    decoder = GnmiDecoder("gnmi", DeviceNames([_DEVICE]))
    heard = 0
    for at, raw in enumerate(records):
        for it in decoder.decode(raw, origin=f"bench:{at}", received_ns=_STEP_NS * _ROUNDS):
            if isinstance(it, Refused):
                raise RuntimeError(f"refused: {it.reason}")  # noqa: TRY004 - a broken benchmark
            heard += isinstance(it, (CounterReading, StatePatch))
    return heard


def _protobuf(records: Sequence[bytes]) -> int:
    with warnings.catch_warnings():
        # Made by an older protoc than this protobuf's; it reads all the same.
        warnings.simplefilter("ignore")
        from pygnmi.spec.v080 import gnmi_pb2  # noqa: PLC0415

    seen = 0
    for raw in records:
        response = json_format.Parse(raw, gnmi_pb2.SubscribeResponse())
        seen += len(response.update.update)
    return seen


def _plain(records: Sequence[bytes]) -> int:
    return sum(len(json.loads(raw)["update"]["update"]) for raw in records)


def _cpu_s(work: Callable[[Sequence[bytes]], int], records: Sequence[bytes]) -> float:
    begun_s = time.process_time()
    if not work(records):
        raise RuntimeError("nothing was heard: nothing was measured")
    return time.process_time() - begun_s
