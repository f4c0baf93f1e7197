"""How well the shadow measures: two meters of one failure, shaped links, walked against counted.

Its name begins with an underscore because it is no benchmark of its own: `benchmarks.shadow` prints
its rows.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np

from benchmarks._report import NotMeasured, Row, median_row
from console.ownership import claim_run, release_run
from foreshadow.clock import SystemClock
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.experiment import Convergence
from foreshadow.network_file import parse_network
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import walk
from shadow.convergence import ProbeStream, Sentinel, measure
from shadow.emulation.cleanup import remove_run
from shadow.emulation.design import design
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.netns import NetnsLab
from shadow.flows import FRAME_BYTES, OfferedLoad, link_count

_REPOSITORY = Path(__file__).resolve().parents[1]
_NETWORKS = _REPOSITORY / "tests" / "networks"
_BFD = "bfd: {interval_ms: 100, multiplier: 3}\n"
_UP_WITHIN_S, _SETTLED_WITHIN_S, _WHOLE_WITHIN_S = 60.0, 30.0, 60.0
_CONTROL_S, _POLL_S = 0.5, 0.1
_FAILURES = 10
_LINK = LinkId("NE-SE")
_NE, _SE = NodeId("NE"), NodeId("SE")
_PAIRS = (
    Sentinel(src=_SE, address=IPv4Address("10.2.0.1"), listeners=(_NE,)),
    Sentinel(src=_NE, address=IPv4Address("10.3.0.1"), listeners=(_SE,)),
)
_SHAPE = LinkShape(delay_s=0.010)
_FAST_BPS, _FAST_S = 100e6, 3.0
"""Of 1000-byte frames the sender manages some 12,000 a second beside everything else."""
_CORNERS = (("C000", "C111"), ("C111", "C000"), ("C011", "C100"))
_COUNTED_S = 6.0


def silent_failure() -> Iterator[Row]:
    """A link that drops everything with its carrier up, seen by BFD after three times 100 ms."""
    with _lab("square.yaml", _BFD) as (lab, _):
        seen = [_silenced(lab) for _ in range(_FAILURES)]
    packets = [it.outage_ms for it in seen]
    netlink = [it.last_fib_change_ms for it in seen]
    apart = [abs(a - b) for a, b in zip(packets, netlink, strict=True)]
    yield median_row("silent failure with BFD 3 x 100 ms, by lost packets", packets, "ms", 400.0)
    yield median_row("silent failure with BFD 3 x 100 ms, by routes changed", netlink, "ms", 400.0)
    yield _slowest("both meters apart, at most", apart, "ms", 30.0)
    yield _slowest("probes sent late, 99th percentile", [it.late_p99_ms for it in seen], "ms", None)


def link_delay() -> Iterator[Row]:
    """What a link of 10 ms does to packets, and what it loses of them."""
    demand = _demand([("SE", "10.2.0.0/16", _FAST_BPS)])
    with _lab("square.yaml") as (lab, _):
        begun_s = time.monotonic()
        lab.shape_link(_LINK, _SHAPE)
        shaped_s = time.monotonic() - begun_s
        with OfferedLoad(lab, demand, lambda _: (_NE,), scale=1) as load:
            time.sleep(_FAST_S)
            (seen,) = load.stop()
        lab.shape_link(_LINK, PLAIN)
    if seen.latency is None:
        raise RuntimeError("no packet crossed the delayed link")
    share = seen.offered_bps / seen.intended_bps
    yield _once("100 Mbit/s offered, share sent", share, "")
    yield _once("link of 10 ms, least", seen.latency.min_ms, "ms")
    yield _once("link of 10 ms, median", seen.latency.median_ms, "ms", 10.5)
    yield _once("link of 10 ms, 95th percentile", seen.latency.p95_ms, "ms")
    yield _once("link of 10 ms, share lost", 1 - seen.arrived / seen.sent, "", 0.0)
    yield _once("link shaped live", 1e3 * shaped_s, "ms")


def walked_loads() -> Iterator[Row]:
    """Loads walked over real FIBs against interface counters: hashing upon hashing."""
    demand = _demand([(src, _site(dst), 3e9) for src, dst in _CORNERS])
    with _lab("cube.yaml") as (lab, topology):
        matrix = walk(topology, lab.fibs(), demand.keys)
        before = link_count(lab, topology)
        with OfferedLoad(lab, demand, lambda key: (_owner(key.prefix),)) as load:
            time.sleep(_COUNTED_S)
            delivered = load.stop()
        counted = link_count(lab, topology).since(before)
    walked_bytes = FRAME_BYTES * (matrix.shares @ np.asarray([it.sent for it in delivered]))
    apart = [
        abs(counted[link] / expected - 1)
        for link, expected in zip(matrix.links, walked_bytes.tolist(), strict=True)
        if expected > 0
    ]
    yield median_row("walked and counted load apart", apart, "", None)
    yield _slowest("walked and counted load apart, at most", apart, "", 0.05)


def _silenced(lab: NetnsLab) -> Convergence:
    clock = SystemClock()
    lab.wait_settled(quiet_s=1, within_s=_SETTLED_WITHIN_S)
    with ProbeStream(lab, _PAIRS, clock) as probes:
        clock.sleep(_CONTROL_S)
        injected_s = lab.silence_link(_LINK, is_silent=True)
        try:
            settled = lab.wait_settled(quiet_s=1, within_s=_SETTLED_WITHIN_S, since_s=injected_s)
            trails = probes.stop()
        finally:
            lab.silence_link(_LINK, is_silent=False)
    seen = measure(
        trails,
        injected_s=injected_s,
        last_fib_change_s=settled.convergence_s,
        changes=lab.fib_changes(injected_s),
    )
    if why := probes.overload(seen):
        raise NotMeasured(f"the host is overloaded: {why}")
    _await_whole(lab)
    return seen


def _await_whole(lab: NetnsLab) -> None:
    """Both ends see each other again, by the IGP and by BFD."""
    deadline_s = time.monotonic() + _WHOLE_WITHIN_S
    while not _is_whole(lab):
        if time.monotonic() > deadline_s:
            raise RuntimeError("the square did not become whole again")
        time.sleep(_POLL_S)


def _is_whole(lab: NetnsLab) -> bool:
    full = [it.state for them in lab.adjacencies().values() for it in them].count("Full")
    peers = [each for node in (_NE, _SE) for each in lab.show_json(node, "show bfd peers json")]
    return full == 8 and [each["status"] for each in peers] == ["up"] * 4


@contextmanager
def _lab(network: str, more: str = "") -> Iterator[tuple[NetnsLab, Topology]]:
    """A lab of one of the tests' networks, up, removed afterwards whatever happens."""
    path = _NETWORKS / network
    topology, spec = design(parse_network(path.read_text() + more, path=path))
    clock = SystemClock()
    run = claim_run(_REPOSITORY / ".run", pid=os.getpid(), command="benchmarks.shadow", clock=clock)
    try:
        with NetnsLab(spec, run_id=run.run_id, name="measure") as lab:
            lab.up(within_s=_UP_WITHIN_S)
            if more:
                _await_whole(lab)
            lab.wait_settled(quiet_s=1.5, within_s=_SETTLED_WITHIN_S)
            yield lab, topology
    finally:
        remove_run(run.run_id)
        release_run(run)


def _demand(rates: list[tuple[str, str, float]]) -> DemandMatrix:
    by_key = {DemandKey(ingress=NodeId(src), prefix=Prefix(to)): bps for src, to, bps in rates}
    keys = tuple(sorted(by_key))
    return DemandMatrix(
        at=datetime(2026, 1, 1, tzinfo=UTC), keys=keys, rates_bps=tuple(by_key[it] for it in keys)
    )


def _site(corner: str) -> str:
    return f"10.{int(corner[1:], 2) + 1}.0.0/16"


def _owner(prefix: Prefix) -> NodeId:
    return NodeId(f"C{int(prefix.network_address.packed[1]) - 1:03b}")


def _slowest(name: str, values: list[float], unit: str, target: float | None) -> Row:
    return Row(name=name, value=max(values), unit=unit, target=target, repetitions=len(values))


def _once(name: str, value: float, unit: str, target: float | None = None) -> Row:
    return Row(name=name, value=value, unit=unit, target=target, repetitions=1)
