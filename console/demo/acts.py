"""The acts of the demo, in order: each makes something happen and waits for it on the bus."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from console.demo.judgement import (
    RollbackFacts,
    judge_day,
    judge_feedback,
    judge_shadow,
    judge_sync,
    judge_telemetry,
)
from console.demo.observer import Heard
from console.demo.scene import CueMissed, Scene
from console.report_model import DeadMan, Rollback, Stage, WorstLink
from foreshadow.candidate import Candidate
from foreshadow.codec import to_json
from foreshadow.control import NoPolicyFound
from foreshadow.demand import DemandMatrix
from foreshadow.discovery import discover, links_down
from foreshadow.experiment import ExperimentResult, Verdict
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.routing import rib_digest
from foreshadow.topics import Topic
from foreshadow.topology import DirectedLink, LinkId, NodeId
from foreshadow.triage_report import TriageReport
from foreshadow.walk import RoutingMatrix, walk, worst
from foreshadow.warning import SpikeWarning
from policy_gen.harmful import harmful_candidate

_STATE_WITHIN_S = 60.0
_FORECAST_WITHIN_S = 90.0
_STEP_WITHIN_S = 20.0
_DRILL_WITHIN_S = 60.0
_PROOF_WITHIN_S = 150.0
_ROLLOUT_WITHIN_S = 180.0
_SETTLED_WITHIN_S = 30.0
_HISTORY_FLUSH_EVERY = 200
_LOOKS = 3
"""Neither failure nor policy, failure alone, failure with the policy."""

_ENDED = frozenset(
    {RolloutStep.COMPLETE, RolloutStep.REVERTED, RolloutStep.REVERT_FAILED, RolloutStep.REFUSED}
)


@dataclass(slots=True)
class Findings:
    """What the acts found, for the report."""

    warning: SpikeWarning | None = None
    drill: ExperimentResult | None = None
    candidate: Candidate | None = None
    harmful: Candidate | None = None
    interrupted: Candidate | None = None
    worst_link: WorstLink | None = None
    rollback: RollbackFacts = field(
        default_factory=lambda: RollbackFacts(
            rollback=None, failed_gate="", dead_man=None, controller_says=""
        )
    )
    matrices: dict[str, tuple[RoutingMatrix, DemandMatrix]] = field(default_factory=dict)
    """`no_failure`, `failure`, `with_policy`: who carried what when the day came."""


def devices(scene: Scene) -> tuple[NodeId, ...]:
    """The production routers that are read and configured."""
    return tuple(NodeId(router.name) for router in scene.script.network.routers)


def feed_history(scene: Scene) -> None:
    """Publish every interval before the live ones through the same path as live ones."""
    total = scene.script.history_steps
    scene.say(f"Feeding {total:,} intervals of history through Kafka")
    for number, demand in enumerate(scene.script.history(), start=1):
        scene.export(demand)
        if number % _HISTORY_FLUSH_EVERY == 0:
            scene.publisher.flush()
            scene.progress.history_share = number / total
            scene.tick()
    scene.publisher.flush()
    scene.progress.history_share = None


def shadow_levels(scene: Scene) -> Stage:
    """The mirror comes up from the synced state and agrees with production."""
    scene.say("The shadow comes up from the synced state alone")

    def level(heard: Heard) -> bool | None:
        return bool(heard.fidelity and judge_shadow(heard.fidelity[-1]).held) or None

    try:
        scene.wait("a mirror level with production", level, within_s=_STATE_WITHIN_S)
    except CueMissed as missed:
        scene.note(str(missed))
    return judge_shadow(scene.observer.look(lambda h: h.fidelity[-1] if h.fidelity else None))


def telemetry_arrives(scene: Scene) -> Stage:
    """Every stream of every router is synced."""
    return scene.observer.look(
        lambda heard: judge_telemetry(
            devices(scene),
            heard.state.vector(),
            stale=heard.state.stale_streams(),
            rejected=len(heard.rejected),
            demand_steps=len(heard.forecasts),
        )
    )


def sync_costs(scene: Scene) -> Stage:
    """What the synchronisation sent so far."""
    return scene.observer.look(lambda heard: judge_sync(list(heard.sync_reports.values())))


def forecast_catches_up(scene: Scene) -> None:
    """The models have learnt all of history."""
    scene.say("The forecast learns from history")
    last = scene.script.story.live_from
    step_s = scene.script.demand.starts[1] - scene.script.demand.starts[0]
    total = scene.script.history_steps

    def caught_up(heard: Heard) -> bool | None:
        if not heard.forecasts:
            return None
        scene.progress.history_share = min(1.0, len(heard.forecasts) / total)
        return heard.forecasts[-1].made_at >= last - step_s or None

    scene.wait(
        "the forecast of the last interval of history", caught_up, within_s=_FORECAST_WITHIN_S
    )
    scene.progress.history_share = None


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
    """The worst failure, really made in the bench."""
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


def settled_state(scene: Scene, *, down: frozenset[str]) -> None:
    """Wait until production's synced state shows these links down and no table changes any more."""

    def seen(heard: Heard) -> bool | None:
        return frozenset(links_down(heard.state, discover(heard.state))) == down or None

    scene.wait(f"links down in the synced state: {sorted(down)}", seen, within_s=_SETTLED_WITHIN_S)
    quiet_since_s, last = scene.clock.monotonic_s(), ""
    while scene.clock.monotonic_s() - quiet_since_s < scene.script.times.settle_s:
        digest = scene.observer.look(lambda heard: repr(sorted(heard.state.vector().items())))
        if digest != last:
            quiet_since_s, last = scene.clock.monotonic_s(), digest
        scene.pause(0.2)


