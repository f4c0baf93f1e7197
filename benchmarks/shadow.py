"""The shadow's own targets: `python -m benchmarks.shadow [--json] [--only NAME ...] [--large]`.

How fast labs of 20 to 500 routers come up, in namespaces and beside it in containers, how fast the
mirror follows a cut, how far two independent meters of convergence agree, how fast faults are
injected and seen, how long a whole drill takes, what a delayed link does to packets, how far the
loads that are walked are from those that are counted. The networks are rings with chords, 1.5 links
a router, designed as any other (`_grid`). `--large` adds the lab of 500 routers: 8 GB and minutes.
"""

from collections.abc import Callable, Iterator
from functools import partial

from rich.console import Console

from benchmarks import _report as report
from benchmarks._fault_times import fault_verified
from benchmarks._grid import grid, igp_lab, loopbacks_everywhere
from benchmarks._labs import REPOSITORY, a_run, memory_mib
from benchmarks._real_packets import link_delay, walked_loads
from benchmarks._reconcile import reconcile_times
from benchmarks._report import NotMeasured, Row, median_row
from benchmarks._silent_failure import silent_failure
from console.drill_run import DrillWish, run_drill
from console.host import Standing, Wish, examine
from foreshadow.clock import SystemClock
from foreshadow.experiment import Verdict
from foreshadow.settings import Settings
from shadow.emulation.containers import ContainersLab
from shadow.emulation.emulator import BringUp
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab

_UP_WITHIN_S, _WHOLE_WITHIN_S, _POLL_S = 600.0, 20.0, 0.5
_SMALL, _MIDDLE, _BIG, _HUGE = 20, 60, 200, 500
_CHANGES = 100
_DRILLS, _DRILL = 3, "most-central-link-down"
_MIB_A_GB = 1e9 / (1 << 20)

MakeLab = Callable[[LabSpec, str], FrrLab]


def lab_of_60() -> Iterator[Row]:
    """60 routers from nothing to every loopback in every kernel's table."""
    yield from _cold(_MIDDLE, 5, 6.0, None)


def lab_of_200() -> Iterator[Row]:
    """The same with 200."""
    yield from _cold(_BIG, 3, 25.0, 3.0)


def lab_of_500() -> Iterator[Row]:
    """The same with 500; 3 minutes and 12 GB would be excellent."""
    yield from _cold(_HUGE, 1, 180.0, 12.0)


def hostings_compared() -> Iterator[Row]:
    """The same lab of 20 routers and 30 links in namespaces and in containers, by turns."""
    needed = ("container engine", "routers' image", "container runtime")
    found = examine(Wish(needs_containers=True), *needed).items()
    if lacks := [f"{name}: {it.found}" for name, it in found if it.standing is Standing.UNFIT]:
        raise NotMeasured("; ".join(lacks))
    netns: list[float] = []
    containers: list[float] = []
    for _ in range(3):
        netns.append(_up(_SMALL, _netns)[0].converged_s)
        containers.append(_up(_SMALL, _containers)[0].converged_s)
    name = "20 routers, 30 links, cold to converged"
    ours = median_row(f"{name}, netns", netns, "s", 2.5)
    theirs = median_row(f"{name}, containers", containers, "s", 12.0)
    yield from (ours, theirs)
    yield Row(
        name=f"{name}, containers / netns",
        value=theirs.value / ours.value,
        unit="x",
        target=None,
        repetitions=len(netns),
    )


def link_reconciled() -> Iterator[Row]:
    """From a delta to the mirror's kernel, 60 routers, links going down and coming up by turns."""
    with a_run("shadow") as run:
        times = sorted(reconcile_times(grid(_MIDDLE), run_id=run.run_id, changes=_CHANGES))
    yield median_row("link reconciled, 60 routers, median", times, "s", None)
    yield Row(
        name="link reconciled, 60 routers, p99",
        value=times[int(0.99 * (len(times) - 1))],
        unit="s",
        target=0.2,
        repetitions=len(times),
    )


def full_drill() -> Iterator[Row]:
    """Steady, inject, converge, undo, verify: a drill of the library on a lab of 20 that is up."""
    with a_run("shadow") as run:
        network = run.directory / "grid.yaml"
        network.write_text(grid(_SMALL).model_dump_json(exclude_defaults=False))
        wish = DrillWish(scenario=_DRILL, network=network)
        took: list[float] = []
        attempts, why = 2 * _DRILLS, ""
        while len(took) < _DRILLS and attempts:
            attempts -= 1
            result = run_drill(
                wish, Settings(run_dir=REPOSITORY / ".run"), Console(stderr=True)
            ).result
            if result.verdict is Verdict.INCONCLUSIVE:
                why = "; ".join(result.reasons)
            else:
                took.append(result.took_s)
        if not took:
            raise NotMeasured(f"every drill was inconclusive: {why}")
    yield median_row("full drill on a lab of 20 routers", took, "s", 15.0)


def _cold(
    routers: int, repetitions: int, target_s: float, target_gb: float | None
) -> Iterator[Row]:
    runs = [_up(routers, _netns) for _ in range(repetitions)]
    name = f"{routers}-router OSPF lab, netns"
    converged = [brought_up.converged_s for brought_up, _ in runs]
    yield median_row(f"{name}, cold to converged", converged, "s", target_s)
    answering = [brought_up.answering_s for brought_up, _ in runs]
    yield median_row(f"{name}, every daemon answers", answering, "s", None)
    memory = [memory / _MIB_A_GB for _, memory in runs]
    yield median_row(f"{name}, memory (PSS)", memory, "GB", target_gb)


def _up(routers: int, make: MakeLab) -> tuple[BringUp, float]:
    """How long a lab took, and what it takes, in MiB."""
    network = grid(routers)
    with a_run("shadow") as run, make(igp_lab(network), run.run_id) as lab:
        brought_up = lab.up(within_s=_UP_WITHIN_S, expected=loopbacks_everywhere(network))
        memory = memory_mib(lab)
        _await_full(lab, 2 * len(network.links))
        return brought_up, memory


def _await_full(lab: FrrLab, adjacencies: int) -> None:
    """See that the lab is whole: a loopback is reached before its last adjacency is full."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + _WHOLE_WITHIN_S
    while True:
        full = sum(it.is_full for them in lab.adjacencies().values() for it in them)
        if full == adjacencies:
            return
        if clock.monotonic_s() > until_s:
            raise RuntimeError(f"up, but {full} of {adjacencies} adjacencies are full")
        clock.sleep(_POLL_S)


def _netns(spec: LabSpec, run_id: str) -> FrrLab:
    return NetnsLab(spec, run_id=run_id, name="bench")


def _containers(spec: LabSpec, run_id: str) -> FrrLab:
    return ContainersLab(spec, run_id=run_id, name="boxes")


MEASUREMENTS: tuple[report.Measurement, ...] = (
    lab_of_60,
    lab_of_200,
    hostings_compared,
    link_reconciled,
    silent_failure,
    fault_verified,
    full_drill,
    link_delay,
    walked_loads,
)

main = partial(
    report.run,
    "The shadow",
    MEASUREMENTS,
    large=(lab_of_500,),
    needs=("root", "FRR", "iproute2", "nftables", "network namespaces"),
)

if __name__ == "__main__":
    main()
