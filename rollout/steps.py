"""The way forward, step by step: each does its part and writes down that it is done.

A step that cannot be done raises what the device or the check said; the controller then goes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event

from foreshadow.bus import Publisher
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.errors import UnsafeRollout
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import Feedback, GateResult, RolloutStep
from foreshadow.settings import RolloutTimes
from foreshadow.topics import Topic
from rollout.admission import Admission
from rollout.gates import link_loads, worst_of
from rollout.lookout import Lookout
from rollout.machine import Do
from rollout.passage import Passage
from rollout.rules import DRY_RUN, Rules
from rollout.watch import CONFIRM_MARGIN_S, Trial, Watch

S = RolloutStep
_NAMED_LOADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Takes single steps of a rollout."""

    lookout: Lookout
    publisher: Publisher
    clock: Clock
    times: RolloutTimes
    rules: Rules
    stop: Event

    @property
    def admission(self) -> Admission:
        """Who lets candidates in."""
        return Admission(
            lookout=self.lookout,
            clock=self.clock,
            times=self.times,
            rules=self.rules,
            stop=self.stop,
        )

    def take(self, action: Do, passage: Passage) -> None:
        """Do what the machine says comes next."""
        self._of()[action](passage)

    def _of(self) -> Mapping[Do, Callable[[Passage], None]]:
        return {
            Do.VERIFY: self.admission.verify,
            Do.APPROVE: self.admission.approve,
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

    def _lock(self, passage: Passage) -> None:
        """Take the devices, unless their configuration is not how the last wave left it."""
        if not self.rules.may_configure:
            passage.record(S.HELD, DRY_RUN, facts={"dry_run": True})
            return
        number = passage.at.wave + 1
        if number == 1:
            self.admission.still_holds(passage)
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
        self.read_back(passage, trial)
        missing = sum(map(len, trial.missing.values()))
        passage.record(
            S.FLIPPED,
            "the new generation is attached"
            if not missing
            else f"{missing} lines are not in force",
            facts={"flip_s": round(trial.flipped_s - began_s, 3)},
        )

    def read_back(self, passage: Passage, trial: Trial) -> None:
        """Ask the devices what of the wave is in force."""
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
            self.read_back(passage, trial)
            extra = tuple(result for result in results if result.gate == "soak")
            results = (*watch.judge(trial), *extra)
        self._conclude(passage, results, is_last=is_extension)

    def _conclude(
        self, passage: Passage, results: tuple[GateResult, ...], *, is_last: bool
    ) -> None:
        verdict = worst_of(results)
        passage.verdict, passage.gates = verdict, results
        if verdict is Verdict.PASSED:
            return
        worst = max(results, key=lambda result: result.verdict)
        if verdict is Verdict.FAILED or is_last or not self.may_extend(passage):
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
            load_limit=self.rules.limit(passage.candidate),
            lookout=self.lookout,
            clock=self.clock,
            times=self.times,
            stop=self.stop,
        )

    def may_extend(self, passage: Passage) -> bool:
        """Whether the dead-man leaves time for more watching."""
        trial = passage.trial
        if trial is None:
            return False
        return trial.deadline_s - self.clock.monotonic_s() > 2 * CONFIRM_MARGIN_S
