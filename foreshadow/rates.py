"""How much each interface carries: rates in bulk, as packed columns, and a copy of them.

Rates never travel on the state topic: they change with every reading. A frame has the rows that
moved beyond the deadband; now and then it has them all, so that a copy that missed one heals. A row
that is not in a frame is still within the deadband of what was last said of it, and a frame without
rows says that none moved.

Names travel in whole frames only: the others say which rows of the last whole frame they mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from foreshadow.delta import Effect
from foreshadow.topology import NodeId

RATE_COLUMNS = (
    "in_bps",
    "out_bps",
    "in_errors_per_s",
    "out_errors_per_s",
    "in_discards_per_s",
    "out_discards_per_s",
)
"""Order of the columns on the wire; more are only ever appended."""

Rates = npt.NDArray[np.float64]

_VALUE_BYTES, _PLACE_BYTES = 8, 2


class RateFrame(
    msgspec.Struct, frozen=True, array_like=True, tag="rates.v1", kw_only=True, gc=False
):
    """Rates of some interfaces of one device over one reading.

    Fields are only ever appended, with defaults (ADR 0002).

    Attributes:
        device: Which router.
        epoch: Grows with each start of the owner.
        seq: Counts the device's frames of this epoch from 1, without holes.
        observed_at_ns: End of the interval that was measured, by the reader's clock.
        is_whole: Whether every interface of the device is in it.
        interfaces: Names, one a row; none where `rows` says which they are.
        columns: One per `RATE_COLUMNS`, little-endian float64, one value a row; NaN where nobody
            counts that. A column of zeros is empty.
        whole_seq: Number of the whole frame that `rows` counts in.
        rows: Little-endian uint16, one a row: places in that frame.
        since_ns: Beginning of the time that was measured, by the reader's clock; 0 where it is not
            said. Before it, the rates were those said before.
    """

    device: NodeId
    epoch: int
    seq: int
    observed_at_ns: int
    is_whole: bool
    interfaces: tuple[str, ...]
    columns: tuple[bytes, ...]
    whole_seq: int = 0
    rows: bytes = b""
    since_ns: int = 0

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        return len(self.interfaces) or len(self.rows) // _PLACE_BYTES


_decoder = msgspec.msgpack.Decoder(RateFrame)


def decode_frame(raw: bytes) -> RateFrame:
    """The frame a record of the metrics topic carries.

    Raises:
        msgspec.DecodeError: Not a frame.
    """
    frame: RateFrame = _decoder.decode(raw)
    return frame


def unpacked(frame: RateFrame) -> Rates:
    """The frame's rates, shape (len(RATE_COLUMNS), rows); a column that it has not is NaN.

    Raises:
        ValueError: Its columns do not fit its rows, or hold what is no rate.
    """
    rows = frame.row_count
    if len(set(frame.interfaces)) != len(frame.interfaces):
        raise ValueError("an interface is in it twice")
    known = frame.columns[: len(RATE_COLUMNS)]
    if any(len(column) not in (0, rows * _VALUE_BYTES) for column in known):
        raise ValueError(f"a column does not have {rows} values")
    rates = np.full((len(RATE_COLUMNS), rows), np.nan)
    for index, column in enumerate(known):
        rates[index] = np.frombuffer(column, dtype="<f8") if column else 0.0
    if np.any(rates < 0) or np.any(np.isinf(rates)):
        raise ValueError("a rate is negative or infinite")
    return rates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceRates:
    """What is known of one device's interfaces.

    Attributes:
        epoch: Of the owner that said so.
        seq: Of its last frame.
        whole_seq: Of its last whole frame.
        observed_at_ns: End of the last interval measured, by the reader's clock.
        is_synced: Whether no frame was missed since the last whole one: every rate is then within
            the deadband of what was measured.
        interfaces: Names, one a row.
        rates: Shape (len(RATE_COLUMNS), rows), read-only; NaN where nobody counts that.
    """

    epoch: int = 0
    seq: int = 0
    whole_seq: int = 0
    observed_at_ns: int = 0
    is_synced: bool = False
    interfaces: tuple[str, ...] = ()
    rates: Rates = field(
        default_factory=lambda: np.empty((len(RATE_COLUMNS), 0)),
        repr=False,
    )

    def column(self, name: str) -> Rates:
        """One of `RATE_COLUMNS` for every interface, shape (rows,)."""
        column: Rates = self.rates[RATE_COLUMNS.index(name)]
        return column


def apply_frame(known: DeviceRates, frame: RateFrame) -> tuple[DeviceRates, Effect]:
    """One frame applied to a copy: idempotent, ordered by (epoch, seq).

    After a gap the rows that came are taken all the same, for rates are absolute; which others
    moved meanwhile is told by the next whole frame.

    Raises:
        ValueError: The frame's columns do not fit its rows, or hold what is no rate.
    """
    if frame.epoch < known.epoch:
        return known, Effect.ZOMBIE
    if frame.epoch == known.epoch and frame.seq <= known.seq:
        return known, Effect.DUPLICATE
    if frame.is_whole:
        rates = unpacked(frame)
        return _level(known, frame, frame.interfaces, rates, is_synced=True), Effect.APPLIED
    follows = frame.epoch == known.epoch and frame.seq == known.seq + 1
    after = _level(known, frame, *_merged(known, frame), is_synced=known.is_synced and follows)
    return after, Effect.APPLIED if follows else Effect.GAP


def _merged(known: DeviceRates, frame: RateFrame) -> tuple[tuple[str, ...], Rates]:
    """The names and rates after a frame that is not whole."""
    changed = unpacked(frame)
    if frame.interfaces:
        return _merged_by_name(known, frame.interfaces, changed)
    rates = known.rates.copy()
    if (frame.epoch, frame.whole_seq) == (known.epoch, known.whole_seq):
        places = np.frombuffer(frame.rows, dtype="<u2")
        if np.any(places >= len(known.interfaces)):
            raise ValueError("a row is beyond the whole frame it counts in")
        rates[:, places] = changed
    return known.interfaces, rates


def _merged_by_name(
    known: DeviceRates, names: tuple[str, ...], changed: Rates
) -> tuple[tuple[str, ...], Rates]:
    place = {name: row for row, name in enumerate(known.interfaces)}
    new = tuple(name for name in names if name not in place)
    place |= {name: row for row, name in enumerate(new, start=len(place))}
    rates = np.empty((len(RATE_COLUMNS), len(place)))
    rates[:, : len(known.interfaces)] = known.rates
    rates[:, [place[name] for name in names]] = changed
    return (*known.interfaces, *new), rates


def _level(
    known: DeviceRates,
    frame: RateFrame,
    interfaces: tuple[str, ...],
    rates: Rates,
    *,
    is_synced: bool,
) -> DeviceRates:
    rates.flags.writeable = False
    kept_seq = known.whole_seq if frame.epoch == known.epoch else 0
    return DeviceRates(
        epoch=frame.epoch,
        seq=frame.seq,
        whole_seq=frame.seq if frame.is_whole else kept_seq,
        observed_at_ns=frame.observed_at_ns,
        is_synced=is_synced,
        interfaces=interfaces,
        rates=rates,
    )


class RateTable:
    """The rates of every device, kept level by frames; hands out frozen views."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._devices: dict[NodeId, DeviceRates] = {}

    def apply(self, frame: RateFrame) -> Effect:
        """Apply one frame and say what it did.

        Raises:
            ValueError: The frame's columns do not fit its rows, or hold what is no rate.
        """
        known = self._devices.get(frame.device, _NOTHING)
        self._devices[frame.device], effect = apply_frame(known, frame)
        return effect

    def device(self, device: NodeId) -> DeviceRates:
        """What is known of a device; no rows where nothing is."""
        return self._devices.get(device, _NOTHING)

    def devices(self) -> tuple[NodeId, ...]:
        """Every device that has rates, sorted."""
        return tuple(sorted(self._devices))

    def interfaces(self) -> Iterator[tuple[NodeId, str]]:
        """Every (device, interface) that has rates."""
        return ((device, name) for device, it in self._devices.items() for name in it.interfaces)

    def rate(self, device: NodeId, interface: str, column: str) -> float:
        """One rate; NaN where it is not known."""
        known = self.device(device)
        if interface not in known.interfaces:
            return float("nan")
        return float(known.column(column)[known.interfaces.index(interface)])

    def stale_devices(self) -> tuple[NodeId, ...]:
        """Devices of which a frame was missed and no whole one has come since."""
        return tuple(sorted(name for name, it in self._devices.items() if not it.is_synced))


_NOTHING = DeviceRates()
