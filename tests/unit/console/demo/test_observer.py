"""The demo's eyes: every record in its place, and a bad one is noted, not fatal."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from console.demo.observer import Heard, Observer
from foreshadow.codec import to_json
from foreshadow.control import NoPolicyFound, ResyncRequest
from foreshadow.fidelity_report import FidelityReport
from foreshadow.observed import Stream
from foreshadow.rollout_event import Feedback, RolloutEvent, RolloutStep
from foreshadow.sync_report import SyncReport
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.triage_report import TriageReport
from foreshadow.warning import ForecastStep
from tests.fakes.bus import MemoryBus
from tests.production_state import state_deltas
from tests.proven_policy import candidate, drill
from tests.square_story import AT, square

WITHIN_S = 10


@pytest.fixture
def bus() -> MemoryBus:
    """A bus of this test's own."""
    return MemoryBus()


@pytest.fixture
def observer(bus: MemoryBus) -> Iterator[Observer]:
    """It listens."""
    listening = Observer(bus)
    listening.start()
    yield listening
    listening.stop()


def _step(minutes: int) -> ForecastStep:
    return ForecastStep(made_at=AT + timedelta(minutes=minutes), is_live=False, steps_seen=minutes)


def _sync(epoch: int, messages: int) -> SyncReport:
    return SyncReport(
        epoch=epoch,
        at=AT,
        messages=messages,
        bytes=1,
        full_state_bytes=1,
        rejects=0,
        streams=(),
    )


EVENT = RolloutEvent(txn="c-1", seq=1, at=AT, step=RolloutStep.PROPOSED)
FEEDBACK = Feedback(
    link="SW->NW",
    under_failure=None,
    made_at=AT,
    at=AT,
    forecast_upper_ratio=0.1,
    shadow_ratio=None,
    observed_ratio=0.1,
)
FIDELITY = FidelityReport(
    at=AT,
    adjacencies_agree=1,
    adjacencies_total=1,
    next_hops_agree=0,
    next_hops_total=0,
    sessions_agree=0,
    sessions_total=0,
    disagreements=(),
    links_down=(),
    vector=(),
    is_stale=False,
)
TRIAGE = TriageReport(warning="w-1", made_at=AT, rows=())
NO_POLICY = NoPolicyFound(drill="d-1", because="none held")
REJECTED = Rejected(origin="fs.telemetry.v1/0/7", reason="not a sample", sample=b"x")


@pytest.mark.parametrize(
    ("topic", "said", "kept"),
    [
        (Topic.REJECT, REJECTED, "rejected"),
        (Topic.FORECAST, _step(0), "forecasts"),
        (Topic.VERDICT, drill(), "results"),
        (Topic.CANDIDATE, candidate(), "candidates"),
        (Topic.ROLLOUT, EVENT, "rollout"),
        (Topic.FEEDBACK, FEEDBACK, "feedback"),
        (Topic.STATUS, FIDELITY, "fidelity"),
        (Topic.CONTROL, TRIAGE, "triage"),
        (Topic.CONTROL, NO_POLICY, "no_policy"),
    ],
)
def test_each_record_is_kept_where_it_belongs(
    bus: MemoryBus, observer: Observer, *, topic: Topic, said: Any, kept: str
) -> None:
    """What was published is what is found, and nothing else changes."""
    bus.append(topic, "", to_json(said))
    found = observer.wait_for(lambda heard: getattr(heard, kept) or None, WITHIN_S)

    assert found == [said]
    assert observer.look(lambda heard: heard.unreadable) == []


def test_state_is_followed_and_sync_reports_are_the_last_of_their_epoch(
    bus: MemoryBus, observer: Observer
) -> None:
    """Deltas make the state; an epoch's later report replaces the earlier one."""
    for delta in state_deltas(square()):
        bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    for report in (_sync(1, 10), _sync(1, 20), _sync(2, 5)):
        bus.append(Topic.STATUS, "", to_json(report))
    bus.append(Topic.FORECAST, "", to_json(_step(0)))

    def level(heard: Heard) -> bool | None:
        is_there = len(heard.state.devices()) == 4 and len(heard.sync_reports) == 2
        return is_there or None

    assert observer.wait_for(level, WITHIN_S)
    assert observer.look(lambda h: {e: r.messages for e, r in h.sync_reports.items()}) == {
        1: 20,
        2: 5,
    }
    assert observer.look(lambda h: h.state.stale_streams()) == ()


@pytest.mark.parametrize(
    ("topic", "raw"),
    [
        (Topic.STATE, b"\xc1 not msgpack"),
        (Topic.CONTROL, b'{"kind": "unheard-of.v9"}'),
        (Topic.VERDICT, b"{"),
        (Topic.CANDIDATE, b'{"id": 7}'),
    ],
)
def test_a_record_that_cannot_be_read_is_noted_and_what_follows_is_heard(
    bus: MemoryBus, observer: Observer, topic: Topic, raw: bytes
) -> None:
    """The origin names the record; the thread goes on."""
    bus.append(topic, "", raw)
    noted = observer.wait_for(lambda heard: heard.unreadable or None, WITHIN_S)
    bus.append(Topic.FORECAST, "", to_json(_step(5)))

    assert noted is not None
    assert noted[0].startswith(f"{topic}/0/0: ")
    assert observer.wait_for(lambda heard: heard.forecasts or None, WITHIN_S) == [_step(5)]


def test_other_processes_words_are_passed_over(bus: MemoryBus, observer: Observer) -> None:
    """A request for a snapshot concerns its owner alone."""
    request = ResyncRequest(
        device=NodeId("NE"), stream=Stream.FIB, epoch=1, seq=2, asked_by="test", reason="gap"
    )
    bus.append(Topic.CONTROL, "", to_json(request))
    bus.append(Topic.STATUS, "", to_json(FIDELITY))
    heard = observer.wait_for(lambda heard: heard.fidelity or None, WITHIN_S)

    assert heard == [FIDELITY]
    assert observer.look(lambda heard: heard.unreadable) == []


def test_waiting_ends_with_nothing_when_nothing_comes(observer: Observer) -> None:
    """A cue that is missed is the caller's to judge."""
    assert observer.wait_for(lambda heard: heard.warnings or None, 0.01) is None


def test_an_observer_that_never_began_can_be_stopped(bus: MemoryBus) -> None:
    """Set-up may break between making it and starting it."""
    Observer(bus).stop()
