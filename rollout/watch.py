"""Watching a wave after its flip: until it has settled, then through its soak, then the verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event

from foreshadow.candidate import Wave
from foreshadow.clock import Clock
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import GateResult
from foreshadow.settings import RolloutTimes
from foreshadow.topology import NodeId
from rollout.gates import Evidence, is_as_predicted, judge, worst_of
from rollout.lookout import Lookout
from rollout.observation import Observation
from rollout.preconditions import SETTLE_TRIES

_Glance = tuple[int, tuple[object, ...], tuple[object, ...]]

CONFIRM_MARGIN_S = 1.0
"""What a confirmation needs before the dead-man fires: two calls of some 0.1 s, and slack."""
SKEW_S = 0.5
"""Routers are read one by one: only a failure that lasts this long counts."""
_LOOK_S = 0.05


@dataclass(slots=True)
class Trial:
    """A wave between its arming and its end; times by the controller's monotonic clock.

    Attributes:
        deadline_s: When the dead-man fires, counted from before it was armed, so never too late.
        missing: Flip lines not in force, by device.
    """

    wave: Wave
    deadline_s: float = 0.0
    flipped_s: float = 0.0
    missing: Mapping[NodeId, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The eyes on one rollout.

    Attributes:
        before: Production before the first wave.
    """

    txn: str
    before: Observation
    load_limit: float
    lookout: Lookout
    clock: Clock
    times: RolloutTimes
    stop: Event

    def left_s(self, trial: Trial) -> float:
        """Until the dead-man fires."""
        return trial.deadline_s - self.clock.monotonic_s()

    def settle(self, trial: Trial) -> float | None:
        """Wait until production shows what was predicted; seconds from the flip, or None.

        Gives up after three settle times, or when interrupted.
        """
        until_s = self.clock.monotonic_s() + SETTLE_TRIES * self.times.settle_s
        while not self._is_interrupted():
            if is_as_predicted(trial.wave, self.before.ribs, self.lookout.ribs()):
                return self.clock.monotonic_s() - trial.flipped_s
            if self.clock.monotonic_s() >= until_s:
                return None
            self.lookout.glance(_LOOK_S)
        return None

    def soak(self, trial: Trial, *, is_extension: bool) -> tuple[GateResult, ...] | None:
        """Watch until the soak is over, or a gate fails and stays failed; None if interrupted.

        An extension ends as soon as there is a verdict. A soak never outlasts the dead-man: where
        that cuts a first soak short, what was seen is not enough to promote the wave.
        """
        began_s = self.clock.monotonic_s()
        whole_s = began_s + self.times.soak_s
        until_s = min(whole_s, trial.deadline_s - CONFIRM_MARGIN_S)
        failing_s: float | None = None
        glance: _Glance | None = None
        results: tuple[GateResult, ...] = ()
        while not self._is_interrupted():
            if (seen := self._glance(trial)) != glance:
                glance, results = seen, self.judge(trial)
            now_s = self.clock.monotonic_s()
            verdict = worst_of(results)
            failing_s = (failing_s or now_s) if verdict is Verdict.FAILED else None
            if failing_s is not None and now_s - failing_s >= SKEW_S:
                return results
            if is_extension and verdict is Verdict.PASSED:
                return results
            if now_s >= until_s and (failing_s is None or now_s >= trial.deadline_s):
                is_short = until_s < whole_s and not is_extension
                return (*results, _cut_short(self.times)) if is_short else results
            self.lookout.glance(_LOOK_S)
        return None

    def failure(self, trial: Trial) -> tuple[GateResult, ...] | None:
        """The gates, if they fail now and still do a moment later."""
        until_s = self.clock.monotonic_s() + SKEW_S
        while worst_of(results := self.judge(trial)) is Verdict.FAILED:
            if self.clock.monotonic_s() >= until_s:
                return results
            self.lookout.glance(_LOOK_S)
        return None

    def _glance(self, trial: Trial) -> _Glance:
        """What a judgement depends on; it is dear, so it is made again only when this differs."""
        lookout = self.lookout
        return id(lookout.observe()), lookout.untrusted(), lookout.silent_since(trial.flipped_s)

    def judge(self, trial: Trial) -> tuple[GateResult, ...]:
        """Every gate on what is known now."""
        return judge(
            Evidence(
                wave=trial.wave,
                before=self.before,
                now=self.lookout.observe(),
                missing=trial.missing,
                load_limit=self.load_limit,
                stale=self.lookout.untrusted(),
                silent=self.lookout.silent_since(trial.flipped_s),
            )
        )

    def _is_interrupted(self) -> bool:
        return self.stop.is_set() or self.lookout.order(self.txn) is not None


def _cut_short(times: RolloutTimes) -> GateResult:
    return GateResult(
        gate="soak",
        verdict=Verdict.INCONCLUSIVE,
        says=f"the dead-man left no time for a whole soak of {times.soak_s:g} s",
    )
