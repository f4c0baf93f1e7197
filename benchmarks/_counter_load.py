"""Counters as a network's devices would send them, made once and then replayed at any speed."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from foreshadow.observed import Stream
from foreshadow.telemetry import CounterBlock, TelemetrySample
from foreshadow.topology import NodeId

STEP_NS = 10 * 1_000_000_000
_CAPACITY_BPS = 1e11
_JITTER = 0.004
"""Two readings of steady traffic differ by less than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterLoad:
    """Devices, interfaces of each, and how many of those leave the deadband in an interval."""

    devices: int
    interfaces: int
    moving: float
    seed: int = 20040311

    def rounds(self, count: int, *, begin_ns: int = STEP_NS) -> Iterator[list[TelemetrySample]]:
        """Readings of all devices, round by round, 10 s apart."""
        rng = np.random.default_rng(self.seed)
        shape = (self.devices, 7, self.interfaces)
        octets_per_s = rng.uniform(1e6, 5e9, shape)
        octets_per_s[:, 2:] = 0
        counted = np.zeros(shape)
        names = tuple(f"HundredGigE0/0/0/{port}" for port in range(self.interfaces))
        capacities = np.full(self.interfaces, _CAPACITY_BPS).tobytes()
        for number in range(1, count + 1):
            leaves = rng.random((self.devices, 1, self.interfaces)) < self.moving
            steps = 1 + rng.choice([-1, 1], shape) * rng.uniform(0.05, 0.2, shape)
            octets_per_s = np.where(leaves, octets_per_s * steps, octets_per_s)
            counted += octets_per_s * (1 + rng.uniform(-_JITTER, _JITTER, shape)) * 10
            packed = counted.astype("<u8")
            at_ns = begin_ns + number * STEP_NS
            yield [
                _sample(device, number, at_ns, names, packed[device], capacities)
                for device in range(self.devices)
            ]


def _sample(  # noqa: PLR0917 - what a reading is made of
    device: int,
    seq: int,
    at_ns: int,
    names: tuple[str, ...],
    counted: np.ndarray,
    capacities: bytes,
) -> TelemetrySample:
    block = CounterBlock(
        interfaces=names,
        columns=tuple(column.tobytes() for column in counted),
        capacities_bps=capacities,
    )
    return TelemetrySample(
        device=NodeId(f"leaf{device}"),
        stream=Stream.INTERFACE,
        source="bench",
        epoch=1,
        seq=seq,
        observed_at_ns=at_ns,
        encoding="counters",
        body=msgspec.msgpack.encode(block),
        event_at_ns=at_ns,
    )
