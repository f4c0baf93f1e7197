"""Counters in, frames and incidents out: what is said, what is not, and what a copy makes of it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from msgspec import structs

from foreshadow.incident import Incident, IncidentKind
from foreshadow.rates import RateFrame, RateTable
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import NOT_COUNTED, CounterBlock, TelemetrySample
from ingest.rates_owner import COUNTER_ERRORS, RateOwner, Said
from tests.counter_samples import R1, SECOND_NS, block, octets, sample

SETTINGS = IngestSettings(rate_deadband=0.02, rate_deadband_bps=0, rate_whole_s=60)
EVERYTHING = IngestSettings(
    rate_deadband=0, rate_deadband_bps=0, rate_heartbeat_s=1e9, rate_whole_s=1e9
)


def _told(
    samples: Iterable[TelemetrySample], owner: RateOwner | None = None
) -> tuple[list[RateFrame], list[Incident]]:
    """All that is said when every sample is a batch of its own."""
    owner = owner or RateOwner(1, EVERYTHING)
    said: list[Said] = []
    for it in samples:
        said += owner.take(it)
        said += owner.settle(it.observed_at_ns)
    frames = [it for it in said if isinstance(it, RateFrame)]
    return frames, [it for it in said if isinstance(it, Incident)]


def _series(readings: Sequence[tuple[float, CounterBlock]]) -> list[TelemetrySample]:
    return [sample(it, at_s, seq=seq) for seq, (at_s, it) in enumerate(readings, start=1)]


def _in_bps(frames: Iterable[RateFrame], interface: str = "e1") -> list[float]:
    """What a copy shows after each frame."""
    table, shown = RateTable(), []
    for frame in frames:
        table.apply(frame)
        shown.append(table.rate(R1, interface, "in_bps"))
    return shown


def test_a_rate_is_bits_over_seconds_between_two_readings() -> None:
    """The first reading says nothing; the first frame is whole; equal rates do not travel."""
    at = [(10, 1_000), (20, 2_250), (30, 3_500), (40, 6_000)]
    frames, _ = _told(_series([(at_s, block(octets(e1=count))) for at_s, count in at]))

    assert [(it.epoch, it.seq, it.is_whole) for it in frames] == [(1, 1, True), (1, 2, False)]
    assert _in_bps(frames) == [1_000.0, 2_000.0]
    assert np.isnan(np.frombuffer(frames[0].columns[2])).all()


def test_a_rate_within_the_deadband_is_not_said_again_but_by_the_heartbeat() -> None:
    """2 % around what was said last, not around what was measured last: no drift goes unsaid."""
    rates = [1000, 1015, 1019, 1021, 1030, 1041, 1030, 1030]
    counts = np.cumsum([0, *[rate * 10 for rate in rates]])
    readings = [(10.0 * n, block(octets(e1=int(c)))) for n, c in enumerate(counts, start=1)]
    frames, _ = _told(_series(readings), RateOwner(1, SETTINGS))

    assert [(it.is_whole, it.observed_at_ns // SECOND_NS) for it in frames] == [
        (True, 20),
        (False, 50),
        (True, 80),
    ]
    assert [round(rate / 8) for rate in _in_bps(frames)] == [1000, 1021, 1030]


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=40), st.floats(0, 0.2), st.floats(0, 1e6))
def test_a_copy_is_never_further_off_than_the_deadband(
    rates: list[float], share: float, least_bps: float
) -> None:
    """After every reading, whether or not a frame came of it."""
    settings_ = IngestSettings(
        rate_deadband=share, rate_deadband_bps=least_bps, rate_heartbeat_s=1e9, rate_whole_s=1e9
    )
    owner, table, count = RateOwner(1, settings_), RateTable(), 0
    for n, rate in enumerate([0.0, *rates], start=1):
        counted = int(rate / 8 * 10)
        count += counted
        for frame in _told([sample(block(octets(e1=count)), 10 * n, seq=n)], owner)[0]:
            table.apply(frame)
        if n > 1:
            shown, true = table.rate(R1, "e1", "in_bps"), counted * 8 / 10
            assert abs(shown - true) <= max(share * shown, least_bps) + 1e-6 * true


@given(
    st.lists(
        st.tuples(st.floats(1, 60), st.integers(0, 10**9), st.booleans()), min_size=1, max_size=30
    ),
    st.integers(0, 2**64 - 2),
)
def test_rates_times_time_are_what_was_counted_between_clears(
    steps: list[tuple[float, int, bool]], start: int
) -> None:
    """Octets are neither lost nor invented, around the ring too; a clear costs its interval."""
    owner, table = RateOwner(1, EVERYTHING), RateTable()
    at_s, counter, total, expected = 100.0, start, 0.0, 0
    _told([sample(block(octets(e1=start)), at_s)], owner)
    for seq, (dt_s, moved, wish) in enumerate(steps, start=2):
        # Near either end of its ring a clear looks like a wrap; nothing that is real counts there.
        is_cleared = wish and 10**12 < counter < 2**63
        before, counter = counter, moved if is_cleared else (counter + moved) % 2**64
        at_s += dt_s
        known = owner.counts.void_rows
        reading = block(octets(e1=counter), capacities_bps={"e1": 1e10})
        for frame in _told([sample(reading, at_s, seq=seq)], owner)[0]:
            table.apply(frame)
        if owner.counts.void_rows == known:
            total += table.rate(R1, "e1", "in_bps") * dt_s / 8
        if not (is_cleared or NOT_COUNTED in (before, counter)):
            expected += moved

    assert total == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_a_quiet_device_says_so_now_and_then() -> None:
    """An empty frame every `rate_heartbeat_s`, a whole one every `rate_whole_s`."""
    quiet = IngestSettings(rate_heartbeat_s=30, rate_whole_s=100)
    readings = [(10.0 * n, block(octets(e1=n * 10**6))) for n in range(1, 16)]
    frames, _ = _told(_series(readings), RateOwner(1, quiet))

    said = [(it.observed_at_ns // SECOND_NS, it.is_whole, it.row_count) for it in frames]
    assert said == [
        (20, True, 1),
        (50, False, 0),
        (80, False, 0),
        (110, False, 0),
        (120, True, 1),
        (150, False, 0),
    ]
    assert _in_bps(frames) == [800_000.0] * 6


def test_names_travel_in_whole_frames_only() -> None:
    """The others count in the last of them, and say since when they hold; zeros are empty."""
    at = [(10, 1, 1), (20, 2, 2), (30, 3, 4), (45, 4, 8)]
    readings = [(at_s, block(octets(e1=a * 10**6, e2=b * 10**6))) for at_s, a, b in at]
    frames, _ = _told(_series(readings))

    first, *others = frames
    assert (first.interfaces, first.rows, first.whole_seq) == (("e1", "e2"), b"", 1)
    assert [it.interfaces for it in others] == [(), ()]
    assert [it.rows for it in others] == [b"\1\0", b"\0\0\1\0"]
    assert [it.since_ns // SECOND_NS for it in frames] == [10, 20, 30]
    assert _in_bps(frames, "e2") == [800_000.0, 1_600_000.0, pytest.approx(4 * 8e6 / 15)]
    still = block({"e1": {"in_octets": 10**7, "in_errors": 5}})
    frame = _told(_series([(10, still), (20, still)]))[0][0]
    assert frame.columns[0] == frame.columns[2] == b""


def test_a_clear_costs_one_interval_and_nothing_else() -> None:
    """By the counters or by the device's word, also where they seem to go forward."""
    fell = [(10, 50_000), (20, 60_000), (30, 100), (40, 20_100)]
    frames, _ = _told(_series([(at_s, block(octets(e1=n))) for at_s, n in fell]))
    assert _in_bps(frames) == [8_000.0, 16_000.0]

    said = [(10, 1_000, 5), (20, 11_000, 5), (30, 90_000, 29), (40, 110_000, 29)]
    frames, _ = _told(
        _series(
            [
                (at_s, block(octets(e1=n), since_ns={"e1": since_s * SECOND_NS}))
                for at_s, n, since_s in said
            ]
        )
    )
    assert _in_bps(frames) == [8_000.0, 16_000.0]


