"""The first change acts at once, those of the next 200 ms together."""

from datetime import UTC, datetime
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from shadow.coalescing import Coalescing
from tests.fakes.clock import FakeClock


def _acted(clock: FakeClock, news_at_ms: list[int], until_ms: int) -> list[int]:
    """The milliseconds in which something was done, looked at every one of them."""
    pace, acted = Coalescing(0.2), []
    start_s = clock.monotonic_s()
    for millisecond in range(until_ms):
        if millisecond in news_at_ms:
            pace.note()
        if pace.take(clock.monotonic_s()):
            acted.append(round(1e3 * (clock.monotonic_s() - start_s)))
        clock.sleep(0.001)
    return acted


def test_first_change_acts_at_once_and_the_burst_behind_it_together(fake_clock: FakeClock) -> None:
    """At 0 ms, then at 200 ms for all of the burst; what comes later is first again."""
    assert _acted(fake_clock, [0, 3, 60, 199, 900], 1200) == [0, 200, 900]


def test_change_at_the_end_of_the_window_is_not_kept_waiting(fake_clock: FakeClock) -> None:
    """A window that nothing happened in is over when it is over."""
    assert _acted(fake_clock, [10, 210], 500) == [10, 210]


def test_nothing_new_nothing_done(fake_clock: FakeClock) -> None:
    """Time alone is no reason."""
    assert _acted(fake_clock, [], 500) == []


@given(st.lists(st.integers(0, 999), unique=True))
def test_no_change_waits_longer_than_a_window_and_none_acts_twice(news: list[int]) -> None:
    """Whatever the bursts: every change is acted on within 200 ms, by one action a window."""
    acted = _acted(FakeClock(datetime(2004, 3, 11, tzinfo=UTC)), news, 1400)

    # The clock adds milliseconds up, so the end of a window may fall into the one beside it.
    assert all(any(at <= action <= at + 201 for action in acted) for at in news)
    assert all(later - earlier >= 199 for earlier, later in pairwise(acted))
    assert len(acted) <= len(news)


def test_what_could_not_be_done_is_tried_again_later(fake_clock: FakeClock) -> None:
    """Not before the time it was put off to."""
    pace = Coalescing(0.2)
    pace.note()
    assert pace.take(fake_clock.monotonic_s())
    pace.put_off(fake_clock.monotonic_s() + 2)
    assert not pace.take(fake_clock.monotonic_s() + 1.9)
    assert pace.take(fake_clock.monotonic_s() + 2)
    assert not pace.take(fake_clock.monotonic_s() + 9)
