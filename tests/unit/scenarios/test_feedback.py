"""Feedback: three loads for one link, said once, when the failure is there and nothing moves."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from foreshadow.bus import Record
from foreshadow.codec import to_json
from foreshadow.delta import Op, StateDelta
from foreshadow.demand import DemandAssembler, DemandMatrix
from foreshadow.experiment import ExperimentResult
from foreshadow.follower import Follower
from foreshadow.observed import Stream, encode
from foreshadow.rollout_event import Feedback, RolloutEvent, RolloutStep
from foreshadow.state import replay
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from scenarios.feedback import FeedbackWatch, compare
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock
from tests.production_state import state_deltas
from tests.proven_policy import candidate, drill, proof
from tests.square_story import AT, CUT, HEAVY, LIGHT, demand, square
from tests.square_tables import demand_deltas, fib_deltas, router_tables, tables

ROUTERS = tuple(NodeId(router.name) for router in square().routers)
MOVED = (HEAVY, LIGHT)


def _times(matrix: DemandMatrix, factor: float) -> DemandMatrix:
    return replace(matrix, rates_bps=tuple(factor * rate for rate in matrix.rates_bps))


def test_the_error_of_the_forecast_and_that_of_the_shadow_are_told_apart() -> None:
    """The forecast demand was a half too high; production left one prefix where it was."""
    proven = candidate(forecast=_times(demand(), 1.5))
    predicted = router_tables(tables(cut=(CUT,), moved=MOVED))
    actual = fib_deltas(tables(cut=(CUT,), moved=(HEAVY,)))
    state = replay([*state_deltas(square(), cut=(CUT,)), *actual])
    said = compare(proven, predicted, state, demand())
    fullest = said[0]

    assert fullest.link == "SW->NW"
    assert fullest.observed_ratio == pytest.approx((1.2e9 + 0.0) / 2.5e9)
    assert fullest.shadow_ratio == pytest.approx(0.0)
    crossing = next(f for f in said if f.link == "SE->SW")
    assert crossing.observed_ratio == pytest.approx(3.0e9 / 10e9)
    assert crossing.shadow_ratio == pytest.approx(crossing.observed_ratio)
    assert crossing.forecast_upper_ratio == pytest.approx(1.5 * crossing.observed_ratio)
    assert [f.observed_ratio for f in said] == sorted(f.observed_ratio for f in said)[::-1]
    assert {(f.under_failure, f.txn, f.at) for f in said} == {(CUT, "c-1", AT)}


@pytest.fixture
def clock() -> FakeClock:
    """Time that passes when the test says so."""
    return FakeClock(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def watch(clock: FakeClock) -> FeedbackWatch:
    """Knows the policy and its proof, the network without the failure, and today's demand."""
    follower = Follower("test", MemoryBus().publisher(), clock)
    fresh = FeedbackWatch(follower, DemandAssembler(ROUTERS), clock)
    fresh.take(_record(Topic.CANDIDATE, to_json(candidate())))
    fresh.take(_record(Topic.VERDICT, to_json(proof())))
    fresh.take(_rolled("c-1", RolloutStep.COMPLETE))
    _tell(fresh, [*state_deltas(square()), *fib_deltas(tables(moved=MOVED))])
    _tell(fresh, demand_deltas(demand()))
    clock.sleep(5)
    return fresh


def _record(topic: Topic, value: bytes) -> Record:
    return Record(topic=topic, key="", value=value, partition=0, offset=0)


def _rolled(txn: str, step: RolloutStep) -> Record:
    event = RolloutEvent(txn=txn, seq=1, at=AT, step=step)
    return _record(Topic.ROLLOUT, to_json(event))


def _tell(watch: FeedbackWatch, deltas: Iterable[StateDelta]) -> None:
    for delta in deltas:
        watch.take(_record(Topic.STATE, msgspec.msgpack.encode(delta)))


def _link_fails(watch: FeedbackWatch) -> None:
    """Both ends' interfaces go down, in the epoch that is known already."""
    for router in (NodeId("NE"), NodeId("SE")):
        state = watch.follower.state
        epoch, seq = state.vector()[router, Stream.INTERFACE]
        down = [
            replace(found, is_oper_up=False)
            for found in state.interfaces(router)
            if found.name in {"to-NE", "to-SE"}
        ]
        _tell(
            watch,
            [
                StateDelta(
                    device=router,
                    stream=Stream.INTERFACE,
                    epoch=epoch,
                    seq=seq + 1,
                    op=Op.CHANGE,
                    upserts=tuple((found.name, encode(found)) for found in down),
                )
            ],
        )


