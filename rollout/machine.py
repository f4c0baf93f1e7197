"""Where a rollout stands and what comes next: a state machine, pure.

The journal's events are the only truth; `fold` makes the state of them and refuses a history that
cannot be. Two laws hold by construction and are tested as properties: no wave is confirmed without
a gate that PASSED, and every rollout that is not over can be rolled back.

A hold is not a state of its own but lies over the step it interrupts: it stops the way forward, it
never stops the way back, and it never extends a dead-man. A hold ends when its step is entered
again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from foreshadow.errors import InvariantViolated
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import RolloutEvent, RolloutStep

S = RolloutStep

_FORWARD: Mapping[RolloutStep, frozenset[RolloutStep]] = {
    S.PROPOSED: frozenset({S.VERIFIED, S.REFUSED}),
    S.VERIFIED: frozenset({S.APPROVED, S.REFUSED}),
    # Refused even now, where what was verified no longer holds after a hold or a restart.
    S.APPROVED: frozenset({S.LOCKED, S.REFUSED}),
    S.LOCKED: frozenset({S.STAGED}),
    S.STAGED: frozenset({S.ARMED}),
    S.ARMED: frozenset({S.FLIPPED}),
    S.FLIPPED: frozenset({S.SETTLING}),
    S.SETTLING: frozenset({S.SOAKING}),
    # Back to SETTLING: a restarted controller does not credit a soak it did not watch to its end.
    S.SOAKING: frozenset({S.GATE_PASSED, S.SETTLING}),
    S.GATE_PASSED: frozenset({S.CONFIRMED}),
    S.CONFIRMED: frozenset({S.LOCKED, S.COMPLETE}),
    S.REVERTING: frozenset({S.REVERTED, S.REVERT_FAILED}),
}
_TRIAL = frozenset({S.LOCKED, S.STAGED, S.ARMED, S.FLIPPED, S.SETTLING, S.SOAKING, S.GATE_PASSED})
_OVER = frozenset({S.REFUSED, S.REVERTED})
_AT_REST = frozenset({S.COMPLETE, S.REVERT_FAILED})
"""Nothing more happens by itself, but the way back is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """Where one rollout stands.

    Attributes:
        step: The last step taken; a hold leaves it as it was.
        wave: The wave that step belongs to; 0 before the first.
        standing: Waves of which something may be on a device, oldest first: from LOCKED on, since
            a call that failed may have been carried out all the same.
        soaks: How often the present wave's soak was begun.
    """

    txn: str
    waves: int
    step: RolloutStep
    seq: int = 1
    wave: int = 0
    standing: tuple[int, ...] = ()
    soaks: int = 0
    is_held: bool = False

    @property
    def is_over(self) -> bool:
        """Refused, or rolled back whole: nothing of it is left and nothing more can happen."""
        return self.step in _OVER

    @property
    def is_active(self) -> bool:
        """Something is still to be done without being asked."""
        return not self.is_over and self.step not in _AT_REST

    @property
    def on_trial(self) -> int:
        """The wave that was begun and is not confirmed, or 0."""
        return self.wave if self.step in _TRIAL else 0


def fold(events: Iterable[RolloutEvent]) -> RolloutState | None:
    """The state a history leads to; None for no history.

    Raises:
        InvariantViolated: The history cannot be.
    """
    state: RolloutState | None = None
    for event in events:
        state = advance(state, event)
    return state


def advance(state: RolloutState | None, event: RolloutEvent) -> RolloutState:
    """The state after one more event.

    Raises:
        InvariantViolated: The event cannot follow.
    """
    if state is None:
        return _proposed(event)
    if event.txn != state.txn or event.seq != state.seq + 1:
        raise _impossible(state, event, f"expected event {state.seq + 1} of {state.txn}")
    if state.is_over:
        raise _impossible(state, event, "the rollout is over")
    following = replace(state, seq=event.seq)
    match event.step:
        case S.HELD:
            if not state.is_active or state.step is S.REVERTING:
                raise _impossible(state, event, "there is no way forward to stop")
            return replace(following, is_held=True)
        case S.REVERTING:
            return replace(following, step=S.REVERTING, is_held=False)
        case S.REVERTED:
            return _reverted(following, event)
        case _:
            return _forward(following, event)


def _proposed(event: RolloutEvent) -> RolloutState:
    waves = (event.facts or {}).get("waves", 0)
    if event.step is not S.PROPOSED or event.seq != 1 or not isinstance(waves, int) or waves < 1:
        raise InvariantViolated(f"{event.txn}: a rollout begins with PROPOSED, which counts waves")
    return RolloutState(txn=event.txn, waves=waves, step=S.PROPOSED)


