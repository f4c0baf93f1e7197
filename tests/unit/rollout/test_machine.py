"""The state machine: what can follow what, and the two laws nothing may break."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from foreshadow.errors import InvariantViolated
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import GateResult, RolloutEvent, RolloutStep
from rollout.machine import Do, Order, RolloutState, advance, fold, has_passed, next_action

S = RolloutStep
AT = datetime(2004, 3, 11, 17, 0, tzinfo=UTC)
WAVES = 3


def event(seq: int, step: RolloutStep, wave: int = 0, **more: Any) -> RolloutEvent:
    """An event of the one rollout of these tests."""
    return RolloutEvent(txn="t", seq=seq, at=AT, step=step, wave=wave, **more)


def gates(verdict: Verdict) -> tuple[GateResult, ...]:
    """Four gates, the last one with this verdict."""
    return tuple(
        GateResult(gate=name, verdict=verdict if name == "G3" else Verdict.PASSED, says="")
        for name in ("G0", "G1", "G2", "G3")
    )


def history(*steps: tuple[RolloutStep, int], waves: int = WAVES) -> list[RolloutEvent]:
    """A history from PROPOSED on; gates pass."""
    first = event(1, S.PROPOSED, facts={"waves": waves})
    return [
        first,
        *(
            event(seq, step, wave, gates=gates(Verdict.PASSED) if step is S.GATE_PASSED else ())
            for seq, (step, wave) in enumerate(steps, 2)
        ),
    ]


WAVE = (
    S.LOCKED,
    S.STAGED,
    S.ARMED,
    S.FLIPPED,
    S.SETTLING,
    S.SOAKING,
    S.GATE_PASSED,
    S.CONFIRMED,
)
APPROVED = ((S.VERIFIED, 0), (S.APPROVED, 0))


def wave(number: int, *, until: RolloutStep = S.CONFIRMED) -> tuple[tuple[RolloutStep, int], ...]:
    """The steps of one wave, up to one of them."""
    return tuple((step, number) for step in WAVE[: WAVE.index(until) + 1])


def at(*steps: tuple[RolloutStep, int], waves: int = WAVES) -> RolloutState:
    """The state after a history."""
    state = fold(history(*steps, waves=waves))
    assert state is not None
    return state


def test_no_history_is_no_rollout() -> None:
    """Nothing was proposed, nothing stands."""
    assert fold([]) is None


def test_good_day_ends_complete_with_every_wave_standing() -> None:
    """All waves in order, then COMPLETE; the way back stays open."""
    state = at(*APPROVED, *wave(1), *wave(2), *wave(3), (S.COMPLETE, 0))

    assert state.step is S.COMPLETE
    assert state.standing == (1, 2, 3)
    assert not state.is_active
    assert not state.is_over
    assert next_action(state) is Do.NOTHING
    assert next_action(state, order=Order.ROLL_BACK) is Do.ROLL_BACK


def test_every_step_leads_to_the_next() -> None:
    """Asked at every point of a good day, the machine names the step that follows."""
    expected = [
        Do.VERIFY,
        Do.APPROVE,
        Do.LOCK,
        Do.STAGE,
        Do.ARM,
        Do.FLIP,
        Do.SETTLE,
        Do.SOAK,
        Do.JUDGE_PASSED,
        Do.CONFIRM,
        Do.COMPLETE,
        Do.NOTHING,
    ]
    events = history(*APPROVED, *wave(1), (S.COMPLETE, 0), waves=1)

    told = []
    state: RolloutState | None = None
    for happened in events:
        state = advance(state, happened)
        verdict = Verdict.PASSED if state.step is S.SOAKING else None
        told.append(next_action(state, verdict=verdict))

    assert told == expected


def test_soak_goes_on_until_there_is_a_verdict() -> None:
    """No verdict yet: go on watching."""
    assert next_action(at(*APPROVED, *wave(1, until=S.SOAKING))) is Do.SOAK


def test_missing_evidence_buys_one_more_soak_and_then_the_way_back() -> None:
    """INCONCLUSIVE extends once, and only where the dead-man leaves the time."""
    once = at(*APPROVED, *wave(1, until=S.SOAKING))
    twice = at(*APPROVED, *wave(1, until=S.SOAKING), (S.SOAKING, 1))
    vague = Verdict.INCONCLUSIVE

    assert next_action(once, verdict=vague, may_extend=True) is Do.SOAK
    assert next_action(once, verdict=vague, may_extend=False) is Do.ROLL_BACK
    assert next_action(twice, verdict=vague, may_extend=True) is Do.ROLL_BACK


def test_next_wave_has_its_own_extension() -> None:
    """The count of soaks begins anew with every wave."""
    state = at(
        *APPROVED,
        *wave(1, until=S.SOAKING),
        (S.SOAKING, 1),
        (S.GATE_PASSED, 1),
        (S.CONFIRMED, 1),
        *wave(2, until=S.SOAKING),
    )

    assert state.soaks == 1


def test_restarted_controller_soaks_from_zero() -> None:
    """From SOAKING back to SETTLING: what was not watched does not count."""
    state = at(*APPROVED, *wave(1, until=S.SOAKING), (S.SETTLING, 1), (S.SOAKING, 1))

    assert state.step is S.SOAKING


def test_hold_lies_over_its_step_and_ends_when_that_is_entered_again() -> None:
    """A held rollout waits; entering the step again goes on from it."""
    held = at(*APPROVED, *wave(1, until=S.SOAKING), (S.HELD, 1))
    resumed = at(*APPROVED, *wave(1, until=S.SOAKING), (S.HELD, 1), (S.SOAKING, 1))

    assert held.is_held
    assert next_action(held, order=Order.RESUME) is Do.HOLD
    assert next_action(held, order=Order.ROLL_BACK) is Do.ROLL_BACK
    assert not resumed.is_held
    assert resumed.soaks == 1


def test_order_to_hold_stops_the_way_forward() -> None:
    """Before anything else is begun."""
    assert next_action(at(*APPROVED), order=Order.HOLD) is Do.HOLD


def test_held_lock_can_be_entered_again_without_a_new_wave() -> None:
    """Going on at LOCKED is the same wave."""
    state = at(*APPROVED, (S.LOCKED, 1), (S.HELD, 1), (S.LOCKED, 1))

    assert state.wave == 1
    assert state.standing == (1,)


def test_waves_go_back_newest_first_and_then_the_whole_change() -> None:
    """Once nothing stands the rollout is over."""
    back = (S.REVERTING, 2), (S.REVERTED, 2), (S.REVERTED, 1), (S.REVERTED, 0)
    state = at(*APPROVED, *wave(1), *wave(2, until=S.SOAKING), *back)

    assert state.is_over
    assert state.standing == ()
    assert next_action(state, order=Order.ROLL_BACK) is Do.NOTHING


def test_failed_way_back_can_be_tried_again() -> None:
    """REVERT_FAILED rests until somebody asks."""
    state = at(*APPROVED, *wave(1), (S.REVERTING, 1), (S.REVERT_FAILED, 0))

    assert not state.is_active
    assert next_action(state) is Do.NOTHING
    assert next_action(state, order=Order.ROLL_BACK) is Do.ROLL_BACK
    again = advance(state, event(state.seq + 1, S.REVERTING, 1))
    assert next_action(again) is Do.ROLL_BACK


def test_only_a_trial_is_on_trial() -> None:
    """From LOCKED until CONFIRMED."""
    assert at(*APPROVED, *wave(1, until=S.ARMED)).on_trial == 1
    assert at(*APPROVED, *wave(1)).on_trial == 0


def test_refused_rollout_is_over() -> None:
    """Nothing can happen to it any more."""
    state = at((S.REFUSED, 0))

    assert state.is_over
    assert not state.is_active
    with pytest.raises(InvariantViolated, match="over"):
        advance(state, event(3, S.VERIFIED))


@pytest.mark.parametrize(
    ("steps", "then", "because"),
    [
        ((), event(2, S.LOCKED, 1), "does not follow"),
        ((), event(2, S.PROPOSED), "already"),
        ((), event(3, S.VERIFIED), "expected event 2"),
        (APPROVED, event(4, S.LOCKED, 2), "wave in progress is 1"),
        (APPROVED, event(4, S.REVERTED), "nothing is being reverted"),
        ((*APPROVED, *wave(1, until=S.SOAKING)), event(10, S.CONFIRMED, 1), "does not follow"),
        ((*APPROVED, *wave(1, until=S.SOAKING)), event(10, S.GATE_PASSED, 1), "did not all pass"),
        ((*APPROVED, *wave(1)), event(12, S.COMPLETE), "waves are missing"),
        ((*APPROVED, (S.HELD, 0)), event(5, S.LOCKED, 1), "does not follow"),
        ((*APPROVED, *wave(1), (S.REVERTING, 1)), event(13, S.REVERTED), "still stand"),
        ((*APPROVED, *wave(1), (S.REVERTING, 1)), event(13, S.REVERTED, 2), "newest goes first"),
        ((*APPROVED, *wave(1), (S.REVERTING, 1)), event(13, S.HELD), "no way forward"),
    ],
)
def test_impossible_history_is_our_bug(
    steps: tuple[tuple[RolloutStep, int], ...], then: RolloutEvent, because: str
) -> None:
    """What cannot follow is refused, with the reason."""
    with pytest.raises(InvariantViolated, match=because):
        fold([*history(*steps), then])


def test_a_hold_after_the_gates_is_resumed_where_it_was() -> None:
    """What was judged before the hold need not be judged again: the wave may be confirmed."""
    judged = wave(1)[: [step for step, _ in wave(1)].index(S.GATE_PASSED) + 1]
    held = history(*APPROVED, *judged, (S.HELD, 1))
    resumed = fold([*held, event(len(held) + 1, S.GATE_PASSED, 1)])

    assert resumed is not None
    assert not resumed.is_held
    assert next_action(resumed) is Do.CONFIRM


def test_more_waves_than_proposed_cannot_be() -> None:
    """The proposal counts the waves."""
    with pytest.raises(InvariantViolated, match="2 of 1"):
        fold(history(*APPROVED, *wave(1), (S.LOCKED, 2), waves=1))


@pytest.mark.parametrize(
    "first",
    [
        event(1, S.VERIFIED),
        event(2, S.PROPOSED, facts={"waves": 1}),
        event(1, S.PROPOSED, facts={"waves": 0}),
        event(1, S.PROPOSED, facts={"waves": "many"}),
        event(1, S.PROPOSED),
    ],
)
def test_rollout_begins_with_a_proposal_that_counts_its_waves(first: RolloutEvent) -> None:
    """Anything else is no beginning."""
    with pytest.raises(InvariantViolated, match="begins with PROPOSED"):
        fold([first])


@given(st.sampled_from(Verdict))
def test_no_evidence_is_no_pass(verdict: Verdict) -> None:
    """Gates pass when there are some and all of them do."""
    assert has_passed(event(1, S.GATE_PASSED, gates=gates(verdict))) is (verdict is Verdict.PASSED)
    assert not has_passed(event(1, S.GATE_PASSED))


@given(
    st.lists(
        st.builds(
            event,
            st.integers(1, 30),
            st.sampled_from(RolloutStep),
            st.integers(0, WAVES + 1),
            gates=st.sampled_from([(), *map(gates, Verdict)]),
            facts=st.sampled_from([None, {"waves": WAVES}]),
        ),
        max_size=30,
    )
)
def test_any_accepted_history_keeps_the_laws(events: list[RolloutEvent]) -> None:
    """Whatever is thrown at the machine: what it accepts never confirms without a pass."""
    state: RolloutState | None = None
    accepted: list[RolloutEvent] = []
    for thrown in events:
        try:
            state = advance(state, thrown)
        except InvariantViolated:
            continue
        accepted.append(thrown)

    for confirmed in (e for e in accepted if e.step is S.CONFIRMED):
        passed = accepted[confirmed.seq - 2]
        assert passed.step in (S.GATE_PASSED, S.CONFIRMED, S.HELD)


class RolloutOnADevice(RuleBasedStateMachine):
    """A controller that asks the machine, with gates, people and crashes that do as they please."""

    def __init__(self) -> None:
        """Propose."""
        super().__init__()
        self.events = [event(1, S.PROPOSED, facts={"waves": WAVES})]
        self.passed: set[int] = set()

    @property
    def state(self) -> RolloutState:
        """Folded anew each time, as after a crash."""
        state = fold(self.events)
        assert state is not None
        return state

    def happens(self, step: RolloutStep, wave: int, **more: Any) -> None:
        """One more event."""
        self.events.append(event(self.state.seq + 1, step, wave, **more))

    @precondition(lambda self: self.state.is_active)
    @rule(verdict=st.sampled_from([None, *Verdict]), order=st.sampled_from(Order))
    def goes_on(self, verdict: Verdict | None, order: Order) -> None:
        """One turn of the controller's loop."""
        state = self.state
        action = next_action(state, verdict=verdict, order=order, may_extend=True)
        if action is Do.ROLL_BACK:
            self.rolls_back()
        elif action is Do.HOLD:
            self.happens(state.step if state.is_held else S.HELD, state.wave)
        elif action is Do.JUDGE_PASSED:
            self.happens(S.GATE_PASSED, state.wave, gates=gates(Verdict.PASSED))
            self.passed.add(state.wave)
        else:
            step = _STEP_OF[action]
            self.happens(step, state.wave + 1 if step is S.LOCKED else state.wave)

    @precondition(lambda self: not self.state.is_over)
    @rule()
    def rolls_back(self) -> None:
        """It can always be taken back, from wherever it is."""
        self.happens(S.REVERTING, self.state.wave)
        for number in reversed(self.state.standing):
            self.happens(S.REVERTED, number)
        self.happens(S.REVERTED, 0)
        assert self.state.is_over

    @precondition(lambda self: not self.state.is_active)
    @rule(verdict=st.sampled_from([None, Verdict.PASSED]))
    def rests(self, verdict: Verdict | None) -> None:
        """What is over or complete does nothing by itself."""
        assert next_action(self.state, verdict=verdict) is Do.NOTHING

    @invariant()
    def confirmed_waves_have_passed(self) -> None:
        """No wave was confirmed without a gate that passed."""
        confirmed = {e.wave for e in self.events if e.step is S.CONFIRMED}
        assert confirmed <= self.passed

    @invariant()
    def nothing_stands_after_the_end(self) -> None:
        """Over means that no device has anything of it."""
        assert not (self.state.is_over and self.state.standing)


_STEP_OF = {
    Do.VERIFY: S.VERIFIED,
    Do.APPROVE: S.APPROVED,
    Do.LOCK: S.LOCKED,
    Do.STAGE: S.STAGED,
    Do.ARM: S.ARMED,
    Do.FLIP: S.FLIPPED,
    Do.SETTLE: S.SETTLING,
    Do.SOAK: S.SOAKING,
    Do.CONFIRM: S.CONFIRMED,
    Do.COMPLETE: S.COMPLETE,
}

TestRolloutOnADevice = RolloutOnADevice.TestCase
