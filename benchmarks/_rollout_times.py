"""How fast a wave takes effect and goes back over real SSH: rows of the loop's table.

Production is 12 FRR routers and 2 peers, each of ours with a sshd. The flip is the adapter's own
call, SSH included; the way back is the whole controller with real telemetry: a change whose paths
nobody predicted fails G1, and the time runs from that verdict to the last router reverted.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import psutil

import ingest.app
import rollout.app
from benchmarks._report import Row, median_row
from console.ownership import Run, claim_run, release_run
from foreshadow.bus import Bus
from foreshadow.candidate import Candidate, Governance, LocalPreferenceShift, Wave
from foreshadow.clock import SystemClock
from foreshadow.codec import from_json, to_json
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import DeviceChange
from foreshadow.inventory import InventoryFile, parse_inventory
from foreshadow.network_file import parse_network
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.routing import rib_digest
from foreshadow.settings import IngestSettings, RolloutSettings, Settings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId, Prefix
from frr.configuration import fingerprint
from ingest.sources.frr import FrrAgent
from policy_gen.hook import read_hook
from policy_gen.render import generations, render
from rollout.devices.frr import FrrSession
from shadow.emulation.cleanup import remove_run
from shadow.emulation.design import design
from shadow.emulation.production import ProductionLab
from tests.fakes.bus import MemoryBus

_REPOSITORY = Path(__file__).resolve().parents[1]
_NETWORK = _REPOSITORY / "console" / "networks" / "abilene.yaml"
_BORDER, _PEER = NodeId("NYCMng"), IPv4Address("10.253.0.3")
_PREFIXES = (Prefix("203.0.113.0/27"), Prefix("203.0.113.32/27"))
_FLIPS = 10
_ROLLBACKS = 3
_UP_WITHIN_S = 60.0
_SETTLED_WITHIN_S = 20.0
_QUIET_S = 1.0
_ROLLED_BACK_WITHIN_S = 90.0
_WEEK = timedelta(days=7)


def flip_settles() -> Iterator[Row]:
    """From the flip's SSH call until the last FIB of any router has changed, and the way back."""
    with _production() as (lab, inventory, _):
        session = FrrSession(inventory.device(_BORDER))
        change = _change(lab)
        session.lock("bench")
        turns = [_turn(lab, session, change, f"bench.w{turn}") for turn in range(_FLIPS)]
        session.close()
    yield median_row("wave flip (SSH) until every FIB has settled", [t[0] for t in turns], "s", 0.5)
    yield median_row("revert (SSH) until every FIB has settled", [t[1] for t in turns], "s", None)


def gate_reverts() -> Iterator[Row]:
    """From a failed gate to the last affected router reverted, by the whole controller."""
    with _production() as (lab, inventory, run):
        bus = MemoryBus()
        with _telemetry(bus, inventory, run), _controller(bus, inventory, run):
            took = [_rolled_back(bus, lab, f"bench-{turn}") for turn in range(_ROLLBACKS)]
    yield median_row("failed gate to last router reverted", took, "s", 5.0)


def _turn(
    lab: ProductionLab, session: FrrSession, change: DeviceChange, trial: str
) -> tuple[float, float]:
    clock = SystemClock()
    session.stage(trial, change)
    session.arm(trial, _SETTLED_WITHIN_S)
    flipped_s = clock.monotonic_s()
    session.flip(trial)
    there = _settled(lab, flipped_s)
    reverted_s = clock.monotonic_s()
    session.revert(trial, change)
    return there, _settled(lab, reverted_s)


def _settled(lab: ProductionLab, since_s: float) -> float:
    settled = lab.wait_settled(quiet_s=_QUIET_S, within_s=_SETTLED_WITHIN_S, since_s=since_s)
    if not settled.changes:
        raise RuntimeError("no FIB changed: nothing was measured")
    return settled.convergence_s


