"""When a router is read."""

from foreshadow.observed import Stream
from ingest.read_schedule import ReadSchedule

EVERYTHING = tuple(stream for stream in Stream if stream is not Stream.DEMAND)


def test_everything_is_read_at_first_and_then_by_the_poll() -> None:
    """Link state comes first; demand is not a router's to tell."""
    schedule = ReadSchedule(poll_s=10)

    assert schedule.due(100)[0] is Stream.INTERFACE
    assert schedule.due(109.9) == ()
    assert set(schedule.due(110)) == set(EVERYTHING)


def test_a_link_event_reads_link_state_at_once() -> None:
    """The tables follow a little later, and echoes see what came of it."""
    schedule = ReadSchedule(poll_s=100)
    schedule.due(0)
    schedule.note(5, is_link=True)

    assert schedule.next_s() == 5
    assert schedule.due(5) == (Stream.INTERFACE,)
    assert schedule.due(5.03) == (Stream.INTERFACE,)
    assert set(schedule.due(5.15)) == set(EVERYTHING) - {Stream.INTERFACE, Stream.CONFIG}
    assert [set(schedule.due(at_s)) for at_s in (5.4, 6.2, 8)] == [set(EVERYTHING)] * 3
    assert schedule.next_s() == 108


def test_a_burst_of_routes_is_read_once_in_a_while() -> None:
    """Routes that change by the dozen do not cause a read each."""
    schedule = ReadSchedule(poll_s=100)
    schedule.due(0)
    reads = 0
    for millisecond in range(300):
        schedule.note(millisecond / 1000, is_link=False)
        reads += Stream.FIB in schedule.due(millisecond / 1000)

    assert reads == 1


def test_a_late_reader_reads_once() -> None:
    """Echoes that were slept through are one read, not several."""
    schedule = ReadSchedule(poll_s=100)
    schedule.due(0)
    schedule.note(1, is_link=True)

    assert set(schedule.due(50)) == set(EVERYTHING)
    assert schedule.due(50.1) == ()


def test_everything_is_read_when_a_daemon_was_away() -> None:
    """At once, and again when it has had time to find its peers."""
    schedule = ReadSchedule(poll_s=100)
    schedule.due(0)
    schedule.note_all(5)

    assert set(schedule.due(5)) == set(EVERYTHING)
    assert set(schedule.due(8.5)) == set(EVERYTHING)
