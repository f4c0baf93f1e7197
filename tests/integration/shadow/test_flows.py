"""Loads computed by walking real FIBs against packets really counted, and what shaped links do."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import walk
from shadow.emulation.design import design
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.netns import NetnsLab
from shadow.flows import FRAME_BYTES, OfferedLoad, link_count
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_WITHIN = 0.05


@pytest.fixture(scope="module")
def cube(repository: Path) -> NetworkFile:
    """Eight routers in which load sharing follows load sharing."""
    path = repository / "tests" / "networks" / "cube.yaml"
    return parse_network(path.read_text(), path=path)


@pytest.fixture(scope="module")
def topology(cube: NetworkFile) -> Topology:
    """Its links and routers."""
    return design(cube)[0]


@pytest.fixture(scope="module")
def lab(session_run: Run, cube: NetworkFile) -> Iterator[NetnsLab]:
    """Its lab, up and agreed on every path."""
    with NetnsLab(design(cube)[1], run_id=session_run.run_id, name="cube") as lab:
        lab.up(within_s=60)
        assert lab.wait_settled(quiet_s=1.5, within_s=30).is_settled
        yield lab


def _demand(*demands: tuple[str, str, float]) -> DemandMatrix:
    sites = {f"C{number:03b}": Prefix(f"10.{number + 1}.0.0/16") for number in range(8)}
    rates = {
        DemandKey(ingress=NodeId(src), prefix=sites[dst]): rate_bps
        for src, dst, rate_bps in demands
    }
    keys = tuple(sorted(rates))
    return DemandMatrix(
        at=datetime(2026, 1, 1, tzinfo=UTC), keys=keys, rates_bps=tuple(rates[it] for it in keys)
    )


def _owner(key: DemandKey) -> tuple[NodeId, ...]:
    site = int(key.prefix.network_address.packed[1]) - 1
    return (NodeId(f"C{site:03b}"),)


def test_walked_loads_are_what_the_counters_count(lab: NetnsLab, topology: Topology) -> None:
    """Within 5 % on every link direction that carries anything, over two stages of hashing."""
    demand = _demand(
        ("C000", "C111", 3e9),
        ("C111", "C000", 3e9),
        ("C011", "C100", 3e9),
    )
    assert eventually(lambda: lab.disagreements() == (), within_s=10)
    matrix = walk(topology, lab.fibs(), demand.keys)
    before = link_count(lab, topology)

    with OfferedLoad(lab, demand, _owner) as load:
        time.sleep(6)  # Some 16,000 flows a demand: a sixth of them is a sixth within 2 %.
        delivered = load.stop()

    counted = link_count(lab, topology).since(before)
    walked_bytes = {
        link: FRAME_BYTES * share
        for link, share in zip(
            matrix.links, (matrix.shares @ [it.sent for it in delivered]).tolist(), strict=True
        )
    }
    assert [it.key for it in delivered] == list(demand.keys)
    assert all(it.arrived == it.sent for it in delivered)
    assert all(it.offered_bps == pytest.approx(it.intended_bps, rel=_WITHIN) for it in delivered)
    carrying = {link: expected for link, expected in walked_bytes.items() if expected > 0}
    assert len(carrying) > 12
    differences = {str(it): counted[it] / expected - 1 for it, expected in carrying.items()}
    assert {it: by for it, by in differences.items() if abs(by) > _WITHIN} == {}
    idle = sum(count for link, count in counted.items() if link not in carrying)
    assert idle < 0.01 * sum(counted.values())  # Hellos and the like.


def test_loss_is_judged_against_what_was_intended(lab: NetnsLab) -> None:
    """A link half as fast as its demand loses half of it, and no generator slows down for it."""
    demand = _demand(("C000", "C001", 20e6))
    link = LinkId("C000-C001")
    lab.shape_link(link, LinkShape(rate_bps=10e6, delay_s=0.005))
    try:
        with OfferedLoad(lab, demand, _owner, scale=1) as load:
            time.sleep(2)
            (seen,) = load.stop()
    finally:
        lab.shape_link(link, PLAIN)

    assert seen.offered_bps == pytest.approx(20e6, rel=_WITHIN)
    assert seen.carried_bps == pytest.approx(10e6, rel=0.07)  # What still queued came after.
    assert seen.loss_ratio == pytest.approx(0.5, abs=0.05)
    assert seen.latency is not None
    assert 25 < seen.latency.median_ms < 80


def test_the_load_leaves_no_trace(lab: NetnsLab) -> None:
    """The devices it came in by and the addresses it went to are gone."""
    nodes = [NodeId("C000"), NodeId("C111")]
    before = [lab.kernel_state(node) for node in nodes]

    with OfferedLoad(lab, _demand(("C000", "C111", 1e9)), _owner, scale=1000) as load:
        during = [lab.kernel_state(node) for node in nodes]
        load.stop()

    assert during[0] != before[0]
    assert [lab.kernel_state(node) for node in nodes] == before
