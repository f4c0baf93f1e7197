"""Counters as they travel: packed by a source, checked by the owner.

The names of the interfaces stay packed, for they are mostly those of the reading before: comparing
them as bytes costs a hundredth of decoding them.
"""

from collections.abc import Iterator
from operator import attrgetter

import msgspec
import numpy as np

from foreshadow.telemetry import COUNTER_COLUMNS, NOT_COUNTED, CounterBlock
from ingest.heard import CounterReading
from ingest.rates_rows import N_COLUMNS, OCTETS, Counters, Vector, Whole

MOST_INTERFACES = 20_000
"""A device that names more is not believed: names would fill the memory."""
LONGEST_NAME = 256
_VALUE_BYTES = 8
_RING_32 = 1 << 32
_LATEST_NS = 1 << 62
"""Later than any time, and still fits its column."""


class PackedBlock(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A `CounterBlock` whose names are not decoded yet."""

    interfaces: msgspec.Raw
    columns: tuple[bytes, ...]
    bits: int = 64
    capacities_bps: bytes = b""
    since_ns: bytes = b""


def packed(reading: CounterReading) -> Iterator[CounterBlock]:
    """A reading as it travels: one block per counter width, for the width is the block's."""
    for bits in sorted({each.bits for each in reading.counters}):
        rows = [each for each in reading.counters if each.bits == bits]
        yield CounterBlock(
            interfaces=tuple(row.interface for row in rows),
            columns=tuple(
                np.asarray(
                    [NOT_COUNTED if value is None else value for value in map(read, rows)],
                    dtype="<u8",
                ).tobytes()
                for read in map(attrgetter, COUNTER_COLUMNS)
            ),
            bits=bits,
            capacities_bps=np.asarray(
                [row.capacity_bps or 0.0 for row in rows], dtype="<f8"
            ).tobytes(),
            since_ns=np.asarray(
                [min(row.since_ns or 0, _LATEST_NS) for row in rows], dtype="<i8"
            ).tobytes(),
        )


_decoder = msgspec.msgpack.Decoder(PackedBlock)
_names_decoder = msgspec.msgpack.Decoder(tuple[str, ...])


def decode_block(body: bytes) -> PackedBlock:
    """The block a sample carries.

    Raises:
        msgspec.DecodeError: It is none.
    """
    block: PackedBlock = _decoder.decode(body)
    return block


def names_of(block: PackedBlock) -> tuple[str, ...]:
    """The interfaces of a block.

    Raises:
        msgspec.DecodeError: They are not names.
        ValueError: One is there twice, there are too many, or the counters have no known width.
    """
    names: tuple[str, ...] = _names_decoder.decode(block.interfaces)
    if len(set(names)) != len(names):
        raise ValueError("an interface is in it twice")
    if any(len(name) > LONGEST_NAME for name in names):
        raise ValueError(f"an interface's name is longer than {LONGEST_NAME} characters")
    if len(names) > MOST_INTERFACES:
        raise ValueError(f"names {len(names)} interfaces; at most {MOST_INTERFACES} are believed")
    if block.bits not in (32, 64):
        raise ValueError(f"counters of {block.bits} bits; expected 32 or 64")
    return names


def counters_of(block: PackedBlock, rows: int) -> Counters:
    """Its counters, shape (len(COUNTER_COLUMNS), rows); those that a newer sender adds are left.

    Raises:
        ValueError: A column has not one value a row, or one that does not fit its width.
    """
    columns = block.columns
    if len(columns) != N_COLUMNS:
        nothing = np.full(rows, NOT_COUNTED, dtype="<u8").tobytes()
        columns = (*columns, *[nothing] * N_COLUMNS)[:N_COLUMNS]
    if {*map(len, columns)} != {rows * _VALUE_BYTES}:
        raise ValueError(f"a column does not have {rows} values")
    counters = np.frombuffer(b"".join(columns), dtype="<u8").reshape(N_COLUMNS, rows)
    if block.bits == 32:
        octets = counters[:OCTETS]
        if np.count_nonzero((octets >= _RING_32) & (octets != NOT_COUNTED)):
            raise ValueError("an octet counter of 32 bits holds more than that")
    return counters


def capacities_of(block: PackedBlock, rows: int) -> Vector:
    """What each interface can carry, bits per second; 0 where nobody says.

    Raises:
        ValueError: There is not one a row.
    """
    return np.frombuffer(_beside(block.capacities_bps, rows), dtype="<f8")


def since_of(block: PackedBlock, rows: int) -> Whole:
    """When each interface began to count; 0 where the device does not say.

    Raises:
        ValueError: There is not one a row.
    """
    return np.frombuffer(_beside(block.since_ns, rows), dtype="<i8")


def _beside(column: bytes, rows: int) -> bytes:
    if not column:
        return bytes(rows * _VALUE_BYTES)
    if len(column) != rows * _VALUE_BYTES:
        raise ValueError(f"a column does not have {rows} values")
    return column
