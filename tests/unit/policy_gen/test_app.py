"""When the policy process takes a failed drill up, and when it leaves it alone."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest

from foreshadow.bus import Record
from foreshadow.candidate import Candidate
from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import NoPolicyFound, decode_control
from foreshadow.delta import Op, StateDelta
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.observed import Stream
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.settings import PolicySettings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from policy_gen.app import run
from tests.bench_answers import answer
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.planned_network import planned_deltas
from tests.square_story import AT, CUT, demand, square

ROUTERS = tuple(NodeId(router.name) for router in square().routers)
SETTINGS = PolicySettings(moved_traffic_cap=1.0, finalists=1)
DRILL = Experiment(
    id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
)
FAILED = answer(DRILL, Verdict.FAILED, failed_ratio=1.2)


@pytest.fixture
def bus() -> MemoryBus:
    """A bus on which the whole state of the made-up network is known, and the time."""
    bus = MemoryBus()
    for delta in planned_deltas(square()):
        _append(bus, delta)
    for seq, op in enumerate((Op.SNAPSHOT_BEGIN, Op.SNAPSHOT_END), start=1):
        _append(
            bus,
            StateDelta(
                device=ROUTERS[0],
                stream=Stream.DEMAND,
                epoch=1,
                seq=seq,
                op=op,
                event_at_ns=to_ns(AT),
            ),
        )
    return bus


def _append(bus: MemoryBus, delta: StateDelta) -> None:
    bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))


def _say(bus: MemoryBus, result: ExperimentResult) -> None:
    bus.append(Topic.VERDICT, result.id, to_json(result))


@contextmanager
def _policy(bus: MemoryBus) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=run, args=(bus, SETTINGS, SystemClock(), stop), kwargs={"routers": ROUTERS}
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def _asked(bus: MemoryBus) -> list[Experiment]:
    return [from_json(r.value, Experiment) for r in bus.read(Topic.DRILL, 0, 100)]


def _candidates(bus: MemoryBus) -> list[Candidate]:
    return [from_json(r.value, Candidate) for r in bus.read(Topic.CANDIDATE, 0, 100)]


def _answer_all(bus: MemoryBus) -> list[Candidate]:
    """Let every proof pass until there is a candidate."""
    answered: set[str] = set()

    def go_on() -> list[Candidate]:
        for asked in _asked(bus):
            if asked.id not in answered:
                answered.add(asked.id)
                _say(bus, answer(asked, Verdict.PASSED))
        return _candidates(bus)

    return eventually(go_on, within_s=20)


def test_a_failed_drill_is_answered_by_a_candidate(bus: MemoryBus) -> None:
    """Proofs are asked for in the drill's name, and the candidate carries it."""
    _say(bus, FAILED)

    with _policy(bus):
        candidates = _answer_all(bus)

    assert [candidate.drill for candidate in candidates] == ["d-1"]
    assert {asked.cause for asked in _asked(bus)} == {"d-1"}
    assert all(asked.purpose is Purpose.PROOF for asked in _asked(bus))


def test_drills_that_did_not_fail_are_left_alone(bus: MemoryBus) -> None:
    """A passed drill needs no policy, an inconclusive one is no evidence."""
    _say(bus, replace(FAILED, id="d-passed", verdict=Verdict.PASSED))
    _say(bus, replace(FAILED, id="d-unsure", verdict=Verdict.INCONCLUSIVE))
    _say(bus, FAILED)

    with _policy(bus):
        eventually(lambda: _asked(bus), within_s=10)

    assert {asked.cause for asked in _asked(bus)} == {"d-1"}


def test_nothing_is_proposed_while_a_rollout_is_under_way(bus: MemoryBus) -> None:
    """A second drill waits until the first one's candidate has come to its end."""
    _say(bus, FAILED)
    with _policy(bus):
        first = _answer_all(bus)[0]
        before = len(_asked(bus))
        _say(bus, replace(FAILED, id="d-2"))
        _say(bus, replace(FAILED, id="unreadable"))
        bus.append(Topic.VERDICT, "bad", b"{")
        eventually(lambda: bus.end(Topic.REJECT), within_s=10)
        assert len(_asked(bus)) == before
        ended = RolloutEvent(txn=first.id, seq=9, at=AT, step=RolloutStep.REVERTED)
        bus.append(Topic.ROLLOUT, first.id, to_json(ended))

        eventually(lambda: len(_asked(bus)) > before, within_s=10)

    assert {asked.cause for asked in _asked(bus)[before:]} == {"d-2"}


def test_a_drill_on_an_older_configuration_is_not_answered(bus: MemoryBus) -> None:
    """What was drilled is no longer the network: it has to be drilled again."""
    vector = tuple((router, Stream.CONFIG.value, 1, 1) for router in ROUTERS)
    _say(bus, replace(FAILED, vector=vector))

    with _policy(bus):
        said = eventually(lambda: bus.read(Topic.CONTROL, 0, 10), within_s=10)

    message = decode_control(said[0].value)
    assert isinstance(message, NoPolicyFound)
    assert "drill again" in message.because
    assert _asked(bus) == []


def test_a_configuration_that_changes_meanwhile_ends_the_proposal(bus: MemoryBus) -> None:
    """The text was made for a configuration that is no longer there."""
    _say(bus, FAILED)
    with _policy(bus):
        eventually(lambda: _asked(bus), within_s=10)
        changed = {"running": to_json({"text": "hostname SW\n", "sha256": "other"})}
        _append(
            bus,
            StateDelta(
                device=NodeId("SW"),
                stream=Stream.CONFIG,
                epoch=1,
                seq=3,
                op=Op.CHANGE,
                upserts=tuple(changed.items()),
            ),
        )
        answered: set[str] = set()

        def go_on() -> Sequence[Record]:
            for question in _asked(bus):
                if question.id not in answered:
                    answered.add(question.id)
                    _say(bus, answer(question, Verdict.PASSED))
            return bus.read(Topic.CONTROL, 0, 10)

        said = eventually(go_on, within_s=10)

    message = decode_control(said[0].value)
    assert isinstance(message, NoPolicyFound)
    assert "SW was configured while" in message.because
    assert _candidates(bus) == []


def test_what_a_bench_unlike_production_said_leads_to_nothing(bus: MemoryBus) -> None:
    """A failed drill is void where its bench was not production; the one that was counts."""
    unlike = replace(FAILED, id="d-0", fidelity=0.9)
    _say(bus, unlike)
    _say(bus, FAILED)
    with _policy(bus):
        asked = eventually(lambda: _asked(bus), within_s=20)

    assert {experiment.cause for experiment in asked} == {"d-1"}