def _reverted(state: RolloutState, event: RolloutEvent) -> RolloutState:
    """One wave taken back (newest first), or with wave 0 the whole change."""
    if state.step is not S.REVERTING:
        raise _impossible(state, event, "nothing is being reverted")
    if event.wave == 0:
        if state.standing:
            raise _impossible(state, event, f"waves {state.standing} still stand")
        return replace(state, step=S.REVERTED)
    if event.wave not in state.standing[-1:]:
        raise _impossible(state, event, f"of {state.standing} the newest goes first")
    return replace(state, standing=state.standing[:-1])


def _forward(state: RolloutState, event: RolloutEvent) -> RolloutState:
    step, is_again = event.step, event.step is state.step
    if is_again and not (state.is_held or step is S.SOAKING):
        raise _impossible(state, event, "it was there already")
    if not is_again and (state.is_held or step not in _FORWARD.get(state.step, frozenset())):
        raise _impossible(state, event, "that does not follow")
    wave = state.wave + 1 if step is S.LOCKED and not is_again else state.wave
    if event.wave not in (wave, 0) or wave > state.waves:
        raise _impossible(state, event, f"the wave in progress is {wave} of {state.waves}")
    # Resumed after a hold: the pass was recorded when it was judged, and still stands.
    if step is S.GATE_PASSED and not is_again and not has_passed(event):
        raise _impossible(state, event, "its gates did not all pass")
    if step is S.COMPLETE and wave != state.waves:
        raise _impossible(state, event, "waves are missing")
    newly_standing = (wave,) if step is S.LOCKED and not is_again else ()
    return replace(
        state,
        step=step,
        wave=wave,
        standing=state.standing + newly_standing,
        soaks=_soaks(state, step, is_again=is_again),
        is_held=False,
    )


def _soaks(state: RolloutState, step: RolloutStep, *, is_again: bool) -> int:
    if step is S.SOAKING and not (is_again and state.is_held):
        return state.soaks + 1
    return 0 if step is S.LOCKED else state.soaks


def has_passed(event: RolloutEvent) -> bool:
    """Whether there were gates and every one of them passed; no evidence is not a pass."""
    return bool(event.gates) and max(gate.verdict for gate in event.gates) is Verdict.PASSED


class Do(StrEnum):
    """What the controller does next."""

    VERIFY = "verify"
    APPROVE = "approve"
    LOCK = "lock"
    STAGE = "stage"
    ARM = "arm"
    FLIP = "flip"
    SETTLE = "settle"
    SOAK = "soak"
    JUDGE_PASSED = "judge-passed"
    CONFIRM = "confirm"
    COMPLETE = "complete"
    ROLL_BACK = "roll-back"
    HOLD = "hold"
    NOTHING = "nothing"


class Order(StrEnum):
    """What a person (the NOC) asked for, last word first."""

    NONE = "none"
    HOLD = "hold"
    RESUME = "resume"
    ROLL_BACK = "roll-back"


_NEXT: Mapping[RolloutStep, Do] = {
    S.PROPOSED: Do.VERIFY,
    S.VERIFIED: Do.APPROVE,
    S.APPROVED: Do.LOCK,
    S.LOCKED: Do.STAGE,
    S.STAGED: Do.ARM,
    S.ARMED: Do.FLIP,
    S.FLIPPED: Do.SETTLE,
    S.SETTLING: Do.SOAK,
    S.GATE_PASSED: Do.CONFIRM,
}


def next_action(
    state: RolloutState,
    *,
    verdict: Verdict | None = None,
    order: Order = Order.NONE,
    may_extend: bool = False,
) -> Do:
    """What to do next.

    Args:
        state: Where the rollout stands.
        verdict: Worst of the gates of the wave in progress; None while they are being judged.
        order: What a person asked for; going back precedes all else.
        may_extend: The dead-man leaves time for one more soak.
    """
    if state.is_over:
        return Do.NOTHING
    if order is Order.ROLL_BACK or verdict is Verdict.FAILED or state.step is S.REVERTING:
        return Do.ROLL_BACK
    if not state.is_active:
        return Do.NOTHING
    if state.is_held or order is Order.HOLD:
        return Do.HOLD
    return _onward(state, verdict, may_extend=may_extend)


def _onward(state: RolloutState, verdict: Verdict | None, *, may_extend: bool) -> Do:
    """The way forward. Missing evidence buys one more soak; after that the wave goes back."""
    if state.step is S.CONFIRMED:
        return Do.COMPLETE if state.wave == state.waves else Do.LOCK
    if state.step is not S.SOAKING:
        return _NEXT[state.step]
    if verdict is None:
        return Do.SOAK
    if verdict is Verdict.PASSED:
        return Do.JUDGE_PASSED
    return Do.SOAK if state.soaks < 2 and may_extend else Do.ROLL_BACK


def _impossible(state: RolloutState, event: RolloutEvent, why: str) -> InvariantViolated:
    return InvariantViolated(
        f"{state.txn}: {event.step} (wave {event.wave}, event {event.seq}) cannot follow "
        f"{state.step} (wave {state.wave}, event {state.seq}): {why}"
    )