def test_a_missing_reading_gives_the_mean_and_a_long_gap_gives_nothing() -> None:
    """Over more than `longest_gap_s` a mean is no rate."""
    at = [(10, 0), (20, 10_000), (50, 100_000), (2_000, 500_000), (2_010, 520_000)]
    frames, _ = _told(_series([(at_s, block(octets(e1=count))) for at_s, count in at]))

    assert _in_bps(frames) == [8_000.0, 24_000.0, 16_000.0]


def test_readings_that_are_old_change_nothing() -> None:
    """A repetition and a straggler are passed over; the next interval is measured as ever."""
    owner = RateOwner(1, EVERYTHING)
    at = [(10, 0), (20, 10_000), (20, 10_000), (15, 5_000), (30, 30_000)]
    readings = [
        sample(block(octets(e1=count)), 100 + n, seq=n, event_s=at_s)
        for n, (at_s, count) in enumerate(at)
    ]
    frames, _ = _told(readings, owner)

    assert _in_bps(frames) == [8_000.0, 16_000.0]
    assert owner.counts.old_blocks == 2


def test_a_clock_that_went_back_is_followed_after_a_few_readings() -> None:
    """What a device with a mended clock says is not taken for old for ever."""
    times = [5_000, 5_010, 100, 110, 120, 130, 140]
    readings = [
        sample(block(octets(e1=n * 10_000)), 10.0 * n, seq=n, event_s=at_s)
        for n, at_s in enumerate(times, start=1)
    ]
    frames, _ = _told(readings, owner := RateOwner(1, EVERYTHING))

    assert _in_bps(frames)[-1] == 8_000.0
    assert owner.counts.old_blocks == 2


