"""What stands on the stage while the demo runs, put up and taken down in order."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from console.broker import Broker
from console.demo.memory import MemoryMeter
from console.demo.observer import Heard, Observer
from console.demo.screen import Progress, picture
from console.demo.script import Script
from console.house import House
from console.interruption import Interruption
from console.live import LiveView
from console.ownership import Run
from console.premises import premises, run_processes
from foreshadow.bus import Publisher
from foreshadow.clock import Clock, to_ns
from foreshadow.demand import DemandMatrix
from foreshadow.errors import ForeshadowError, InvariantViolated
from foreshadow.settings import BusSettings, PolicySettings
from foreshadow.topics import Topic
from ingest.sources.traffic import flow_samples
from policy_gen.governance import read_governance
from shadow.emulation.production import ProductionLab

T = TypeVar("T")

_TICK_S = 0.2
_LOOKS_PER_SOAK = 5


class CueMissed(ForeshadowError):
    """Something the story needs did not happen in time."""


@dataclass(slots=True)
class Scene:
    """The running parts and the demo's hands on them."""

    run: Run
    script: Script
    clock: Clock
    broker: Broker
    production: ProductionLab
    house: House
    observer: Observer
    publisher: Publisher
    view: LiveView
    progress: Progress
    started_s: float
    interruption: Interruption
    _exporter_seq: int = 0
    _encoder: msgspec.msgpack.Encoder = field(default_factory=msgspec.msgpack.Encoder)

    def say(self, headline: str) -> None:
        """Put a new headline on the screen."""
        self.progress.headline = headline
        self.tick()

    def note(self, line: str) -> None:
        """Add a line to what happened."""
        self.progress.lines.append(line)
        self.tick()

    def tick(self) -> None:
        """Redraw, and see that every process still runs and nobody wants it to stop.

        Raises:
            ProcessDied: One does not.
            Interrupted: The operator does.
        """
        self.interruption.check()
        self.house.check()
        elapsed_s = self.clock.monotonic_s() - self.started_s
        limit = self.script.load_limit
        self.view.show(
            self.observer.look(
                lambda heard: picture(
                    heard,
                    self.progress,
                    run_id=self.run.run_id,
                    elapsed_s=elapsed_s,
                    limit_ratio=limit,
                )
            )
        )

    def wait(self, what: str, probe: Callable[[Heard], T | None], *, within_s: float) -> T:
        """Wait for something on the bus, with the screen alive.

        Raises:
            CueMissed: It did not come in time; says what was waited for.
            ProcessDied: One of the processes ended meanwhile.
        """
        deadline_s = self.clock.monotonic_s() + within_s
        while True:
            found = self.observer.wait_for(probe, _TICK_S)
            if found is not None:
                self.tick()
                return found
            self.tick()
            if self.clock.monotonic_s() > deadline_s:
                raise CueMissed(f"{what} did not come within {within_s:.0f} s")

    def pause(self, duration_s: float) -> None:
        """Let wall-clock time pass with the screen alive."""
        deadline_s = self.clock.monotonic_s() + duration_s
        while (left_s := deadline_s - self.clock.monotonic_s()) > 0:
            self.clock.sleep(min(left_s, _TICK_S))
            self.tick()

    def export(self, demand: DemandMatrix) -> None:
        """Publish one interval's demand as the flow exporters of the ingress routers would."""
        self._exporter_seq += 1
        now_ns = to_ns(self.clock.now())
        for sample in flow_samples(demand, epoch=1, seq=self._exporter_seq, observed_at_ns=now_ns):
            self.publisher.publish(Topic.TELEMETRY, sample.device, self._encoder.encode(sample))
        self.progress.event_time = demand.at


@contextmanager
def set_up(
    run: Run,
    script: Script,
    *,
    view: LiveView,
    clock: Clock,
    interruption: Interruption,
    given_broker: BusSettings | None,
) -> Iterator[tuple[Scene, MemoryMeter]]:
    """Everything the play needs, and a meter on it.

    Raises:
        ForeshadowError: A part did not come up.
        Interrupted: The operator stopped it.
    """
    started_s = clock.monotonic_s()
    with ExitStack() as stack:
        meter = stack.enter_context(MemoryMeter(lambda: run_processes(run)))
        standing = stack.enter_context(
            premises(
                run,
                network=script.network,
                inventory=None,
                clock=clock,
                interruption=interruption,
                given_broker=given_broker,
                told=_told(script),
            )
        )
        view.print(f"broker: {standing.broker.description}")
        if standing.production is None:
            raise InvariantViolated("the demo has no emulated production")
        observer = Observer(standing.bus)
        observer.start()
        stack.callback(observer.stop)
        scene = Scene(
            run=run,
            script=script,
            clock=clock,
            broker=standing.broker,
            production=standing.production,
            house=standing.house,
            observer=observer,
            publisher=standing.bus.publisher(),
            view=view,
            progress=Progress(),
            started_s=started_s,
            interruption=interruption,
        )
        yield scene, meter


def _told(script: Script) -> dict[str, str]:
    """What the demo's processes are told beside what every run's are."""
    default = PolicySettings().moved_traffic_cap
    cap = read_governance(script.governance, default_cap=default).moved_traffic_cap
    return {
        # What is replayed before this moment is history: to be learnt from, not warned of.
        "FORESHADOW_FORECAST__WARN_FROM": script.story.live_from.isoformat(),
        # Ten days are learnt while somebody waits, and the story's peak is three hours ahead.
        "FORESHADOW_FORECAST__HORIZONS_S": "[3600, 10800]",
        # A soak must see every router several times over, or its gates have nothing to go by.
        "FORESHADOW_INGEST__HEARTBEAT_S": str(script.times.soak_s / _LOOKS_PER_SOAK),
        "FORESHADOW_INGEST__POLL_S": str(2 * script.times.soak_s / _LOOKS_PER_SOAK),
        "FORESHADOW_POLICY__LOAD_LIMIT": str(script.load_limit),
        "FORESHADOW_POLICY__GOVERNANCE_FILE": str(script.governance.resolve()),
        "FORESHADOW_ROLLOUT__PROFILE": script.times.name,
        # Its production is emulated; and stage 10 forces a candidate in that no proof supports.
        "FORESHADOW_ROLLOUT__MAY_CONFIGURE": "true",
        "FORESHADOW_ROLLOUT__ALLOW_OVERRIDE": "true",
        "FORESHADOW_ROLLOUT__MOVED_TRAFFIC_CAP": str(cap),
    }
