"""Vendors' words become ours: a sample is a reading or a patch, or it is refused with a reason.

Every value is decoded as what its stream holds and encoded again, so that equal values have equal
bytes whoever wrote them. Bytes that are known already went through this and are taken as they are.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import msgspec

from foreshadow.errors import ConfigError
from foreshadow.observed import UNDECODABLE, DemandRate, Stream, decode, encode, key_of
from foreshadow.telemetry import FlowRecord, Patch, TelemetrySample
from foreshadow.topology import Prefix
from ingest import frr_reading
from ingest.differential import Reading

MOST_ENTRIES = 4_000_000
"""In one stream of one device: four times the Internet's table."""
LONGEST_KEY = 512
_MOST_SUBTREES = 10_000
_AHEAD_NS = 60 * 1_000_000_000
"""How far an exporter's clock may be ahead of itself: rounding, not more."""

Known = Mapping[str, bytes]
_NOTHING: Known = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a sample is no reading."""

    reason: str


def normalize(
    sample: TelemetrySample, *, known: Known = _NOTHING, heard_ns: int | None = None
) -> Reading | Refused:
    """What a whole sample says in the vocabulary, value by value encoded for the wire.

    Args:
        sample: One of `frr`, `flow` or `state`.
        known: Values that went through here before, by key.
        heard_ns: When it was heard of, by our clock: no reading is of a later time.
    """
    observed_ns = sample.observed_at_ns
    observed_ns = observed_ns if heard_ns is None else min(observed_ns, heard_ns)
    try:
        _check_place(sample)
        values = _whole(sample, known, observed_ns)
    except _REASONS as error:
        return _refused(sample, error)
    return Reading(
        device=sample.device,
        stream=sample.stream,
        values=values,
        observed_at_ns=observed_ns,
        event_at_ns=sample.event_at_ns if sample.stream is Stream.DEMAND else 0,
    )


def patch_of(sample: TelemetrySample, *, known: Known = _NOTHING) -> Patch | Refused:
    """What a `patch` says, its values encoded as everybody's are."""
    try:
        _check_place(sample)
        patch = _patch_decoder.decode(sample.body)
        if len(patch.subtrees) > _MOST_SUBTREES:
            raise ValueError(f"more than {_MOST_SUBTREES} subtrees in one patch")
        upserts = tuple(_checked(sample.stream, patch.upserts, known).items())
    except _REASONS as error:
        return _refused(sample, error)
    coalesced = max(0, patch.coalesced)
    return msgspec.structs.replace(patch, upserts=upserts, coalesced=coalesced)


_patch_decoder = msgspec.msgpack.Decoder(Patch)
_flow_decoder = msgspec.msgpack.Decoder(tuple[FlowRecord, ...])
_state_decoder = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...])
_REASONS = (KeyError, ValueError, ConfigError, RecursionError)


def _refused(sample: TelemetrySample, error: Exception) -> Refused:
    what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return Refused(f"{sample.encoding} {sample.stream}: {what}")


def _check_place(sample: TelemetrySample) -> None:
    if not sample.device:
        raise ValueError("names no device")
    if (sample.stream is Stream.DEMAND) != (sample.encoding == "flow"):
        raise ValueError("demand comes as flow records, and nothing else does")


def _whole(sample: TelemetrySample, known: Known, observed_ns: int) -> Known:
    match sample.encoding:
        case "flow":
            return _flows(sample, observed_ns)
        case "frr":
            return frr_reading.values(sample.stream, sample.body)
        case "state":
            return _checked(sample.stream, _state_decoder.decode(sample.body), known)
        case _:
            raise ValueError("is no whole reading")


def _checked(
    stream: Stream, entries: Iterable[tuple[str, bytes]], known: Known
) -> dict[str, bytes]:
    """The values as we write them.

    Raises:
        ValueError: One is none of its stream, or stands under another's key; says which.
    """
    values: dict[str, bytes] = {}
    for key, raw in entries:
        before = known.get(key)
        values[key] = before if before == raw and before is not None else _ours(stream, key, raw)
    if len(values) > MOST_ENTRIES:
        raise ValueError(f"{len(values)} entries; at most {MOST_ENTRIES} are followed")
    return values


def _ours(stream: Stream, key: str, raw: bytes) -> bytes:
    try:
        value = decode(stream, raw)
    except UNDECODABLE as error:
        raise ValueError(f"{key[:LONGEST_KEY]!r}: {error}") from error
    if isinstance(value, DemandRate):
        raise ValueError("demand comes as flow records")  # noqa: TRY004 - of input, not of a type
    if key_of(value) != key or len(key) > LONGEST_KEY or "\0" in key:
        raise ValueError(f"{key[:LONGEST_KEY]!r}: holds the value of {key_of(value)!r}")
    return encode(value)


def _flows(sample: TelemetrySample, observed_ns: int) -> Known:
    """Rates per destination prefix; a prefix that was exported twice is one flow too many."""
    if sample.event_at_ns <= 0:
        raise ValueError("the interval has no start (event_at_ns)")
    # A time from the future would be the latest for ever: every true interval after it is old.
    if sample.event_at_ns > observed_ns + _AHEAD_NS:
        raise ValueError("the interval begins after it was observed (event_at_ns)")
    flows = _flow_decoder.decode(sample.body)
    rates = {_canonical(flow.prefix): flow.rate_bps for flow in flows}
    if len(rates) != len(flows):
        raise ValueError("a prefix is in it twice")
    if not all(rate >= 0 and math.isfinite(rate) for rate in rates.values()):
        raise ValueError("a rate is negative or not finite")
    return {prefix: encode(DemandRate(rate_bps=rate)) for prefix, rate in rates.items()}


@lru_cache(maxsize=65_536)
def _canonical(prefix: str) -> str:
    """The prefix as we write it.

    Raises:
        ValueError: It is none, or has host bits.
    """
    return str(Prefix(prefix))
