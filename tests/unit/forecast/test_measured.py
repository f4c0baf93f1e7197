"""Readings of counters become means of intervals, and loads of links."""

import pickle
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from msgspec import structs

from forecast.measured import DeviceMeans, Interval, Meter
from foreshadow.clock import to_ns
from foreshadow.rates import RateFrame
from foreshadow.topology import NodeId
from tests.planned_network import planned
from tests.production_state import abilene

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)
NETWORK = planned(abilene()).what_if.topology


def _frame(
    seconds: float, rates: dict[str, float], device: str = "R1", *, seq: int, whole: bool = False
) -> RateFrame:
    """Out rates of some interfaces; in rates are twice that, errors a hundredth."""
    out = np.asarray([*rates.values()], dtype=np.float64)
    columns = [2 * out, out, out / 100, 0 * out, 0 * out, np.full_like(out, np.nan)]
    return RateFrame(
        device=NodeId(device),
        epoch=1,
        seq=seq,
        observed_at_ns=to_ns(AT + timedelta(seconds=seconds)),
        is_whole=whole,
        interfaces=tuple(rates),
        columns=tuple(column.astype("<f8").tobytes() for column in columns),
    )


def _out(interval: Interval, interface: str, device: str = "R1") -> float:
    means = interval.devices[NodeId(device)]
    return float(means.out_bps[means.interfaces.index(interface)])


def test_an_intervals_mean_is_weighted_by_time_and_quiet_rows_persist() -> None:
    """100 s at 1 and 200 s at 4 is 3; a row within the deadband keeps its rate."""
    meter = Meter(STEP)
    told = [
        *meter.take(_frame(0, {"a": 9, "b": 7}, seq=1, whole=True)),
        *meter.take(_frame(100, {"a": 1}, seq=2)),
        *meter.take(_frame(400, {"a": 4}, seq=3)),
        *meter.take(_frame(700, {"a": 4}, seq=4)),
    ]

    assert [interval.at for interval in told] == [AT, AT + STEP]
    assert [_out(interval, "a") for interval in told] == pytest.approx([3, 4])
    assert [_out(interval, "b") for interval in told] == pytest.approx([7, 7])


def test_rows_that_move_or_appear_are_told_apart_by_name() -> None:
    """A whole frame in another order mixes nothing up; a new interface is unknown at first."""
    meter = Meter(STEP)
    told = [
        *meter.take(_frame(0, {"a": 1, "b": 2}, seq=1, whole=True)),
        *meter.take(_frame(150, {"a": 1, "b": 2}, seq=2)),
        *meter.take(_frame(300, {"c": 3, "b": 2, "a": 1}, seq=3, whole=True)),
    ]

    assert (_out(told[0], "a"), _out(told[0], "b")) == (1, 2)
    assert np.isnan(_out(told[0], "c"))


def test_a_silent_device_and_a_wrong_clock_hold_up_nobody() -> None:
    """Two of four go on: their intervals come out, without the silent one, at their own time."""
    meter = Meter(STEP)
    told: list[Interval] = []
    for device in ("R1", "R2", "R3"):
        meter.take(_frame(0, {"a": 1}, device, seq=1, whole=True))
    meter.take(_frame(1e9, {"a": 1}, "R4", seq=1, whole=True))
    for number in range(2, 30):
        for device in ("R1", "R2"):
            told += meter.take(_frame(60 * number, {"a": 1}, device, seq=number))
        meter.take(_frame(1e9 + 300 * number, {"a": 1}, "R4", seq=number))

    assert [interval.at for interval in told][:3] == [AT, AT + STEP, AT + 2 * STEP]
    assert {device for interval in told for device in interval.devices} == {"R1", "R2"}


def test_a_direction_carries_what_its_near_end_sent_or_else_its_far_end_received() -> None:
    """One end of a link that is counted is enough for both directions."""
    link = next(link for link in NETWORK.links if not link.is_external)
    near, far = link.a, link.b
    counts, silent = np.asarray([5.0]), np.asarray([np.nan])
    both = Interval(
        at=AT,
        devices={
            near.node: DeviceMeans(
                interfaces=(near.interface,), in_bps=8 / 5 * counts, out_bps=counts
            ),
            far.node: DeviceMeans(interfaces=(far.interface,), in_bps=counts, out_bps=silent),
        },
    )
    loads = both.loads_bps(NETWORK)

    assert {str(direction): load for direction, load in loads.items()} == {
        str(link.directions()[0]): 5.0,
        str(link.directions()[1]): 8.0,
    }


def test_what_stood_still_is_not_rewritten_by_what_moved_at_last() -> None:
    """A frame says since when its rates hold: 290 s at 1 and 10 s at 31 is 2."""
    meter = Meter(STEP)
    last = structs.replace(_frame(300, {"a": 31}, seq=2), since_ns=to_ns(AT) + 290 * 10**9)
    told = [
        *meter.take(_frame(0, {"a": 1}, seq=1, whole=True)),
        *meter.take(last),
        *meter.take(_frame(600, {"a": 31}, seq=3)),
    ]

    assert _out(told[0], "a") == pytest.approx(2)


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    """After a year ahead the right time is taken again: intervals go on."""
    meter = Meter(STEP)
    told: list[Interval] = []
    for number in range(1, 8):
        meter.take(_frame(4e7 + 300 * number, {"a": 1}, seq=number, whole=True))
    for number in range(8, 16):
        told += meter.take(_frame(300 * (number - 8), {"a": 1}, seq=number, whole=True))

    assert [interval.at for interval in told][:2] == [AT, AT + STEP]


def test_a_clock_that_is_far_ahead_costs_no_memory_that_grows() -> None:
    """Its intervals are over for nobody else; what a checkpoint holds of them has an end."""
    meter, size = Meter(STEP), []
    for device in ("R1", "R2"):
        meter.take(_frame(0, {"a": 1}, device, seq=1, whole=True))
    for number in range(1400):
        meter.take(_frame(300 * (10_000 + number), {"a": 1}, "R3", seq=number + 1, whole=True))
        if number in {700, 1399}:
            size.append(len(pickle.dumps(meter)))

    assert size[1] < 1.05 * size[0]