def test_nothing_is_said_while_the_link_stands(watch: FeedbackWatch) -> None:
    """Predictions made for a failure say nothing about the network without it."""
    assert watch.due() == ()


def test_feedback_waits_until_the_network_is_quiet(watch: FeedbackWatch, clock: FakeClock) -> None:
    """Loads while tables still move mislead: each change of a table begins the quiet anew."""
    _link_fails(watch)
    at_once = watch.due()
    clock.sleep(0.9)
    _tell(watch, fib_deltas(tables(cut=(CUT,), moved=MOVED), epoch=2))
    clock.sleep(0.9)
    still_moving = watch.due()
    clock.sleep(0.2)
    said = watch.due()

    assert (at_once, still_moving) == ((), ())
    assert {f.under_failure for f in said} == {CUT}
    assert all(f.shadow_ratio == pytest.approx(f.observed_ratio) for f in said)


def test_heartbeats_are_no_movement(watch: FeedbackWatch, clock: FakeClock) -> None:
    """A network that only says it is alive is at rest."""
    _link_fails(watch)
    clock.sleep(2)
    level = list(fib_deltas(tables(moved=MOVED)))[-1]
    beat = StateDelta(
        device=level.device,
        stream=level.stream,
        epoch=level.epoch,
        seq=level.seq,
        op=Op.HEARTBEAT,
        digest=level.digest,
    )
    _tell(watch, [beat])

    assert watch.due() != ()


def test_feedback_is_given_once_per_failure(watch: FeedbackWatch, clock: FakeClock) -> None:
    """What was said is not said again, neither by this process nor by its successor."""
    _link_fails(watch)
    clock.sleep(2)
    first, second = watch.due(), watch.due()
    heard = FeedbackWatch(watch.follower, DemandAssembler(ROUTERS), clock)
    heard.take(_record(Topic.CANDIDATE, to_json(candidate())))
    heard.take(_record(Topic.VERDICT, to_json(proof())))
    heard.take(_rolled("c-1", RolloutStep.COMPLETE))
    heard.take(_record(Topic.FEEDBACK, to_json(first[0])))
    _tell(heard, demand_deltas(demand(), epoch=2))

    assert first
    assert second == ()
    assert heard.due() == ()


def test_the_rollouts_own_feedback_does_not_silence_it(
    watch: FeedbackWatch, clock: FakeClock
) -> None:
    """The rollout speaks of the network without a failure under the same transaction."""
    own = Feedback(
        link="SE->SW",
        under_failure=None,
        made_at=AT,
        at=AT,
        forecast_upper_ratio=0.3,
        shadow_ratio=None,
        observed_ratio=0.3,
        txn="c-1",
    )
    watch.take(_record(Topic.FEEDBACK, to_json(own)))
    _link_fails(watch)
    clock.sleep(2)

    assert watch.due() != ()


@pytest.mark.parametrize("known", [None, drill()])
def test_without_the_proof_there_is_nothing_to_compare_with(
    clock: FakeClock, known: ExperimentResult | None
) -> None:
    """A candidate whose cited proof was not heard is waited for, not made up."""
    fresh = FeedbackWatch(
        Follower("test", MemoryBus().publisher(), clock), DemandAssembler(ROUTERS), clock
    )
    fresh.take(_record(Topic.CANDIDATE, to_json(candidate())))
    fresh.take(_rolled("c-1", RolloutStep.COMPLETE))
    if known is not None:
        fresh.take(_record(Topic.VERDICT, to_json(known)))
    _tell(fresh, [*state_deltas(square(), cut=(CUT,)), *demand_deltas(demand())])
    clock.sleep(2)

    assert fresh.due() == ()


def test_a_policy_that_was_taken_back_is_not_compared(
    watch: FeedbackWatch, clock: FakeClock
) -> None:
    """Production without the policy is no evidence about the shadow that had it."""
    watch.take(_rolled("c-1", RolloutStep.REVERTING))
    _link_fails(watch)
    clock.sleep(2)

    assert watch.due() == ()


def test_a_forced_candidate_is_not_compared(watch: FeedbackWatch, clock: FakeClock) -> None:
    """What was never proven predicted nothing."""
    forced = replace(candidate(name="c-2"), override="demo: show a rollback")
    watch.take(_record(Topic.CANDIDATE, to_json(forced)))
    watch.take(_rolled("c-2", RolloutStep.COMPLETE))
    _link_fails(watch)
    clock.sleep(2)

    assert {f.txn for f in watch.due()} == {"c-1"}