def _rolled_back(bus: Bus, lab: ProductionLab, name: str) -> float:
    candidate = _unpredicted(lab, name)
    bus.publisher().publish(Topic.CANDIDATE, name, to_json(candidate))
    subscription, clock = bus.subscribe(Topic.ROLLOUT), SystemClock()
    until_s = clock.monotonic_s() + _ROLLED_BACK_WITHIN_S
    while clock.monotonic_s() < until_s:
        for record in subscription.poll(0.1):
            event = from_json(record.value, RolloutEvent)
            if event.txn == name and event.step is RolloutStep.REVERTED and event.wave == 0:
                return float((event.facts or {})["gate_to_reverted_s"])
            if event.txn == name and event.step is RolloutStep.REFUSED:
                raise RuntimeError(f"the rollout was refused: {event.says}")
    raise RuntimeError("the rollout was not rolled back")


def _unpredicted(lab: ProductionLab, name: str) -> Candidate:
    """A change that nobody measured: its gates have nothing that agrees with it."""
    change, now = _change(lab), datetime(2004, 3, 11, 17, 0, tzinfo=UTC)
    digest = rib_digest(lab.loc_ribs())
    wave = Wave(
        number=1,
        affected_share=1.0,
        prefixes=_PREFIXES,
        changes=(change,),
        path_changes=(),
        tables=(),
    )
    return Candidate(
        id=name,
        drill="",
        warning="",
        made_at=now,
        expires_at=SystemClock().now() + _WEEK,
        knob=LocalPreferenceShift(
            device=_BORDER, neighbor=_PEER, local_preference=200, prefixes=_PREFIXES
        ),
        under_failure=None,
        demand=DemandMatrix(at=now, keys=(), rates_bps=()),
        waves=(wave,),
        precondition=((_BORDER, fingerprint(lab.running_config(_BORDER))),),
        digest_before=digest,
        governance=Governance(moved_traffic_cap=0.1),
        scores=(),
        evidence=(),
        load_limit=0.85,
        override="a benchmark of the way back",
    )


def _change(lab: ProductionLab) -> DeviceChange:
    hook = read_hook(_BORDER, _PEER, lab.running_config(_BORDER))
    (generation,) = generations(hook, (_PREFIXES,), local_preference=200)
    return render(generation)


@contextmanager
def _production() -> Iterator[tuple[ProductionLab, InventoryFile, Run]]:
    run = claim_run(
        _REPOSITORY / ".run",
        pid=psutil.Process().pid,
        command="benchmarks.loop",
        clock=SystemClock(),
    )
    _, spec = design(parse_network(_NETWORK.read_text(), path=_NETWORK))
    everywhere = {node.id: spec.announced() for node in spec.nodes}
    try:
        directory = run.directory / "production"
        with ProductionLab(spec, run_id=run.run_id, network="abilene", directory=directory) as lab:
            lab.up(within_s=_UP_WITHIN_S, expected=everywhere)
            lab.wait_settled(quiet_s=2 * _QUIET_S, within_s=_SETTLED_WITHIN_S)
            yield lab, parse_inventory(lab.inventory.read_text(), path=lab.inventory), run
    finally:
        remove_run(run.run_id)
        release_run(run)


@contextmanager
def _telemetry(bus: Bus, inventory: InventoryFile, run: Run) -> Iterator[None]:
    clock, stop = SystemClock(), threading.Event()
    thread = threading.Thread(
        target=ingest.app.run,
        args=(bus, IngestSettings(heartbeat_s=1.0), clock, stop),
        kwargs={
            "epoch_file": run.directory / "epoch",
            "sources": (FrrAgent(inventory.devices, clock, poll_s=2.0),),
        },
    )
    with _running(thread, stop):
        yield


@contextmanager
def _controller(bus: Bus, inventory: InventoryFile, run: Run) -> Iterator[None]:
    stop = threading.Event()
    mine = RolloutSettings(profile="demo", may_configure=True, allow_override=True)
    settings = Settings(run_dir=run.directory, rollout=mine)
    thread = threading.Thread(
        target=rollout.app.run,
        args=(bus, settings, SystemClock(), stop),
        kwargs={"inventory": inventory},
    )
    with _running(thread, stop):
        yield


@contextmanager
def _running(thread: threading.Thread, stop: threading.Event) -> Iterator[None]:
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
