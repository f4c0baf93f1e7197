"""Vendors' words become ours: a sample is a whole reading, or it is refused with a reason."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from foreshadow.errors import ConfigError
from foreshadow.observed import DemandRate, Stream, encode
from foreshadow.telemetry import FlowRecord, TelemetrySample
from foreshadow.topology import Prefix
from ingest import frr_reading
from ingest.differential import Reading

_AHEAD_NS = 60 * 1_000_000_000
"""How far an exporter's clock may be ahead of itself: rounding, not more."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a sample is no reading."""

    reason: str


def normalize(sample: TelemetrySample) -> Reading | Refused:
    """What a sample says in the vocabulary, value by value encoded for the wire."""
    if not sample.device:
        return Refused("names no device")
    try:
        values = _flows(sample) if sample.encoding == "flow" else _shown(sample)
    except KeyError as error:
        return Refused(f"{sample.encoding} {sample.stream}: {error} is missing")
    except (ValueError, ConfigError) as error:
        return Refused(f"{sample.encoding} {sample.stream}: {error}")
    return Reading(
        device=sample.device,
        stream=sample.stream,
        values=values,
        observed_at_ns=sample.observed_at_ns,
        event_at_ns=sample.event_at_ns,
    )


_flow_decoder = msgspec.msgpack.Decoder(tuple[FlowRecord, ...])


def _shown(sample: TelemetrySample) -> Mapping[str, bytes]:
    return frr_reading.values(sample.stream, sample.body)


def _flows(sample: TelemetrySample) -> Mapping[str, bytes]:
    """Rates per destination prefix; a prefix that was exported twice is one flow too many."""
    if sample.stream is not Stream.DEMAND:
        raise ValueError("flow records are demand, nothing else")
    if sample.event_at_ns <= 0:
        raise ValueError("the interval has no start (event_at_ns)")
    # A time from the future would be the latest for ever: every true interval after it is old.
    if sample.event_at_ns > sample.observed_at_ns + _AHEAD_NS:
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
