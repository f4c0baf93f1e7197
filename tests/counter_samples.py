"""Counters of a device as samples of the telemetry topic, for tests."""

from collections.abc import Mapping

import msgspec
import numpy as np

from foreshadow.observed import Stream
from foreshadow.telemetry import COUNTER_COLUMNS, NOT_COUNTED, CounterBlock, TelemetrySample
from foreshadow.topology import NodeId

R1 = NodeId("R1")
SECOND_NS = 1_000_000_000

Read = Mapping[str, int]
"""Columns of one interface; what is not in it counts nothing, and not even that is said."""


def block(
    readings: Mapping[str, Read],
    *,
    bits: int = 64,
    capacities_bps: Mapping[str, float] | None = None,
    since_ns: Mapping[str, int] | None = None,
) -> CounterBlock:
    """The counters of these interfaces, packed."""
    stated, since = capacities_bps or {}, since_ns or {}
    return CounterBlock(
        interfaces=tuple(readings),
        columns=tuple(
            np.asarray(
                [read.get(column, NOT_COUNTED) for read in readings.values()], dtype="<u8"
            ).tobytes()
            for column in COUNTER_COLUMNS
        ),
        bits=bits,
        capacities_bps=np.asarray([stated.get(name, 0.0) for name in readings], "<f8").tobytes(),
        since_ns=np.asarray([since.get(name, 0) for name in readings], "<i8").tobytes(),
    )


def sample(
    counters: CounterBlock,
    at_s: float,
    *,
    seq: int = 1,
    device: NodeId = R1,
    source: str = "snmp",
    event_s: float | None = None,
) -> TelemetrySample:
    """Counters read `at_s` seconds after the epoch; `event_s` is the device's clock, if another."""
    at_ns = round(at_s * SECOND_NS)
    return TelemetrySample(
        device=device,
        stream=Stream.INTERFACE,
        source=source,
        epoch=1,
        seq=seq,
        observed_at_ns=at_ns,
        encoding="counters",
        body=msgspec.msgpack.encode(counters),
        event_at_ns=at_ns if event_s is None else round(event_s * SECOND_NS),
    )


def octets(**interfaces: int) -> dict[str, Read]:
    """So many octets in, by interface."""
    return {name: {"in_octets": count} for name, count in interfaces.items()}
