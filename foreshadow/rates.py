"""How much each interface carries: rates in bulk, as packed columns.

Rates never travel on the state topic: they change with every reading. A frame has the rows that
moved beyond the deadband; now and then it has them all, so that a copy that missed one heals.
"""

import msgspec

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


class RateFrame(msgspec.Struct, frozen=True, array_like=True, tag="rates.v1", kw_only=True):
    """Rates of some interfaces of one device over one reading.

    Fields are only ever appended, with defaults (ADR 0002).

    Attributes:
        device: Which router.
        epoch: Grows with each start of the owner.
        seq: Counts the device's frames of this epoch from 1, without holes.
        observed_at_ns: End of the interval that was measured, by the reader's clock.
        is_whole: Whether every interface of the device is in it.
        interfaces: Names, one a row.
        columns: One per `RATE_COLUMNS`, little-endian float64, one value a row; NaN where nobody
            counts that.
    """

    device: NodeId
    epoch: int
    seq: int
    observed_at_ns: int
    is_whole: bool
    interfaces: tuple[str, ...]
    columns: tuple[bytes, ...]
