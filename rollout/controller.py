"""Carries rollouts out: asks the machine what comes next, does it, writes it down, asks again.

Nothing here decides whether a wave is good (gates), what may follow what (machine) or what to do
after a crash (recovery); and no device is called but through the crew, which writes first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

import structlog

from foreshadow.bus import Publisher
from foreshadow.candidate import Candidate
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.errors import BrokerUnreachable, ConfigError, DeviceUnreachable, UnsafeRollout
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import Feedback, RolloutStep
from foreshadow.settings import RolloutTimes
from foreshadow.topics import Topic
from rollout.crew import Crew, OpenSession
from rollout.devices.session import Guard, TrialReport
from rollout.gates import link_loads, worst_of
from rollout.journal import Journal
from rollout.lookout import Lookout, Word
from rollout.machine import Do, Order, next_action
from rollout.observation import Observation
from rollout.passage import Passage
from rollout.preconditions import (
    SETTLE_TRIES,
    Standing,
    governance_objections,
    moved_share,
    objections,
)
from rollout.recovery import Remedy, remedy
from rollout.retreat import Retreat
from rollout.watch import CONFIRM_MARGIN_S, Trial, Watch

S = RolloutStep
_log = structlog.get_logger()
_LOOK_S = 0.05
_NAMED_LOADS = 8

_REFUSALS = (ConfigError, DeviceUnreachable, UnsafeRollout)
"""What a device call may raise without being our bug: the change goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """The one who may change production."""

    journal: Journal
    lookout: Lookout
    publisher: Publisher
    open_session: OpenSession
    clock: Clock
    times: RolloutTimes
    stop: Event

    def take_up(self) -> None:
        """Go on with what a predecessor left in the middle, oldest first."""
        for txn in self.journal.transactions():
            passage = self._passage(self.journal.candidate(txn))
            passage.restore()
            self.lookout.obeyed(txn, passage.obeyed_offset())
            if passage.state is None:
                self._propose(passage)
            if passage.at.is_active:
                self._recover(passage)
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
                self._carry(passage)
                self.lookout.obeyed(txn, word.offset)

    def _passage(self, candidate: Candidate) -> Passage:
        crew = Crew(
            candidate.id, journal=self.journal, open_session=self.open_session, clock=self.clock
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
                may_extend=self._may_extend(passage),
            )
            if action is Do.NOTHING:
                return
            try:
                self._do(action, passage, word)
            except _REFUSALS as error:
                self._refuse(passage, str(error))

    def _do(self, action: Do, passage: Passage, word: Word | None) -> None:
        if action is Do.ROLL_BACK:
            self._roll_back(passage, word)
        elif action is Do.HOLD:
            self._hold(passage, word)
        else:
            if word is not None:  # RESUME without a hold: nothing to resume.
                self.lookout.obeyed(passage.txn, word.offset)
            self._forward[action](passage)

    @property
    def _forward(self) -> Mapping[Do, Callable[[Passage], None]]:
        return {
            Do.VERIFY: self._verify,
            Do.APPROVE: self._approve,
            Do.LOCK: self._lock,
            Do.STAGE: self._stage,
            Do.ARM: self._arm,
            Do.FLIP: self._flip,
            Do.SETTLE: self._settle,
            Do.SOAK: self._soak,
            Do.JUDGE_PASSED: self._pass_gate,
            Do.CONFIRM: self._confirm,
            Do.COMPLETE: self._complete,
        }

    def _refuse(self, passage: Passage, because: str) -> None:
        if passage.at.step in (S.PROPOSED, S.VERIFIED):
            passage.record(S.REFUSED, because)
        else:
            passage.fail(because)

    def _verify(self, passage: Passage) -> None:
        """Facts; what only needs telemetry to arrive is given three settle times."""
        candidate = passage.candidate
        until_s = self.clock.monotonic_s() + SETTLE_TRIES * self.times.settle_s
        while True:
            before = self.lookout.observe()
            found = objections(candidate, self._standing(passage, before))
            if not found or self.clock.monotonic_s() >= until_s or self.stop.is_set():
                break
            self.lookout.poll(_LOOK_S)
        if found:
            raise UnsafeRollout("; ".join(found))
        passage.before = before
        self.journal.keep_before(passage.txn, before)
        passage.record(
            S.VERIFIED,
            "configurations and RIBs are those it was measured on, and it will be done in time",
            facts={"rib_digest_before": before.digest, "override": candidate.override},
        )

    def _standing(self, passage: Passage, before: Observation) -> Standing:
        configs = {
            device: passage.crew.config_sha256(device)
            for device, _ in passage.candidate.precondition
        }
        return Standing(
            before=before,
            configs=configs,
            untrusted=self.lookout.untrusted(),
            now=self.lookout.now,
            times=self.times,
        )

    def _approve(self, passage: Passage) -> None:
        candidate, governance = passage.candidate, passage.candidate.governance
        demand = self.lookout.observe().demand
        found = governance_objections(candidate, demand)
        if found:
            raise UnsafeRollout("; ".join(found))
        moved = moved_share(candidate, demand)
        says = f"moves {moved:.1%} of all traffic, {governance.moved_traffic_cap:.0%} is the cap"
        if governance.raised_by:
            says += f", raised by {governance.raised_by}: {governance.reason}"
        if candidate.override:
            says += f"; overridden: {candidate.override}"
        passage.record(S.APPROVED, says, facts={"moved_share": moved})

    def _lock(self, passage: Passage) -> None:
        """Take the devices, unless their configuration is not how the last wave left it."""
        number = passage.at.wave + 1
        wave = passage.wave_of(number)
        drifted = [
            change.device
            for change in wave.changes
            if change.device in passage.last_sha256
            and passage.crew.config_sha256(change.device) != passage.last_sha256[change.device]
        ]
        if drifted:
            says = f"the configuration of {', '.join(drifted)} was changed by somebody else"
            passage.record(S.HELD, says, facts={"drifted": drifted})
            passage.last_sha256 = {}  # A person who resumes has looked at it.
            return
        # Written before the lock is taken: from here on there is something to clean up.
        passage.record(
            S.LOCKED, f"wave {number}: {wave.affected_share:.0%} of the traffic", wave=number
        )
        passage.crew.lock(wave)
        passage.trial = Trial(wave=wave)
        passage.verdict, passage.gates = None, ()

    def _stage(self, passage: Passage) -> None:
        passage.crew.lock(passage.wave)  # Safe to repeat; a restarted controller needs it.
        passage.crew.stage(passage.wave)
        generations = ", ".join(f"{c.device} g{c.generation}" for c in passage.wave.changes)
        passage.record(S.STAGED, f"inert objects and the way back are on {generations}")

    def _arm(self, passage: Passage) -> None:
        began_s = self.clock.monotonic_s()
        passage.crew.arm(passage.wave, self.times.dead_man_s)
        passage.trial = Trial(wave=passage.wave, deadline_s=began_s + self.times.dead_man_s)
        passage.record(
            S.ARMED,
            f"goes back by itself in {self.times.dead_man_s:g} s unless confirmed",
            facts={"dead_man_s": self.times.dead_man_s},
        )

    def _flip(self, passage: Passage) -> None:
        trial, began_s = self._trial(passage), self.clock.monotonic_s()
        passage.crew.flip(passage.wave)
        trial.flipped_s = self.clock.monotonic_s()
        self._read_back(passage, trial)
        missing = sum(map(len, trial.missing.values()))
        passage.record(
            S.FLIPPED,
            "the new generation is attached"
            if not missing
            else f"{missing} lines are not in force",
            facts={"flip_s": round(trial.flipped_s - began_s, 3)},
        )

    def _read_back(self, passage: Passage, trial: Trial) -> None:
        readbacks = passage.crew.read_back(passage.wave)
        trial.missing = {device: readback.missing for device, readback in readbacks.items()}

    def _settle(self, passage: Passage) -> None:
        passage.record(S.SETTLING, "waiting for the predicted best-path changes")
        trial, watch = self._trial(passage), self._watch(passage)
        settled_s = watch.settle(trial)
        if settled_s is not None:
            passage.found["settled_s"] = round(settled_s, 3)
            return
        results = watch.failure(trial)
        if results is not None:
            failed = next(result for result in results if result.verdict is Verdict.FAILED)
            passage.fail(f"{failed.gate} failed: {failed.says}", results)

    def _soak(self, passage: Passage) -> None:
        """Watch the wave; the device itself is read once more before the last word."""
        is_extension = passage.at.step is S.SOAKING
        trial = self._trial(passage)
        settled_s = passage.found.pop("settled_s", None)
        passage.record(
            S.SOAKING,
            "once more: the evidence was not enough"
            if is_extension
            else f"watching for {self.times.soak_s:g} s",
            facts=None if settled_s is None else {"flip_to_settled_s": settled_s},
        )
        watch = self._watch(passage)
        results = watch.soak(trial, is_extension=is_extension)
        if results is None:
            passage.verdict = None
            return
        if worst_of(results) is not Verdict.FAILED:
            self._read_back(passage, trial)
            extra = tuple(result for result in results if result.gate == "soak")
            results = (*watch.judge(trial), *extra)
        self._conclude(passage, results, is_last=is_extension)

    def _conclude(self, passage: Passage, results: tuple[Any, ...], *, is_last: bool) -> None:
        verdict = worst_of(results)
        passage.verdict, passage.gates = verdict, results
        if verdict is Verdict.PASSED:
            return
        worst = max(results, key=lambda result: result.verdict)
        if verdict is Verdict.FAILED or is_last or not self._may_extend(passage):
            passage.verdict = None  # So that the reason below is the first one.
            passage.fail(f"{worst.gate} {worst.verdict.name.lower()}: {worst.says}", results)

    def _pass_gate(self, passage: Passage) -> None:
        loads = link_loads(passage.wave, self.lookout.observe())
        fullest = sorted(loads, key=lambda load: -load.observed_ratio)[:_NAMED_LOADS]
        passage.record(
            S.GATE_PASSED,
            "; ".join(f"{gate.gate} {gate.says}" for gate in passage.gates),
            gates=passage.gates,
            facts={
                "loads": [
                    {
                        "link": str(load.link),
                        "shadow_ratio": load.predicted_ratio,
                        "observed_ratio": load.observed_ratio,
                    }
                    for load in fullest
                ]
            },
        )

    def _confirm(self, passage: Passage) -> None:
        too_late = passage.crew.confirm(passage.wave)
        if too_late:
            passage.fail(f"the dead-man of {', '.join(too_late)} was faster than the confirmation")
            return
        passage.last_sha256 = {
            change.device: passage.crew.config_sha256(change.device)
            for change in passage.wave.changes
        }
        passage.record(
            S.CONFIRMED,
            "kept, also over a reboot",
            facts={"config_sha256": dict(passage.last_sha256)},
        )

    def _complete(self, passage: Passage) -> None:
        passage.crew.unlock(passage.wave)
        self._feed_back(passage)
        passage.record(S.COMPLETE, f"all {passage.at.waves} waves are confirmed", wave=0)

    def _feed_back(self, passage: Passage) -> None:
        """Shadow against production, link by link, beside the forecast where there is one."""
        for load in link_loads(passage.wave, self.lookout.observe()):
            forecast = self.lookout.forecast(str(load.link))
            if forecast is not None:
                feedback = Feedback(
                    link=str(load.link),
                    under_failure=None,
                    made_at=forecast.made_at,
                    at=self.lookout.now,
                    forecast_upper_ratio=forecast.upper,
                    shadow_ratio=load.predicted_ratio,
                    observed_ratio=load.observed_ratio,
                    txn=passage.txn,
                )
                self.publisher.publish(Topic.FEEDBACK, feedback.link, to_json(feedback))

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
        self.lookout.poll(_LOOK_S)

    def _recover(self, passage: Passage) -> None:
        """Look at the devices and decide, as the table in `recovery` says."""
        state = passage.at
        try:
            reports = passage.crew.reports(passage.wave) if state.wave else ()
        except _REFUSALS as error:
            passage.fail(f"after a restart: {error}")
            return
        found = remedy(state.step, reports, needed_s=self._needed_s)
        _log.info(
            "rollout_found",
            txn=state.txn,
            step=state.step,
            wave=state.wave,
            guards=[report.guard for report in reports],
            remedy=found.name,
        )
        match found:
            case Remedy.GO_ON | Remedy.CONFIRM:
                passage.trial = Trial(wave=passage.wave) if state.wave else None
            case Remedy.SOAK_AGAIN:
                self._soak_again(passage, reports)
            case Remedy.ROLL_BACK:
                says, passage.found = _found(state.wave, reports)
                passage.fail(says)
            case Remedy.HOLD:
                says, facts = _found(state.wave, reports)
                passage.record(S.HELD, f"{says}; a person must look", facts=facts)

    def _soak_again(self, passage: Passage, reports: tuple[TrialReport, ...]) -> None:
        """What was not watched does not count: from the flip on, as if it were now."""
        now_s = self.clock.monotonic_s()
        trial = Trial(
            wave=passage.wave,
            deadline_s=now_s + min(report.left_s for report in reports),
            flipped_s=now_s,
        )
        self._read_back(passage, trial)
        passage.trial = trial
        if passage.at.step is S.SOAKING:
            passage.record(S.SETTLING, "the controller was restarted: the soak begins from zero")

    @property
    def _needed_s(self) -> float:
        settle_s = SETTLE_TRIES * self.times.settle_s
        return settle_s + self.times.soak_s + 2 * CONFIRM_MARGIN_S

    def _may_extend(self, passage: Passage) -> bool:
        trial = passage.trial
        if trial is None:
            return False
        return trial.deadline_s - self.clock.monotonic_s() > 2 * CONFIRM_MARGIN_S

    def _trial(self, passage: Passage) -> Trial:
        if passage.trial is None:
            raise UnsafeRollout("the wave is not armed by this controller")
        return passage.trial

    def _watch(self, passage: Passage) -> Watch:
        if passage.before is None:
            raise UnsafeRollout("the journal does not say what production was before")
        return Watch(
            txn=passage.txn,
            before=passage.before,
            load_limit=passage.candidate.load_limit,
            lookout=self.lookout,
            clock=self.clock,
            times=self.times,
            stop=self.stop,
        )

    def _relay(self) -> None:
        """Tell the topic; a broker that is away hears it later, the journal has it."""
        try:
            self.journal.relay(self.publisher)
        except BrokerUnreachable as error:
            _log.warning("outbox_waits", error=str(error))


def _found(wave: int, reports: tuple[TrialReport, ...]) -> tuple[str, dict[str, Any]]:
    """What a restarted controller found on the devices, as a sentence and as facts."""
    if not reports:
        return "after a restart the rollout goes back", {}
    alone = [report for report in reports if report.reverted_by == "timer"]
    if alone:
        first = alone[0]
        says = (
            f"{first.device} went back by itself: its dead-man fired and was done "
            f"{first.reverted_after_s:.1f} s after arming, at {first.reverted_at}"
        )
        return says, {
            "reverted_alone": True,
            "device": first.device,
            "reverted_at": first.reverted_at,
            "reverted_after_s": first.reverted_after_s,
            "found_wave": wave,
        }
    first = next((r for r in reports if r.guard is not Guard.NONE), reports[0])
    says = (
        f"after a restart {first.device} says of wave {wave}: {first.guard}, new policy "
        f"{'on' if first.is_attached else 'off'}, {first.left_s:.0f} s left"
    )
    return says, {"reverted_alone": False, "device": first.device, "guard": first.guard}
