"""Carries rollouts out: asks the machine what comes next, does it, writes it down, asks again.

Nothing here decides whether a wave is good (gates), what may follow what (machine) or what to do
after a crash (recovery); and no device is called but through the crew, which writes first.
"""

from dataclasses import dataclass
from threading import Event
from typing import Any

import structlog

from foreshadow.bus import Publisher
from foreshadow.candidate import Candidate
from foreshadow.clock import Clock
from foreshadow.errors import BrokerUnreachable
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import RolloutTimes
from rollout.crew import Crew, OpenSession
from rollout.journal import Journal
from rollout.lookout import Lookout, Word
from rollout.machine import Do, Order, next_action
from rollout.passage import Passage
from rollout.resumption import REFUSALS, Resumption
from rollout.retreat import Retreat
from rollout.rules import DRY_RUN, Rules
from rollout.steps import Steps

S = RolloutStep
_log = structlog.get_logger()
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """The one who may change production."""

    journal: Journal
    lookout: Lookout
    publisher: Publisher
    open_session: OpenSession
    clock: Clock
    times: RolloutTimes
    rules: Rules
    stop: Event

    def take_up(self) -> None:
        """Go on with what a predecessor left in the middle, oldest first."""
        resumption = Resumption(steps=self._steps, clock=self.clock, times=self.times)
        for txn in self.journal.transactions():
            passage = self._passage(self.journal.candidate(txn))
            passage.restore()
            self.lookout.obeyed(txn, passage.obeyed_offset())
            if passage.state is None:
                self._propose(passage)
            if passage.at.is_active and self._may_touch(passage):
                resumption.take_up(passage)
                self._carry(passage)

    def begin_next(self) -> bool:
        """Roll out the oldest candidate that was not, if there is one; obey late orders."""
        known = self.journal.transactions()
        for candidate in self.lookout.candidates:
            if candidate.id not in known:
                self.journal.keep_candidate(candidate)
                passage = self._passage(candidate)
                self._propose(passage)
                self._carry(passage)
                return True
        self._obey_late(known)
        return False

    def _obey_late(self, known: tuple[str, ...]) -> None:
        """A finished rollout can still be taken back, and only that."""
        for txn in known:
            word = self.lookout.order(txn)
            if word is not None:
                passage = self._passage(self.journal.candidate(txn))
                passage.restore()
                if self._may_touch(passage):
                    self._carry(passage)
                self.lookout.obeyed(txn, word.offset)

    def _may_touch(self, passage: Passage) -> bool:
        """A dry run leaves what has reached a device to its dead-man and to the next controller."""
        if self.rules.may_configure or not passage.at.wave:
            return True
        _log.warning("rollout_left_alone", txn=passage.txn, step=passage.at.step, because=DRY_RUN)
        return False

    def _passage(self, candidate: Candidate) -> Passage:
        crew = Crew(
            candidate.id,
            journal=self.journal,
            open_session=self.open_session,
            clock=self.clock,
            may_configure=self.rules.may_configure,
        )
        return Passage(
            candidate=candidate,
            journal=self.journal,
            crew=crew,
            clock=self.clock,
            tell=self._relay,
        )

    def _propose(self, passage: Passage) -> None:
        candidate, times = passage.candidate, self.times
        override = f"; OVERRIDE: {candidate.override}" if candidate.override else ""
        passage.record(
            S.PROPOSED,
            f"{len(candidate.waves)} waves towards local preference "
            f"{candidate.knob.local_preference} at {candidate.knob.device}{override}",
            wave=0,
            facts={
                "waves": len(candidate.waves),
                "shares": [wave.affected_share for wave in candidate.waves],
                "override": candidate.override,
                "times": times.model_dump(),
            },
        )

    def _carry(self, passage: Passage) -> None:
        """Do what comes next until there is nothing, or until told to stop."""
        self._relay()
        while not self.stop.is_set():
            word = self.lookout.order(passage.txn)
            action = next_action(
                passage.at,
                verdict=passage.verdict,
                order=word.order if word else Order.NONE,
                may_extend=self._steps.may_extend(passage),
            )
            is_dry_hold = action is Do.HOLD and word is None and not self.rules.may_configure
            if action is Do.NOTHING or is_dry_hold:
                return
            try:
                self._do(action, passage, word)
            except REFUSALS as error:
                self._refuse(passage, str(error))

    def _do(self, action: Do, passage: Passage, word: Word | None) -> None:
        if action is Do.ROLL_BACK:
            self._roll_back(passage, word)
        elif action is Do.HOLD:
            self._hold(passage, word)
        else:
            if word is not None:  # RESUME without a hold: nothing to resume.
                self.lookout.obeyed(passage.txn, word.offset)
            self._steps.take(action, passage)

    def _refuse(self, passage: Passage, because: str) -> None:
        if passage.at.step in (S.PROPOSED, S.VERIFIED, S.APPROVED):
            passage.record(S.REFUSED, because)
        else:
            passage.fail(because)

    def _roll_back(self, passage: Passage, word: Word | None) -> None:
        if word is not None and word.order is Order.ROLL_BACK:
            passage.fail(f"{word.asked_by or 'a person'} asked to roll back")
            passage.found["order_offset"] = word.offset
            self.lookout.obeyed(passage.txn, word.offset)
        retreat = Retreat(lookout=self.lookout, clock=self.clock, times=self.times)
        retreat.carry_out(passage)
        passage.verdict, passage.found = None, {}

    def _hold(self, passage: Passage, word: Word | None) -> None:
        """Stand still; a dead-man is never extended, so an armed wave goes back in its time."""
        state, trial = passage.at, passage.trial
        left_s = trial.deadline_s - self.clock.monotonic_s() if trial and state.on_trial else None
        if word is not None:
            self.lookout.obeyed(passage.txn, word.offset)
            facts: dict[str, Any] = {"order_offset": word.offset}
            who = word.asked_by or "a person"
            if word.order is Order.HOLD and not state.is_held:
                if left_s is not None:
                    facts["dead_man_left_s"] = round(left_s, 1)
                passage.record(S.HELD, f"{who} asked to hold", facts=facts)
            elif word.order is Order.RESUME and state.is_held:
                passage.record(state.step, f"{who} asked to go on", facts=facts)
        elif left_s is not None and trial and trial.deadline_s and left_s <= 0:
            passage.fail("the dead-man fired while the wave was held")
        self.lookout.glance(_LOOK_S)

    @property
    def _steps(self) -> Steps:
        return Steps(
            lookout=self.lookout,
            publisher=self.publisher,
            clock=self.clock,
            times=self.times,
            rules=self.rules,
            stop=self.stop,
        )

    def _relay(self) -> None:
        """Tell the topic; a broker that is away hears it later, the journal has it."""
        try:
            self.journal.relay(self.publisher)
        except BrokerUnreachable as error:
            _log.warning("outbox_waits", error=str(error))
