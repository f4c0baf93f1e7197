"""The smallest network in which a policy moves traffic, and what tests of rollouts do with it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import msgspec

import ingest.app
from foreshadow.bus import Bus, Subscription
from foreshadow.candidate import Candidate, Governance, LocalPreferenceShift, Wave
from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import RolloutCommand
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.experiment import (
    DeviceChange,
    ExperimentResult,
    Purpose,
    RouterTables,
    Verdict,
    evidence_sha256,
)
from foreshadow.inventory import InventoryFile
from foreshadow.network_file import NetworkFile
from foreshadow.observed import Stream
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.routing import path_changes, rib_digest
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import FlowRecord, TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import NodeId, Prefix
from frr.configuration import fingerprint
from ingest.sources.frr import FrrAgent
from policy_gen.hook import read_hook
from policy_gen.render import generations, render
from shadow.emulation.netns import NetnsLab
from shadow.emulation.production import ProductionLab
from tests.eventually import eventually

EVENT_TIME = datetime(2004, 3, 11, 17, 0, tzinfo=UTC)
BORDER = NodeId("EAST")
_RATE_BPS = 3e8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """The little network, twice: as production and as a bench."""

    network: NetworkFile
    production: ProductionLab
    bench: NetnsLab
    inventory: InventoryFile
    peer: IPv4Address

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The peer's prefixes, heaviest first."""
        return tuple(entry.prefix for entry in self.network.peers[0].prefixes)

    @property
    def demand(self) -> DemandMatrix:
        """Every router sends the same to every prefix."""
        prefixes = (*self.prefixes, *(router.site for router in self.network.routers))
        keys = tuple(
            sorted(
                DemandKey(ingress=NodeId(router.name), prefix=prefix)
                for router in self.network.routers
                for prefix in prefixes
                if prefix != router.site
            )
        )
        return DemandMatrix(at=EVENT_TIME, keys=keys, rates_bps=(_RATE_BPS,) * len(keys))

    def digest(self) -> str:
        """RIB digest of production, from the routers themselves."""
        return rib_digest(self.production.loc_ribs())


def propose(
    ring: Ring, name: str, steps: Sequence[Sequence[Prefix]], *, local_preference: int = 200
) -> Candidate:
    """A candidate measured in the bench, one wave per growing set of prefixes."""
    config = ring.production.running_config(BORDER)
    hook = read_hook(BORDER, ring.peer, config)
    made = generations(hook, (tuple(step) for step in steps), local_preference=local_preference)
    changes = [render(generation) for generation in made]
    waves = _measured(ring, changes, steps)
    return Candidate(
        id=name,
        drill="drill-1",
        warning="warning-1",
        made_at=EVENT_TIME,
        expires_at=EVENT_TIME + timedelta(hours=2),
        knob=LocalPreferenceShift(
            device=BORDER,
            neighbor=ring.peer,
            local_preference=local_preference,
            prefixes=tuple(steps[-1]),
        ),
        under_failure=None,
        demand=ring.demand,
        waves=waves,
        precondition=((BORDER, fingerprint(config)),),
        digest_before=ring.digest(),
        governance=Governance(moved_traffic_cap=0.6, raised_by="test", reason="a small network"),
        scores=(),
        evidence=((f"{name}-proof", evidence_sha256(_proof(name, ring.demand))),),
        load_limit=0.85,
    )


def _proof(name: str, demand: DemandMatrix) -> ExperimentResult:
    """The bench's word on a candidate; the measuring itself is `_measured`."""
    return ExperimentResult(
        id=f"{name}-proof",
        purpose=Purpose.PROOF,
        cause="drill-1",
        cut=(),
        demand=demand,
        load_limit=0.85,
        verdict=Verdict.PASSED,
        reasons=(),
        phases=(),
        convergence=None,
        undo_verified=True,
        revert_verified=True,
        fidelity=1.0,
        vector=(),
        took_s=1.0,
    )


