"""The first acts: production is read, the shadow comes up, the forecast learns."""

from console.demo.judgement import (
    judge_shadow,
    judge_sync,
    judge_telemetry,
)
from console.demo.observer import Heard
from console.demo.scene import CueMissed, Scene
from console.report_model import Stage
from foreshadow.topology import NodeId

_STATE_WITHIN_S = 180.0


_FORECAST_WITHIN_S = 300.0


_HISTORY_FLUSH_EVERY = 200


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
            demand_steps=len(heard.demand_steps - {0}),
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