def the_day_comes(scene: Scene, findings: Findings, demand: DemandMatrix) -> Stage:
    """The link really fails in production; compare with what would have been."""
    script, drill = scene.script, findings.drill
    calm = _production_routing(scene, demand)
    scene.say(f"{demand.at:%H:%M}: {script.cut} is cut in production")
    scene.production.set_link(script.cut, is_up=False)
    link = discover(scene.observer.look(lambda h: h.state)).link(script.cut).id
    settled_state(scene, down=frozenset({link}))
    findings.matrices["with_policy"] = (_production_routing(scene, demand), demand)
    for name, phase in (("no_failure", "before"), ("failure", "failed")):
        matrix = _drilled_routing(scene, drill, phase, demand) if drill else None
        if matrix is not None:
            findings.matrices[name] = (matrix, demand)
    if len(findings.matrices) == _LOOKS:
        findings.worst_link = _worst_link(findings, demand, calm)
    _await_feedback(scene, link)
    return judge_day(findings.worst_link, 100 * script.load_limit, is_cut_seen=True)


def _await_feedback(scene: Scene, failed: LinkId) -> None:
    """What came is compared with what was predicted while the failure lasts."""
    try:
        scene.wait(
            "feedback on the failure",
            lambda heard: any(f.under_failure == failed for f in heard.feedback) or None,
            within_s=_SETTLED_WITHIN_S,
        )
    except CueMissed as missed:
        scene.note(str(missed))


def repair(scene: Scene) -> None:
    """The link comes back in production, and every best path with it."""
    scene.say(f"{scene.script.cut} is repaired in production")
    scene.production.set_link(scene.script.cut, is_up=True)
    settled_state(scene, down=frozenset())


def _production_routing(scene: Scene, demand: DemandMatrix) -> RoutingMatrix:
    def look(heard: Heard) -> RoutingMatrix:
        topology = discover(heard.state)
        left = topology.without(links_down(heard.state, discover(heard.state)))
        return walk(left, heard.state.fibs(), demand.keys)

    return scene.observer.look(look)


def _drilled_routing(
    scene: Scene, drill: ExperimentResult, phase: str, demand: DemandMatrix
) -> RoutingMatrix | None:
    """Where today's traffic would go without the policy, over the tables of the drill's bench."""
    measured = drill.phase(phase)
    if measured is None:
        return None
    topology = scene.observer.look(lambda heard: discover(heard.state))
    left = topology.without(drill.cut) if phase == "failed" else topology
    return walk(left, {t.router: t.fib for t in measured.tables}, demand.keys)


def _worst_link(findings: Findings, demand: DemandMatrix, calm: RoutingMatrix) -> WorstLink:
    ratios = {name: matrix.load_ratios(at) for name, (matrix, at) in findings.matrices.items()}
    link, failure = worst(ratios["failure"])
    return WorstLink(
        name=str(link),
        at=demand.at.isoformat(),
        load_pct_no_failure=_pct(worst(ratios["no_failure"])),
        load_pct_failure=round(100 * failure, 1),
        load_pct_failure_with_policy=_pct(worst(ratios["with_policy"])),
        load_pct_no_failure_with_policy=_pct(worst(calm.load_ratios(demand))),
    )


def _pct(fullest: tuple[DirectedLink, float]) -> float:
    return round(100 * fullest[1], 1)


