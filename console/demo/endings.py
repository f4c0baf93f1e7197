"""The last acts: a harmful change is stopped, and a controller dies in the middle of a wave."""

from collections.abc import Callable
from dataclasses import replace

from console.demo.findings import Findings
from console.demo.judgement import (
    RollbackFacts,
)
from console.demo.observer import Heard
from console.demo.response import rollout_ends
from console.demo.scene import CueMissed, Scene
from console.report_model import DeadMan, Rollback
from foreshadow.candidate import Candidate
from foreshadow.codec import to_json
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.routing import rib_digest
from foreshadow.topics import Topic
from policy_gen.harmful import harmful_candidate

_ROLLOUT_WITHIN_S = 400.0


_SETTLED_WITHIN_S = 60.0


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
    # The last word comes when every router was heard of again; the routers were back before.
    took_s = _fact(events, "gate_to_reverted_s")
    rollback = None
    if failed is not None and took_s is not None:
        rollback = Rollback(
            gate_to_reverted_s=round(took_s, 2),
            rib_digest_before=before[0],
            rib_digest_after=after[0],
        )
    findings.rollback = RollbackFacts(
        rollback=rollback,
        failed_gate=", ".join(_failed_gates(failed)) if failed else "no gate",
        dead_man=None,
        controller_says="",
        is_configuration_back=after[1] == before[1],
    )


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
    took_s = _fact(events, "reverted_after_s")
    if took_s is None:
        return
    findings.rollback = replace(
        findings.rollback,
        dead_man=DeadMan(armed_s=scene.script.times.dead_man_s, reverted_after_s=round(took_s, 2)),
        controller_says=events[-1].says,
    )
    scene.note(f"armed {armed.at:%H:%M:%S}; {events[-1].says}")


def _fact(events: list[RolloutEvent], name: str) -> float | None:
    """A figure of the last event that carries it."""
    for event in reversed(events):
        if event.facts and name in event.facts:
            return float(event.facts[name])
    return None


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
