"""The day comes: the link really fails, and what came meets what was predicted."""

from console.demo.findings import Findings
from console.demo.judgement import (
    judge_day,
    judge_feedback,
)
from console.demo.observer import Heard
from console.demo.scene import CueMissed, Scene
from console.report_model import Stage, WorstLink
from foreshadow.demand import DemandMatrix
from foreshadow.discovery import discover, links_down
from foreshadow.experiment import ExperimentResult
from foreshadow.topology import DirectedLink, LinkId
from foreshadow.walk import RoutingMatrix, walk, worst

_SETTLED_WITHIN_S = 60.0


_LOOKS = 3
"""Neither failure nor policy, failure alone, failure with the policy."""


def the_day_comes(scene: Scene, findings: Findings, demand: DemandMatrix) -> Stage:
    """The link really fails in production; compare with what would have been."""
    script, drill = scene.script, findings.drill
    calm = _production_routing(scene, demand)
    scene.say(f"{demand.at:%H:%M}: {script.cut} is cut in production")
    scene.production.set_link(script.cut, is_up=False)
    link = scene.observer.look(lambda heard: discover(heard.state)).link(script.cut).id
    settled_state(scene, down=frozenset({link}))
    findings.matrices["with_policy"] = (_production_routing(scene, demand), demand)
    for name, phase in (("no_failure", "before"), ("failure", "failed")):
        matrix = _drilled_routing(scene, drill, phase, demand) if drill else None
        if matrix is not None:
            findings.matrices[name] = (matrix, demand)
    if len(findings.matrices) == _LOOKS:
        findings.worst_link = _worst_link(findings, demand, calm)
    _await_feedback(scene, link)
    return judge_day(findings.worst_link, 100 * script.load_limit)


def repair(scene: Scene) -> None:
    """The link comes back in production, and every best path with it."""
    scene.say(f"{scene.script.cut} is repaired in production")
    scene.production.set_link(scene.script.cut, is_up=True)
    settled_state(scene, down=frozenset())


def feedback_is_given(scene: Scene) -> Stage:
    """Forecast against observed, shadow against production."""
    scene.say("What came goes back to what was predicted")
    return judge_feedback(scene.observer.look(lambda heard: list(heard.feedback)))


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