def harm_is_rolled_back(scene: Scene, findings: Findings, proven: Candidate) -> None:
    """A harmful candidate is forced in; its gate fails and everything goes back."""
    scene.say("A harmful candidate is forced into a rollout; its gates must stop it")
    before = scene.observer.look(_standing(proven))
    harmful = _forced(scene, proven, serial=1)
    findings.harmful = harmful
    publish_candidate(scene, harmful)
    events = rollout_ends(scene, harmful)
    after = _back_to(scene, proven, before)
    failed = next((e for e in events if _failed_gates(e)), None)
    reverted = [e for e in events if e.step is RolloutStep.REVERTED]
    rollback = None
    if failed is not None and reverted:
        # The last word comes when every router was heard of again; the routers were back before.
        facts = reverted[-1].facts or {}
        rollback = Rollback(
            gate_to_reverted_s=round(float(facts["gate_to_reverted_s"]), 2),
            rib_digest_before=before[0],
            rib_digest_after=after[0],
        )
    findings.rollback = RollbackFacts(
        rollback=rollback,
        failed_gate=", ".join(_failed_gates(failed)) if failed else "no gate",
        dead_man=None,
        controller_says="",
    )


def _forced(scene: Scene, proven: Candidate, *, serial: int) -> Candidate:
    """A candidate that does something else than it says, made for production as it is now."""
    at = scene.progress.event_time or proven.made_at
    return scene.observer.look(
        lambda heard: harmful_candidate(proven, heard.state, at=at, serial=serial)
    )


def _failed_gates(event: RolloutEvent) -> list[str]:
    return [gate.gate for gate in event.gates if gate.verdict is Verdict.FAILED]


Standing = tuple[str, str]
"""RIB digest of production, and fingerprint of the changed router's configuration."""


def _standing(proven: Candidate) -> Callable[[Heard], Standing]:
    """What a way back must lead to."""

    def look(heard: Heard) -> Standing:
        config = heard.state.running_config(proven.knob.device)
        return rib_digest(heard.state.loc_ribs()), config.sha256 if config else ""

    return look


def _back_to(scene: Scene, proven: Candidate, wanted: Standing) -> Standing:
    """How production stands once it is as `wanted` again, or when patience ends."""
    look = _standing(proven)
    try:
        return scene.wait(
            "production as it was before",
            lambda heard: wanted if look(heard) == wanted else None,
            within_s=_SETTLED_WITHIN_S,
        )
    except CueMissed as missed:
        scene.note(str(missed))
        return scene.observer.look(look)


def controller_dies(scene: Scene, findings: Findings, proven: Candidate) -> None:
    """SIGKILL in the middle of a wave: the router goes back alone, the next controller sees it."""
    scene.say("The controller is killed in the middle of a wave")
    before = scene.observer.look(_standing(proven))
    interrupted = _forced(scene, proven, serial=2)
    findings.interrupted = interrupted
    publish_candidate(scene, interrupted)
    armed = _wait_step(scene, interrupted, RolloutStep.ARMED)
    _wait_step(scene, interrupted, RolloutStep.SETTLING)
    scene.house.kill("rollout")
    scene.say("The controller is dead; the router's own dead-man must undo the wave")
    scene.wait(
        "the wave's effect on production",
        lambda heard: rib_digest(heard.state.loc_ribs()) != before[0] or None,
        within_s=_SETTLED_WITHIN_S,
    )
    # Only the routes are waited for: the objects that were staged stay on the router until a
    # controller clears them away.
    scene.wait(
        "the router's own way back",
        lambda heard: rib_digest(heard.state.loc_ribs()) == before[0] or None,
        within_s=_SETTLED_WITHIN_S,
    )
    scene.house.start("rollout")
    scene.say("The controller is back and reads what the router did")
    events = rollout_ends(scene, interrupted)
    found = next(e for e in reversed(events) if e.step is RolloutStep.REVERTED and e.facts)
    facts = found.facts or {}
    findings.rollback = RollbackFacts(
        rollback=findings.rollback.rollback,
        failed_gate=findings.rollback.failed_gate,
        dead_man=DeadMan(
            armed_s=scene.script.times.dead_man_s,
            reverted_after_s=round(float(facts["reverted_after_s"]), 2),
        ),
        controller_says=found.says,
    )
    scene.note(f"armed {armed.at:%H:%M:%S}; {found.says}")


def _wait_step(scene: Scene, candidate: Candidate, step: RolloutStep) -> RolloutEvent:
    return scene.wait(
        f"{step} of {candidate.id}",
        lambda heard: next(
            (e for e in heard.rollout if e.txn == candidate.id and e.step is step), None
        ),
        within_s=_ROLLOUT_WITHIN_S,
    )


def publish_candidate(scene: Scene, candidate: Candidate) -> None:
    """Put a candidate on the bus, as the policy process does."""
    scene.publisher.publish(Topic.CANDIDATE, candidate.id, to_json(candidate))
    scene.publisher.flush()


def feedback_is_given(scene: Scene) -> Stage:
    """Forecast against observed, shadow against production."""
    scene.say("What came goes back to what was predicted")
    return judge_feedback(scene.observer.look(lambda heard: list(heard.feedback)))
