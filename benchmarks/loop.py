"""The loop's own targets: `python -m benchmarks.loop [--json] [--only NAME ...]`.

How long the whole demo takes and how much memory, how fast a lab comes up, how fast the shadow
follows a cut, a wave settles, and a failed gate sends it back. Every lab is the demo's network: 12
FRR routers, 2 peers, 15 internal links.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from benchmarks import _report as report
from benchmarks._demo_runs import demo_builtin, demo_matrices
from benchmarks._link_mirroring import link_mirrored
from benchmarks._report import Row, median_row
from benchmarks._rollout_times import flip_settles, gate_reverts
from console.ownership import claim_run, release_run
from foreshadow.clock import SystemClock
from foreshadow.network_file import parse_network
from foreshadow.topology import LinkId, NodeId, Prefix
from shadow.emulation.cleanup import remove_run
from shadow.emulation.design import design
from shadow.emulation.emulator import BringUp
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab

_REPOSITORY = Path(__file__).resolve().parents[1]
_NETWORK = _REPOSITORY / "console" / "networks" / "abilene.yaml"
_BRING_UPS = 5
_FLIPS = 10
_CUTS = 5
_UP_WITHIN_S = 60.0
_SETTLED_WITHIN_S = 20.0
_QUIET_S = 1.0
_MIB = 1 << 20

_BORDER, _PEER = NodeId("NYCMng"), "10.253.0.3"
_CUT = LinkId("CHINng-NYCMng")
_STAGE = """\
route-map FS-BENCH-g1 permit 10
 set local-preference 200
exit
"""
_ATTACH = """\
router bgp 65001
 address-family ipv4 unicast
  neighbor {peer} route-map {route_map} in
"""


def lab_up() -> Iterator[Row]:
    """From nothing to every site and peer prefix in every FIB, and the memory that takes."""
    runs: list[tuple[BringUp, float]] = []
    for _ in range(_BRING_UPS):
        with _lab() as (lab, brought_up):
            runs.append((brought_up, _memory_mib(lab)))
    converged = [brought_up.converged_s for brought_up, _ in runs]
    yield median_row("lab of 12 routers and 2 peers up", converged, "s", 5.0)
    yield _slowest("lab up, slowest", converged)
    answering = [brought_up.answering_s for brought_up, _ in runs]
    yield median_row("lab up, every daemon answers", answering, "s", None)
    yield median_row("lab's memory (PSS)", [memory for _, memory in runs], "MiB", None)


def changes_settle() -> Iterator[Row]:
    """A wave's flip, and a cut, until the last FIB of any router has changed."""
    with _lab() as (lab, _):
        lab.wait_settled(quiet_s=2 * _QUIET_S, within_s=_SETTLED_WITHIN_S)
        lab.apply_config(_BORDER, _STAGE)
        flips = [_flip(lab, turn) for turn in range(_FLIPS)]
        cuts = [_cut(lab) for _ in range(_CUTS)]
    yield median_row("wave flip until every FIB has settled", flips, "s", 0.5)
    yield _slowest("wave flip, slowest", flips)
    yield median_row("cut until every FIB has settled", cuts, "s", None)


def _slowest(name: str, values: list[float]) -> Row:
    return Row(name=name, value=max(values), unit="s", target=None, repetitions=len(values))


def _flip(lab: NetnsLab, turn: int) -> float:
    """Attach the staged map on even turns, the operator's on odd ones; seconds to settle."""
    route_map = "OPER-PEERNYC-IN" if turn % 2 else "FS-BENCH-g1"
    begun_s = SystemClock().monotonic_s()
    lab.apply_config(_BORDER, _ATTACH.format(peer=_PEER, route_map=route_map))
    lab.execute(_BORDER, f"clear bgp ipv4 unicast {_PEER} soft in")
    settled = lab.wait_settled(quiet_s=_QUIET_S, within_s=_SETTLED_WITHIN_S, since_s=begun_s)
    if not settled.changes:
        raise RuntimeError(f"attaching {route_map} changed no FIB: nothing was measured")
    return settled.convergence_s


def _cut(lab: NetnsLab) -> float:
    """Cut the story's link and mend it; seconds from the cut until the FIBs have settled."""
    before = lab.fibs()
    cut_s = lab.set_link(_CUT, is_up=False)
    settled = lab.wait_settled(quiet_s=_QUIET_S, within_s=_SETTLED_WITHIN_S, since_s=cut_s)
    mended_s = lab.set_link(_CUT, is_up=True)
    lab.wait_settled(quiet_s=3 * _QUIET_S, within_s=_SETTLED_WITHIN_S, since_s=mended_s)
    if not settled.changes or lab.fibs() != before:
        raise RuntimeError(f"the cut of {_CUT} was not followed or not undone")
    return settled.convergence_s


@contextmanager
def _lab() -> Iterator[tuple[NetnsLab, BringUp]]:
    clock = SystemClock()
    run = claim_run(
        _REPOSITORY / ".run", pid=psutil.Process().pid, command="benchmarks.loop", clock=clock
    )
    try:
        with NetnsLab(_spec(), run_id=run.run_id, name="bench") as lab:
            brought_up = lab.up(within_s=_UP_WITHIN_S, expected=_everywhere(lab.spec))
            states = {it.state for them in lab.adjacencies().values() for it in them}
            if states != {"Full"}:
                raise RuntimeError(f"up, but OSPF is in {', '.join(sorted(states))}")
            yield lab, brought_up
    finally:
        remove_run(run.run_id)
        release_run(run)


def _everywhere(spec: LabSpec) -> dict[NodeId, frozenset[Prefix]]:
    """Every prefix on every router, the peers' included."""
    return {node.id: spec.announced() for node in spec.nodes}


def _spec() -> LabSpec:
    return design(parse_network(_NETWORK.read_text(), path=_NETWORK))[1]


def _memory_mib(lab: NetnsLab) -> float:
    return sum(psutil.Process(pid).memory_full_info().pss for pid in lab.pids()) / _MIB


MEASUREMENTS: tuple[report.Measurement, ...] = (
    lab_up,
    changes_settle,
    flip_settles,
    gate_reverts,
    link_mirrored,
    demo_builtin,
    demo_matrices,
)

main = partial(report.run, "The loop", MEASUREMENTS, needs=("root", "FRR", "network namespaces"))

if __name__ == "__main__":
    main()
