"""Interface rows decoded, diffed and encoded on one core: packed frames, and a peer on JSON rows.

The peer does the same work as a plain program does it that gets JSON: rows as objects, the last
ones in a dictionary, rates by subtraction, what left the deadband as objects again. Counters that
were cleared or wrap are checked for by both.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from benchmarks._counter_load import STEP_NS, CounterLoad
from benchmarks._report import Row, least_row
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import COUNTER_COLUMNS, CounterBlock, TelemetrySample
from ingest.rates_owner import RateOwner

_ROUNDS, _REPETITIONS = 30, 5
_DEVICES = 40
_TARGET_ROWS = 3e6


def rows_per_core() -> Iterator[Row]:
    """Frames of 48 and of 480 rows, a tenth or all of them beyond the deadband; JSON beside it."""
    for interfaces, moving in ((48, 0.1), (48, 1.0), (480, 0.1)):
        load = CounterLoad(devices=_DEVICES, interfaces=interfaces, moving=moving)
        samples = [it for some in load.rounds(_ROUNDS) for it in some]
        records = [msgspec.msgpack.encode(it) for it in samples]
        rows = len(records) * interfaces
        ours = [rows / _cpu_s(_packed, records) for _ in range(_REPETITIONS)]
        name = f"interface rows, frames of {interfaces}, {moving:.0%} beyond the deadband"
        yield least_row(f"{name}, per core", ours, "rows/s", _TARGET_ROWS)
        if interfaces == 48 and moving < 1:
            objects = [json.dumps(_as_rows(it)).encode() for it in samples]
            theirs = [rows / _cpu_s(_json_rows, objects) for _ in range(3)]
            yield least_row(
                "the same with JSON rows and the standard library", theirs, "rows/s", None
            )
            ratio = float(np.median(ours) / np.median(theirs))
            yield least_row("packed frames / JSON rows", [ratio], "x", None)


def _cpu_s(work: Callable[[Sequence[bytes]], int], records: Sequence[bytes]) -> float:
    begun_s = time.process_time()
    if not work(records):
        raise RuntimeError("nothing was said: nothing was measured")
    return time.process_time() - begun_s


def _packed(records: Sequence[bytes]) -> int:
    """Decode, make rates, encode what is to be said; bytes said."""
    owner, said = RateOwner(1, IngestSettings()), 0
    decoder, encoder = msgspec.msgpack.Decoder(TelemetrySample), msgspec.msgpack.Encoder()
    for at in range(0, len(records), _DEVICES):
        for raw in records[at : at + _DEVICES]:
            said += sum(len(encoder.encode(it)) for it in owner.take(decoder.decode(raw)))
        now_ns = (at // _DEVICES + 2) * STEP_NS
        said += sum(len(encoder.encode(it)) for it in owner.settle(now_ns))
    if owner.counts.void_rows > _DEVICES * 480:
        raise RuntimeError("more rows gave no rate than the first readings")
    return said


def _as_rows(sample: TelemetrySample) -> dict[str, object]:
    block = msgspec.msgpack.decode(sample.body, type=CounterBlock)
    columns = [np.frombuffer(column, "<u8").tolist() for column in block.columns]
    rows = [
        {"interface": name, **dict(zip(COUNTER_COLUMNS, values, strict=True))}
        for name, *values in zip(block.interfaces, *columns, strict=True)
    ]
    return {"device": sample.device, "at_ns": sample.observed_at_ns, "rows": rows}


def _json_rows(records: Sequence[bytes]) -> int:
    before: dict[tuple[str, str], tuple[int, dict[str, int]]] = {}
    told: dict[tuple[str, str], list[float]] = {}
    said = 0
    for raw in records:
        reading = json.loads(raw)
        device, at_ns = reading["device"], reading["at_ns"]
        moved = [
            {"interface": row["interface"], "rates": rates}
            for row in reading["rows"]
            if (rates := _rates(before, (device, row["interface"]), at_ns, row)) is not None
            and _has_moved(told, (device, row["interface"]), rates)
        ]
        if moved:
            said += len(json.dumps({"device": device, "at_ns": at_ns, "rows": moved}))
    return said


def _rates(
    before: dict[tuple[str, str], tuple[int, dict[str, int]]],
    place: tuple[str, str],
    at_ns: int,
    row: dict[str, int],
) -> list[float] | None:
    known = before.get(place)
    before[place] = (at_ns, row)
    if known is None:
        return None
    dt_s = (at_ns - known[0]) / 1e9
    counted = [row[name] - known[1][name] for name in COUNTER_COLUMNS[:6]]
    if min(counted) < 0:
        return None
    return [8 * counted[0] / dt_s, 8 * counted[1] / dt_s, *(it / dt_s for it in counted[2:])]


def _has_moved(
    told: dict[tuple[str, str], list[float]], place: tuple[str, str], rates: list[float]
) -> bool:
    known = told.get(place)
    if known is not None and all(
        abs(now - then) <= 0.02 * then for now, then in zip(rates, known, strict=True)
    ):
        return False
    told[place] = rates
    return True
