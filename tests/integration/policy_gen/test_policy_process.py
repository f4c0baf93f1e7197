"""The policy process against a real bench: a failed drill becomes a candidate that holds."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

import msgspec
import pytest

from console.ownership import Run
from foreshadow.candidate import Candidate
from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import NoPolicyFound, decode_control
from foreshadow.delta import Op, StateDelta
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.observed import Stream
from foreshadow.routing import path_changes, rib_digest
from foreshadow.settings import PolicySettings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from policy_gen.app import run
from scenarios.drills.drill import run_experiment
from shadow.bench import Bench
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.production_state import snapshot, state_deltas
from tests.square_story import AT, CUT, HEAVY, LIGHT, demand, square

pytestmark = [pytest.mark.netns, pytest.mark.slow]

CLOCK = SystemClock()
ROUTERS = tuple(NodeId(router.name) for router in square().routers)
DRILL = Experiment(
    id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
)
GENEROUS = PolicySettings(moved_traffic_cap=1.0, finalists=2)


@pytest.fixture(scope="module")
def bench(session_run: Run) -> Iterator[Bench]:
    """A bench that every test leaves as it found it."""
    topology, spec = design(square())
    with NetnsLab(spec, run_id=session_run.run_id, name="policy") as lab:
        lab.up(within_s=60)
        yield Bench(lab=lab, topology=topology, fidelity=1.0)


@pytest.fixture(scope="module")
def drill(bench: Bench) -> ExperimentResult:
    """The drill that fails on this network."""
    result = run_experiment(DRILL, bench, CLOCK)
    assert result.verdict is Verdict.FAILED, result.reasons
    return result


@pytest.fixture
def bus(bench: Bench, drill: ExperimentResult) -> MemoryBus:
    """A bus on which production looks like the bench, and the drill has failed."""
    bus = MemoryBus()
    lab = bench.lab
    configs: dict[str, str] = {router: lab.running_config(router) for router in ROUTERS}
    deltas = [*state_deltas(square(), configs=configs)]
    for router, rib in lab.loc_ribs().items():
        deltas += snapshot(router, Stream.BEST_PATH, {str(path.prefix): path for path in rib})
    deltas.append(
        StateDelta(
            device=ROUTERS[0],
            stream=Stream.DEMAND,
            epoch=1,
            seq=1,
            op=Op.SNAPSHOT_BEGIN,
            event_at_ns=to_ns(AT),
        )
    )
    deltas.append(
        StateDelta(device=ROUTERS[0], stream=Stream.DEMAND, epoch=1, seq=2, op=Op.SNAPSHOT_END)
    )
    for delta in deltas:
        bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    bus.append(Topic.VERDICT, drill.id, to_json(drill))
    return bus


@contextmanager
def _running(*bodies: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=body, args=(stop,)) for body in bodies]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)


def _policy(bus: MemoryBus, settings: PolicySettings) -> Callable[[threading.Event], None]:
    return lambda stop: run(bus, settings, CLOCK, stop, routers=ROUTERS)


def _bench_process(bus: MemoryBus, bench: Bench) -> Callable[[threading.Event], None]:
    """Answers requests one after the other, as the shadow process does."""

    def body(stop: threading.Event) -> None:
        requests = bus.subscribe(Topic.DRILL)
        while not stop.is_set():
            for record in requests.poll(0.05):
                result = run_experiment(from_json(record.value, Experiment), bench, CLOCK)
                bus.append(Topic.VERDICT, result.id, to_json(result))

    return body


def _candidates(bus: MemoryBus) -> list[Candidate]:
    return [from_json(r.value, Candidate) for r in bus.read(Topic.CANDIDATE, 0, 10)]


def test_a_failed_drill_becomes_a_candidate_that_does_as_it_says(
    bench: Bench, drill: ExperimentResult, bus: MemoryBus
) -> None:
    """Proven on the bench, then rolled out by hand: each wave changes exactly what it predicts."""
    with _running(_policy(bus, GENEROUS), _bench_process(bus, bench)):
        eventually(lambda: _candidates(bus), within_s=90)

    candidate = _candidates(bus)[0]
    assert candidate.drill == drill.id
    assert candidate.knob.device == "SW"
    assert candidate.knob.neighbor == IPv4Address("10.253.0.3")
    assert candidate.knob.prefixes == (HEAVY, LIGHT)
    before = bench.lab.loc_ribs()
    assert candidate.digest_before == rib_digest(before)
    chosen = candidate.scores[0]
    assert chosen.is_measured
    assert round(chosen.worst_failure_ratio, 2) == 0.30
    for wave in candidate.waves:
        change = wave.changes[0]
        bench.lab.apply_config(change.device, change.stage)
        bench.lab.apply_config(change.device, change.flip)
        bench.lab.execute(change.device, change.clear.strip())
        eventually(
            lambda: (
                path_changes(before, bench.lab.loc_ribs())
                == frozenset(wave.path_changes)  # noqa: B023 - called at once
                != frozenset()
            ),
            within_s=10,
        )
    for wave in reversed(candidate.waves):
        change = wave.changes[0]
        bench.lab.apply_config(change.device, change.revert)
        bench.lab.execute(change.device, change.clear.strip())
        bench.lab.apply_config(change.device, change.gc)
    eventually(lambda: rib_digest(bench.lab.loc_ribs()) == candidate.digest_before, within_s=10)


def test_a_restarted_process_neither_asks_nor_answers_twice(bench: Bench, bus: MemoryBus) -> None:
    """Killed in the middle it goes on; started again after the end it has nothing to do."""
    with _running(_policy(bus, GENEROUS)):
        eventually(lambda: bus.end(Topic.DRILL), within_s=30)
    asked = bus.end(Topic.DRILL)

    with _running(_policy(bus, GENEROUS), _bench_process(bus, bench)):
        eventually(lambda: _candidates(bus), within_s=90)
    names = [record.key for record in bus.read(Topic.DRILL, 0, 100)]
    with _running(_policy(bus, GENEROUS)):
        marker = bus.end(Topic.DRILL)
        bus.append(Topic.VERDICT, "unreadable", b"{")
        eventually(lambda: bus.end(Topic.REJECT) >= 1, within_s=10)

    assert asked >= 1
    assert len(names) == len(set(names)) == marker == bus.end(Topic.DRILL)
    assert len(_candidates(bus)) == 1


def test_nothing_is_published_when_governance_forbids_it(bus: MemoryBus) -> None:
    """With the default cap nothing may move here, and the process says so."""
    with _running(_policy(bus, PolicySettings())):
        said = eventually(lambda: bus.read(Topic.CONTROL, 0, 10), within_s=30)

    message = decode_control(said[0].value)
    assert isinstance(message, NoPolicyFound)
    assert message.drill == DRILL.id
    assert "the cap is 10%" in message.because
    assert _candidates(bus) == []