def test_interfaces_come_and_go() -> None:
    """A new one joins with its second reading; one that is told of no more leaves a whole frame."""
    owner, table = RateOwner(1, SETTINGS), RateTable()
    for n in range(1, 120):
        counts = {"e1": n * 10_000} | ({"e2": n * 20_000} if 3 <= n < 20 else {})
        for frame in _told([sample(block(octets(**counts)), 10.0 * n, seq=n)], owner)[0]:
            table.apply(frame)
        names = table.device(R1).interfaces
        if n in (3, 4, 50):
            assert ("e2" in names) == (n != 3)

    assert table.device(R1).interfaces == ("e1",)
    assert table.rate(R1, "e1", "in_bps") == 8_000.0


@given(st.data())
@settings(max_examples=30)
def test_it_does_not_matter_how_interfaces_are_grouped(data: st.DataObject) -> None:
    """All in one sample or each in its own, in any order: the copy shows the same."""
    rows = 4
    counts = np.zeros(rows, dtype=int)
    apart, together = RateTable(), RateTable()
    owners = RateOwner(1, EVERYTHING), RateOwner(1, EVERYTHING)
    for n in range(1, 6):
        counts += data.draw(st.lists(st.integers(0, 10**6), min_size=rows, max_size=rows))
        read = octets(**{f"e{row}": int(count) for row, count in enumerate(counts)})
        for frame in _told([sample(block(read), 10 * n, seq=n)], owners[0])[0]:
            together.apply(frame)
        names = data.draw(st.permutations(list(read)))
        alone = [sample(block({name: read[name]}), 10 * n, seq=n) for name in names]
        for frame in _told(alone, owners[1])[0]:
            apart.apply(frame)
        for name in read:
            shown = apart.rate(R1, name, "in_bps"), together.rate(R1, name, "in_bps")
            assert np.array_equal(shown[0], shown[1], equal_nan=True)


def test_one_batch_of_many_samples_is_one_frame() -> None:
    """Interfaces that are read one by one travel together; a second reading does not wait."""
    owner = RateOwner(1, EVERYTHING)
    for n in (1, 2):
        said = [
            it
            for name in ("e1", "e2", "e3")
            for it in owner.take(sample(block(octets(**{name: 1_000 * n})), 10 * n, seq=n))
        ]
        assert said == []
    (frame,) = owner.settle(20 * SECOND_NS)

    assert isinstance(frame, RateFrame)
    assert frame.interfaces == ("e1", "e2", "e3")

    owner.take(sample(block(octets(e1=5_000)), 30))
    (first,) = owner.take(sample(block(octets(e1=6_000)), 40))
    (second,) = owner.settle(40 * SECOND_NS)
    assert isinstance(first, RateFrame)
    assert isinstance(second, RateFrame)
    assert _in_bps([frame, first, second])[1:] == [2_400.0, 800.0]


def test_one_source_is_followed_until_it_is_silent() -> None:
    """Two caches of the same counter would make it go back and forth."""
    owner = RateOwner(1, EVERYTHING)
    readings = [
        (10, "gnmi", 10_000),
        (19, "snmp", 9_000),
        (20, "gnmi", 20_000),
        (29, "snmp", 19_000),
        (129, "snmp", 119_000),
        (139, "snmp", 139_000),
    ]
    frames, _ = _told(
        [sample(block(octets(e1=n)), at_s, source=source) for at_s, source, n in readings], owner
    )

    assert _in_bps(frames) == [8_000.0, 16_000.0]
    assert owner.counts.other_sources == 2


