"""A copy of the rates: ordered, idempotent, and aware of what it missed."""

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given
from msgspec import structs

from foreshadow.delta import Effect
from foreshadow.rates import RATE_COLUMNS, RateFrame, RateTable, decode_frame, unpacked
from foreshadow.topology import NodeId

R1 = NodeId("R1")


def _frame(seq: int, epoch: int = 1, *, is_whole: bool = False, **in_bps: float) -> RateFrame:
    first = np.asarray(list(in_bps.values()), "<f8").tobytes()
    rest = np.full(len(in_bps), np.nan, "<f8").tobytes()
    return RateFrame(
        device=R1,
        epoch=epoch,
        seq=seq,
        observed_at_ns=seq,
        is_whole=is_whole,
        interfaces=tuple(in_bps),
        columns=(first, *[rest] * (len(RATE_COLUMNS) - 1)),
    )


def _shown(table: RateTable) -> dict[str, float]:
    known = table.device(R1)
    return dict(zip(known.interfaces, known.column("in_bps").tolist(), strict=True))


def test_rows_are_taken_and_a_whole_frame_leaves_out_what_is_gone() -> None:
    """A row that is not in a frame stays; one that is not in a whole frame goes."""
    table = RateTable()
    assert table.apply(_frame(1, is_whole=True, e1=1, e2=2)) is Effect.APPLIED
    assert table.apply(_frame(2, e2=3, e3=4)) is Effect.APPLIED
    assert _shown(table) == {"e1": 1, "e2": 3, "e3": 4}

    assert table.apply(_frame(3, is_whole=True, e3=5)) is Effect.APPLIED
    assert _shown(table) == {"e3": 5}
    assert table.devices() == (R1,)
    assert list(table.interfaces()) == [(R1, "e3")]


def test_a_missed_frame_is_known_and_healed_by_the_next_whole_one() -> None:
    """What comes after a gap is taken, but the copy says that it does not know the rest."""
    table = RateTable()
    table.apply(_frame(1, is_whole=True, e1=1, e2=2))
    assert table.apply(_frame(3, e1=9)) is Effect.GAP
    assert _shown(table) == {"e1": 9, "e2": 2}
    assert table.stale_devices() == (R1,)
    table.apply(_frame(4, e1=8))
    assert table.stale_devices() == (R1,)

    assert table.apply(_frame(9, is_whole=True, e1=7, e2=6)) is Effect.APPLIED
    assert table.stale_devices() == ()


def test_repetitions_and_zombies_change_nothing() -> None:
    """A lower epoch is a dead owner's; a new one needs a whole frame to be believed wholly."""
    table = RateTable()
    table.apply(_frame(1, epoch=2, is_whole=True, e1=1))
    assert table.apply(_frame(1, epoch=2, is_whole=True, e1=5)) is Effect.DUPLICATE
    assert table.apply(_frame(9, epoch=1, is_whole=True, e1=5)) is Effect.ZOMBIE
    assert _shown(table) == {"e1": 1}

    assert table.apply(_frame(2, epoch=3, e1=3)) is Effect.GAP
    assert table.stale_devices() == (R1,)


