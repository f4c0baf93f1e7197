"""What real packets say: of a link that delays them, and of the loads that are walked.

Its name begins with an underscore because it is no benchmark of its own: `benchmarks.shadow` prints
its rows.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np

from benchmarks._labs import REPOSITORY, lab_of
from benchmarks._report import Row, median_row
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.network_file import parse_network
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import walk
from shadow.emulation.design import design
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.netns import NetnsLab
from shadow.flows import FRAME_BYTES, OfferedLoad, link_count

_LINK = LinkId("NE-SE")
_NE = NodeId("NE")
_SHAPE = LinkShape(delay_s=0.010)
_FAST_BPS, _FAST_S = 100e6, 3.0
"""Of 1000-byte frames the sender manages some 12,000 a second beside everything else."""
_CORNERS = (("C000", "C111"), ("C111", "C000"), ("C011", "C100"))
_COUNTED_S = 6.0


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


@contextmanager
def _lab(network: str) -> Iterator[tuple[NetnsLab, Topology]]:
    """A lab of one of the tests' networks, up and at rest."""
    path = REPOSITORY / "tests" / "networks" / network
    topology, spec = design(parse_network(path.read_text(), path=path))
    with lab_of(spec) as lab:
        yield lab, topology


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
    return Row(name=name, value=float(value), unit=unit, target=target, repetitions=1)