def _measured(
    ring: Ring, changes: Sequence[DeviceChange], steps: Sequence[Sequence[Prefix]]
) -> tuple[Wave, ...]:
    bench, before = ring.bench, ring.bench.loc_ribs()
    waves = []
    try:
        for number, (change, prefixes) in enumerate(zip(changes, steps, strict=True), 1):
            bench.apply_config(change.device, change.stage)
            _turn(bench, change, change.flip)
            ribs, fibs = bench.loc_ribs(), bench.fibs()
            waves.append(
                Wave(
                    number=number,
                    affected_share=len(prefixes) / len(steps[-1]),
                    prefixes=tuple(prefixes),
                    changes=(change,),
                    path_changes=tuple(sorted(path_changes(before, ribs))),
                    tables=tuple(
                        RouterTables(router=router, fib=fibs[router], loc_rib=ribs[router])
                        for router in ribs
                    ),
                )
            )
    finally:
        for change in reversed(changes):
            _turn(bench, change, change.revert)
            bench.apply_config(change.device, change.gc)
    return tuple(waves)


def _turn(bench: NetnsLab, change: DeviceChange, text: str) -> None:
    bench.apply_config(change.device, text)
    bench.execute(change.device, change.clear.strip())
    bench.wait_settled(quiet_s=0.5, within_s=10)


def disguise(harmful: Candidate, proven: Candidate, *, override: str) -> Candidate:
    """A candidate that does what `harmful` does and predicts what `proven` did."""
    waves = tuple(
        replace(bad, path_changes=good.path_changes, tables=good.tables)
        for good, bad in zip(proven.waves, harmful.waves, strict=True)
    )
    return replace(harmful, waves=waves, override=override)


@contextmanager
def telemetry(ring: Ring, bus: Bus, directory: Path) -> Iterator[None]:
    """Ingest with the real agent on production, for the length of a block."""
    clock, stop = SystemClock(), threading.Event()
    thread = threading.Thread(
        target=ingest.app.run,
        args=(bus, IngestSettings(heartbeat_s=1.0, poll_s=2.0), clock, stop),
        kwargs={
            "epoch_file": directory / "epoch",
            "sources": (FrrAgent(ring.inventory.devices, clock, poll_s=2.0),),
        },
    )
    thread.start()
    try:
        _export_flows(bus, ring.demand)
        yield
    finally:
        stop.set()
        thread.join()


@dataclass(slots=True)
class Board:
    """What the NOC sees of one rollout, and its buttons."""

    bus: Bus
    txn: str
    seen: list[RolloutEvent] = field(default_factory=list)
    _subscription: Subscription = field(init=False)

    def __post_init__(self) -> None:
        """Read from the beginning."""
        self._subscription = self.bus.subscribe(Topic.ROLLOUT)

    def until(self, *steps: RolloutStep, wave: int = 0, within_s: float = 60.0) -> RolloutEvent:
        """The first event of one of these steps (0: of the whole change)."""

        def probe() -> RolloutEvent | None:
            for record in self._subscription.poll(0.05):
                event = from_json(record.value, RolloutEvent)
                if event.txn == self.txn and event.seq > len(self.seen):
                    self.seen.append(event)
            found = (e for e in self.seen if e.step in steps and e.wave == wave)
            return next(found, None)

        event = eventually(probe, within_s=within_s)
        assert event is not None
        return event

    def steps(self, wave: int) -> list[RolloutStep]:
        """The steps of one wave so far."""
        return [event.step for event in self.seen if event.wave == wave]

    def submit(self, candidate: Candidate) -> None:
        """Give the candidate and its proof to the controller."""
        proof = _proof(candidate.id, candidate.demand)
        self._publish(Topic.VERDICT, to_json(proof))
        self._publish(Topic.CANDIDATE, to_json(candidate))

    def command(self, command: RolloutCommand) -> None:
        """Press a button."""
        self._publish(Topic.CONTROL, to_json(command))

    def _publish(self, topic: Topic, value: bytes) -> None:
        publisher = self.bus.publisher()
        publisher.publish(topic, self.txn, value)
        publisher.flush()


def _export_flows(bus: Bus, demand: DemandMatrix) -> None:
    publisher = bus.publisher()
    for ingress in sorted({key.ingress for key in demand.keys}):
        flows = tuple(
            FlowRecord(prefix=str(key.prefix), rate_bps=rate)
            for key, rate in zip(demand.keys, demand.rates_bps, strict=True)
            if key.ingress == ingress
        )
        sample = TelemetrySample(
            device=ingress,
            stream=Stream.DEMAND,
            source="flows",
            epoch=1,
            seq=1,
            observed_at_ns=to_ns(demand.at),
            event_at_ns=to_ns(demand.at),
            encoding="flow",
            body=msgspec.msgpack.encode(flows),
        )
        publisher.publish(Topic.TELEMETRY, ingress, msgspec.msgpack.encode(sample))
    publisher.flush()