def test_a_capacity_that_is_wrong_is_found_out() -> None:
    """A tunnel of 9 kbit/s that carries more does so again: the second time it is believed."""
    readings = [
        (10.0 * n, block(octets(e1=n * 10**6), capacities_bps={"e1": 9_000.0})) for n in range(1, 6)
    ]
    frames, _ = _told(_series(readings))

    assert _in_bps(frames) == [800_000.0]
    assert frames[0].observed_at_ns == 40 * SECOND_NS


def test_flaps_errors_and_discards_are_incidents_and_coalesced() -> None:
    """The first at once, what follows within a minute together; carrier counts both ways."""
    at = [(10, 0, 0), (20, 1, 0), (30, 2, 5), (40, 6, 9), (100, 6, 9), (110, 6, 9)]
    readings = [
        (at_s, block({"e1": {"carrier_transitions": carrier, "in_errors": errors}}))
        for at_s, carrier, errors in at
    ]
    _, incidents = _told(_series(readings))

    said = [(it.what, it.count, it.heard_at_ns // SECOND_NS) for it in incidents]
    assert said == [
        (IncidentKind.LINK_DOWN, 1, 20),
        (IncidentKind.ERRORS, 5, 30),
        (IncidentKind.LINK_DOWN, 2, 100),
        (IncidentKind.ERRORS, 4, 100),
    ]
    assert {(it.device, it.subject, it.source) for it in incidents} == {(R1, "e1", "snmp/counters")}


@pytest.mark.parametrize(
    "bad",
    [
        CounterBlock(interfaces=("e1", "e1"), columns=(bytes(16),) * 7),
        CounterBlock(interfaces=("e1",), columns=(bytes(16),) * 7),
        CounterBlock(interfaces=("e" * 257,), columns=(bytes(8),) * 7),
        CounterBlock(interfaces=("e1",), columns=(bytes(8),) * 7, bits=16),
        CounterBlock(interfaces=("e1",), columns=(b"\xee" * 8,) * 7, bits=32),
        CounterBlock(interfaces=("e1",), columns=(bytes(8),) * 7, capacities_bps=b"?"),
        CounterBlock(interfaces=("e1",), columns=(bytes(8),) * 7, since_ns=b"?"),
        CounterBlock(interfaces=tuple(map(str, range(20_001))), columns=(bytes(8 * 20_001),) * 7),
    ],
)
def test_a_malformed_block_is_refused_and_leaves_no_trace(bad: CounterBlock) -> None:
    """Each is a reason in words; what follows is measured as if it had not been."""
    owner = RateOwner(1, EVERYTHING)
    frames, _ = _told(_series([(10, block(octets(e1=0))), (20, block(octets(e1=10_000)))]), owner)
    with pytest.raises(COUNTER_ERRORS):
        owner.take(sample(bad, 25))
    more, _ = _told([sample(block(octets(e1=30_000)), 30)], owner)

    assert _in_bps([*frames, *more]) == [8_000.0, 16_000.0]


@given(st.binary(max_size=200), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_no_bytes_and_no_time_break_the_owner(body: bytes, at_ns: int, event_ns: int) -> None:
    """They are refused with one of the errors that the intake expects, or read."""
    owner, plain = RateOwner(1, EVERYTHING), sample(block(octets(e1=0)), 1)
    for raw in (body, plain.body):
        with suppress(*COUNTER_ERRORS):
            owner.take(structs.replace(plain, body=raw, observed_at_ns=at_ns, event_at_ns=event_ns))


def test_a_sender_that_is_older_or_newer_is_understood() -> None:
    """Columns that it lacks are not counted; columns that we do not know are left."""
    whole = block({"e1": {"in_octets": 0, "in_errors": 1}})
    later = block({"e1": {"in_octets": 10_000, "in_errors": 2}})
    short = [structs.replace(it, columns=it.columns[:2]) for it in (whole, later)]
    long = [structs.replace(it, columns=(*it.columns, bytes(8))) for it in (whole, later)]

    for blocks, errors_per_s in ((short, np.nan), (long, 0.1)):
        (frame,), _ = _told(_series([(10, blocks[0]), (20, blocks[1])]))
        (table := RateTable()).apply(frame)
        assert table.rate(R1, "e1", "in_bps") == 8_000.0
        assert np.array_equal(table.rate(R1, "e1", "in_errors_per_s"), errors_per_s, equal_nan=True)