@given(st.lists(st.integers(1, 12), max_size=40))
def test_whatever_arrives_a_synced_copy_shows_what_was_said(order: list[int]) -> None:
    """Frames 1..12 in any order, lost and repeated; every fourth is whole."""
    frames = {
        seq: _frame(seq, is_whole=seq % 4 == 1, e1=seq, **({"e2": seq} if seq % 4 == 1 else {}))
        for seq in range(1, 13)
    }
    table = RateTable()
    for seq in order:
        table.apply(frames[seq])
        last = table.device(R1).seq
        if not table.stale_devices():
            assert _shown(table) == {"e1": last, "e2": (last - 1) // 4 * 4 + 1}
    assert table.device(R1).seq <= max(order, default=0)


def test_what_is_handed_out_never_changes() -> None:
    """A view that somebody holds is of its time, and cannot be written."""
    table = RateTable()
    table.apply(_frame(1, is_whole=True, e1=1))
    held = table.device(R1)
    table.apply(_frame(2, e1=2))

    assert held.column("in_bps").tolist() == [1]
    assert not held.rates.flags.writeable


def test_what_is_not_known_is_nan() -> None:
    """A device, an interface or a column that nobody told of."""
    table = RateTable()
    table.apply(_frame(1, is_whole=True, e1=1))

    assert np.isnan(table.rate(NodeId("R9"), "e1", "in_bps"))
    assert np.isnan(table.rate(R1, "e9", "in_bps"))
    assert np.isnan(table.rate(R1, "e1", "out_bps"))
    assert table.rate(R1, "e1", "in_bps") == 1


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (structs.replace(_frame(1, is_whole=True, e1=1), interfaces=("e1", "e2")), "2 values"),
        (structs.replace(_frame(1, is_whole=True, e1=1, e2=1), interfaces=("e1",) * 2), "twice"),
        (_frame(1, is_whole=True, e1=-1), "negative"),
        (_frame(1, is_whole=True, e1=float("inf")), "infinite"),
    ],
)
def test_a_frame_that_is_malformed_is_refused(frame: RateFrame, why: str) -> None:
    """Columns that do not fit, names twice, and what is no rate."""
    table = RateTable()
    with pytest.raises(ValueError, match=why):
        table.apply(frame)
    assert table.devices() == ()


def test_columns_that_are_missing_are_not_known_and_those_we_do_not_know_are_left() -> None:
    """An older and a newer owner are understood."""
    frame = _frame(1, is_whole=True, e1=1)
    table = RateTable()
    table.apply(structs.replace(frame, columns=frame.columns[:1]))
    assert table.rate(R1, "e1", "in_bps") == 1

    longer = structs.replace(frame, seq=2, columns=(*frame.columns, b"?"))
    assert table.apply(longer) is Effect.APPLIED


def test_rows_count_in_the_last_whole_frame() -> None:
    """After a missed one too, if it was not the whole one they count in."""
    table = RateTable()
    table.apply(_frame(1, is_whole=True, e1=1, e2=2))
    second = structs.replace(_frame(3, e2=9), interfaces=(), rows=b"\1\0", whole_seq=1)
    assert table.apply(second) is Effect.GAP
    assert _shown(table) == {"e1": 1, "e2": 9}

    other = structs.replace(second, seq=4, whole_seq=2, rows=b"\0\0")
    assert table.apply(other) is Effect.APPLIED
    assert _shown(table) == {"e1": 1, "e2": 9}
    assert table.stale_devices() == (R1,)

    nothing = structs.replace(second, seq=5, rows=b"", columns=())
    assert table.apply(nothing) is Effect.APPLIED
    with pytest.raises(ValueError, match="beyond the whole frame"):
        table.apply(structs.replace(second, seq=6, rows=b"\2\0"))


def test_a_column_of_zeros_is_empty() -> None:
    """Errors and discards mostly are."""
    table, frame = RateTable(), _frame(1, is_whole=True, e1=1, e2=2)
    table.apply(structs.replace(frame, columns=(frame.columns[0], b"")))

    assert table.rate(R1, "e2", "out_bps") == 0
    assert np.isnan(table.rate(R1, "e2", "in_errors_per_s"))


def test_frames_on_the_wire_are_as_they_were_in_version_one() -> None:
    """Golden bytes: what was written then is read today, and written the same."""
    first = bytes.fromhex(
        "98a872617465732e7631a25231010207c391a2653196c408000000000000f83fc4080000000000000440"
        "c4080000000000000000c4080000000000000000c4080000000000000000c408000000000000f87f"
    )
    frame = decode_frame(first)
    assert (frame.device, frame.epoch, frame.seq, frame.observed_at_ns) == ("R1", 1, 2, 7)
    assert unpacked(frame)[:, 0].tolist()[:5] == [1.5, 2.5, 0, 0, 0]

    with_rows = bytes.fromhex(
        "9ba872617465732e7631a25231010309c29092c408000000000000f83fc40002c402000005"
    )
    frame = decode_frame(with_rows)
    assert (frame.whole_seq, frame.rows, frame.since_ns, frame.row_count) == (2, b"\0\0", 5, 1)
    assert unpacked(frame)[:2, 0].tolist() == [1.5, 0]
    assert msgspec.msgpack.encode(frame) == with_rows
