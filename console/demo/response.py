"""The middle acts: live steps until the failure, and what a warning sets going."""

from collections.abc import Callable
from datetime import datetime

from console.demo.observer import Heard
from console.demo.scene import CueMissed, Scene
from foreshadow.candidate import Candidate
from foreshadow.control import NoPolicyFound
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import ExperimentResult, repeated
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning

_STEP_WITHIN_S = 60.0


_DRILL_WITHIN_S = 180.0


_PROOF_WITHIN_S = 400.0


_ROLLOUT_WITHIN_S = 400.0


_ENDED = frozenset(
    {RolloutStep.COMPLETE, RolloutStep.REVERTED, RolloutStep.REVERT_FAILED, RolloutStep.REFUSED}
)


def live_until_failure(scene: Scene, react: Callable[[SpikeWarning], None]) -> DemandMatrix:
    """Replay live steps; stand still for each new warning until `react` is done with it."""
    handled: set[str] = set()
    demand = None
    for demand in scene.script.live():
        begun_s = scene.clock.monotonic_s()
        scene.say("Live: one 5-minute interval after the other")
        scene.export(demand)
        scene.publisher.flush()
        _wait_forecast(scene, demand.at)
        for warning in scene.observer.look(lambda heard: list(heard.warnings)):
            if warning.id not in handled:
                handled.add(warning.id)
                scene.progress.is_standing_still = True
                react(warning)
                scene.progress.is_standing_still = False
        scene.pause(scene.script.step_wall_s - (scene.clock.monotonic_s() - begun_s))
    if demand is None:
        raise CueMissed("the story has no live interval")
    return demand


def _wait_forecast(scene: Scene, at: datetime) -> None:
    scene.wait(
        f"the forecast of {at:%H:%M}",
        lambda heard: bool(heard.forecasts and heard.forecasts[-1].made_at >= at) or None,
        within_s=_STEP_WITHIN_S,
    )


def triage_of(scene: Scene, warning: SpikeWarning) -> TriageReport:
    """All single failures at the forecast demand, worst first."""
    return scene.wait(
        "the triage of the warning",
        lambda heard: next((r for r in heard.triage if r.warning == warning.id), None),
        within_s=_DRILL_WITHIN_S,
    )


def drill_runs(scene: Scene, drill: str) -> ExperimentResult:
    """The worst failure, really made in the bench; once more where that settles nothing."""
    result = _drill_once(scene, drill)
    once_more = repeated(result)
    if once_more is None:
        return result
    scene.note(f"drill INCONCLUSIVE: {'; '.join(result.reasons[:2])}; it is asked once more")
    return _drill_once(scene, once_more.id)


def _drill_once(scene: Scene, drill: str) -> ExperimentResult:
    asked = scene.wait(
        "the drill's request",
        lambda heard: next((e for e in heard.experiments if e.id == drill), None),
        within_s=_DRILL_WITHIN_S,
    )
    scene.say(f"Drill: {', '.join(asked.cut)} is cut in the shadow's bench")
    return scene.wait(
        "the drill's verdict",
        lambda heard: next((r for r in heard.results if r.id == drill), None),
        within_s=_DRILL_WITHIN_S,
    )


def policy_is_proven(scene: Scene, drill: ExperimentResult) -> Candidate | NoPolicyFound:
    """Candidates tried in the bench under the same cut; the best one, or why there is none."""
    scene.say("Policy: candidates are tried in the bench, with and without the failure")

    def answers(heard: Heard) -> tuple[Candidate | NoPolicyFound, ...] | None:
        proven = tuple(c for c in heard.candidates if c.drill == drill.id)
        return proven or tuple(n for n in heard.no_policy if n.drill == drill.id) or None

    return scene.wait("a proven candidate", answers, within_s=_PROOF_WITHIN_S)[0]


def rollout_ends(scene: Scene, candidate: Candidate) -> list[RolloutEvent]:
    """The events of a rollout up to its end."""

    def ended(heard: Heard) -> list[RolloutEvent] | None:
        own = [event for event in heard.rollout if event.txn == candidate.id]
        last_words = [e for e in own if e.step in _ENDED and e.wave == 0]
        return own if last_words else None

    return scene.wait("the end of the rollout", ended, within_s=_ROLLOUT_WITHIN_S)
