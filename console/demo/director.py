"""Runs the demo from its first act to the report, and leaves nothing behind."""

from console.demo import endings, learning, response, the_day
from console.demo.assembly import assemble
from console.demo.findings import Findings
from console.demo.judgement import (
    judge_drill,
    judge_forecast,
    judge_policy,
    judge_rollback,
    judge_rollout,
    judge_triage,
)
from console.demo.scene import CueMissed, Scene, set_up
from console.demo.script import Script
from console.interruption import Interruption
from console.live import LiveView
from console.ownership import Run
from console.report_model import STAGE_NAMES, Report, Stage
from foreshadow.candidate import Candidate
from foreshadow.clock import Clock
from foreshadow.errors import ForeshadowError
from foreshadow.experiment import ExperimentResult, Purpose, Verdict
from foreshadow.settings import BusSettings
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning


def play(
    run: Run,
    script: Script,
    *,
    view: LiveView,
    clock: Clock,
    interruption: Interruption,
    given_broker: BusSettings | None = None,
) -> Report:
    """The whole loop once; returns the report however far it got.

    Args:
        run: Whose id everything carries.
        script: What is played.
        view: Where it is shown.
        clock: Paces and stamps it.
        interruption: Asked wherever something is waited for.
        given_broker: The user's own Kafka, or None to start one.

    Raises:
        ForeshadowError: It could not be set up.
        Interrupted: The operator stopped it.
    """
    with set_up(
        run,
        script,
        view=view,
        clock=clock,
        interruption=interruption,
        given_broker=given_broker,
    ) as (scene, meter):
        director = _Director(scene)
        director.play()
        meter.take()
        return assemble(
            scene,
            director.findings,
            tuple(scene.progress.stages),
            peak_memory_mb=meter.peak_mb,
        )


class _Director:
    """Calls the acts in order; a broken one ends the play, and the rest were not reached."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.findings = Findings()
        self._drilled: set[str] = set()
        self._stage_began_s = scene.clock.monotonic_s()

    def play(self) -> None:
        try:
            self._learn()
            self._live()
            self._endings()
        except ForeshadowError as broken:
            self.scene.note(str(broken))
            self._stage(Stage(name=self._next(), held=False, summary=str(broken), unseen=True))
        self._judge_again()

    def _learn(self) -> None:
        """History in, state synced, shadow level, models trained: in parallel where they can be."""
        learning.feed_history(self.scene)
        shadow = learning.shadow_levels(self.scene)
        learning.forecast_catches_up(self.scene)
        self._stage(learning.telemetry_arrives(self.scene))
        self._stage(learning.sync_costs(self.scene))
        self._stage(shadow)

    def _live(self) -> None:
        findings, scene = self.findings, self.scene
        scene.progress.running = "forecast"
        demand = response.live_until_failure(scene, self._react)
        if findings.candidate is None:
            self._stage(judge_forecast(findings.warning, scene.script.story.failure_at))
            raise CueMissed("a policy before the failure came")
        self._stage(the_day.the_day_comes(scene, findings, demand))

    def _react(self, warning: SpikeWarning) -> None:
        """From a warning to its end: no drill needed, no policy found, or a policy in production.

        The first drill that fails is the story; what comes after it is waited for and noted.
        """
        scene = self.scene
        scene.note(f"warning: {warning.link} may reach {warning.upper_ratio:.0%}")
        report = response.triage_of(scene, warning)
        if not report.drill or report.drill in self._drilled:
            return
        self._drilled.add(report.drill)
        drill = response.drill_runs(scene, report.drill)
        scene.note(f"drill {drill.verdict.name}: {'; '.join(drill.reasons[:2])}")
        if drill.verdict is not Verdict.FAILED:
            return
        if self.findings.drill is None:
            self._tell_story(warning, report, drill)
            return
        answer = response.policy_is_proven(scene, drill)
        if isinstance(answer, Candidate):
            self._try_again(answer)
        else:
            scene.note(f"no policy for {', '.join(drill.cut)}: {answer.because}")

    def _tell_story(
        self, warning: SpikeWarning, report: TriageReport, drill: ExperimentResult
    ) -> None:
        findings, scene = self.findings, self.scene
        findings.warning, findings.drill = warning, drill
        scene.progress.watched = (warning.link, warning.under_failure)
        self._stage(judge_forecast(warning, scene.script.story.failure_at))
        self._stage(judge_triage(report, scene.script.cut))
        self._stage(judge_drill(drill))
        answer = response.policy_is_proven(scene, drill)
        if not isinstance(answer, Candidate):
            raise CueMissed(f"no policy holds: {answer.because}")
        findings.candidate = answer
        proofs = scene.observer.look(
            lambda heard: [r for r in heard.results if r.purpose is Purpose.PROOF]
        )
        self._stage(judge_policy(answer, proofs))
        self._stage(self._roll_out(answer))

    def _roll_out(self, candidate: Candidate) -> Stage:
        self.scene.say("Rollout: onto production in waves, each behind its gates")
        stage = judge_rollout(candidate, response.rollout_ends(self.scene, candidate))
        if stage.held:
            self.findings.in_force = candidate
        return stage

    def _try_again(self, candidate: Candidate) -> None:
        """A later policy; where the story's own went back, this one takes its place in it."""
        stage = self._roll_out(candidate)
        place = STAGE_NAMES.index(stage.name)
        stages, story = self.scene.progress.stages, self.findings.candidate
        is_same_cut = story is not None and story.under_failure == candidate.under_failure
        if stage.held and is_same_cut and place < len(stages) and not stages[place].held:
            self.findings.candidate = candidate
            stages[place] = stage.model_copy(
                update={"summary": f"a first try went back; then {stage.summary}"}
            )

    def _endings(self) -> None:
        findings, scene = self.findings, self.scene
        the_day.repair(scene)
        if findings.in_force is None:
            raise CueMissed("a policy in force, to harm")
        endings.harm_is_rolled_back(scene, findings, findings.in_force)
        endings.controller_dies(scene, findings, findings.in_force)
        self._stage(judge_rollback(findings.rollback))
        self._stage(the_day.feedback_is_given(scene))

    def _stage(self, stage: Stage) -> None:
        now_s = self.scene.clock.monotonic_s()
        timed = stage.model_copy(update={"took_s": round(now_s - self._stage_began_s, 2)})
        self._stage_began_s = now_s
        self.scene.progress.stages.append(timed)
        self.scene.progress.running = self._next()
        self.scene.tick()

    def _judge_again(self) -> None:
        """The synchronisation's account is only whole once the run is over."""
        stages = self.scene.progress.stages
        for index, stage in enumerate(stages):
            if stage.name == "sync":
                took = {"took_s": stage.took_s}
                stages[index] = learning.sync_costs(self.scene).model_copy(update=took)

    def _next(self) -> str:
        done = len(self.scene.progress.stages)
        return STAGE_NAMES[done] if done < len(STAGE_NAMES) else ""
