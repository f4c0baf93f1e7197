"""Whose turn it is on the bench."""

from foreshadow.codec import from_json, to_json
from foreshadow.experiment import Experiment, Priority, Purpose
from shadow.bench_queue import BenchQueue
from tests.square_story import demand


def _asked(name: str, purpose: Purpose, priority: Priority | None = None) -> Experiment:
    return Experiment(
        id=name,
        purpose=purpose,
        cause="test",
        cut=(),
        demand=demand(),
        load_limit=0.85,
        priority=priority,
    )


def test_who_holds_somebody_up_goes_first() -> None:
    """A rollout's proof, proofs, drills, the calendar's; among equals the first that asked."""
    waiting = BenchQueue()
    for asked in (
        _asked("calendar", Purpose.DRILL, Priority.CALENDAR),
        _asked("drill-1", Purpose.DRILL),
        _asked("proof-1", Purpose.PROOF),
        _asked("drill-2", Purpose.DRILL),
        _asked("rollout", Purpose.PROOF, Priority.ROLLOUT),
        _asked("proof-2", Purpose.PROOF),
    ):
        waiting.put(asked)
    order = [it.id for _ in range(6) if (it := waiting.get(within_s=0))]

    assert order == ["rollout", "proof-1", "proof-2", "drill-1", "drill-2", "calendar"]
    assert waiting.get(within_s=0) is None


def test_requests_of_before_have_the_priority_of_their_purpose() -> None:
    """The field is new on the wire; a record without it is understood, one with it too."""
    old = to_json(_asked("x", Purpose.PROOF)).replace(b',"priority":null', b"")
    planned = _asked("y", Purpose.DRILL, Priority.CALENDAR)

    assert b"priority" not in old
    assert from_json(old, Experiment).rank is Priority.PROOF
    assert from_json(to_json(planned), Experiment) == planned
