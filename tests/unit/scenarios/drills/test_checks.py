"""What settled tables and packets make of a plan's checks."""

from ipaddress import IPv4Address

import pytest

from foreshadow.experiment import Verdict
from foreshadow.routing import FibEntry, Fibs, Forward
from foreshadow.topology import Link, NodeId, Prefix
from scenarios.check import Check, CheckKind, Moment
from scenarios.drills.checks import (
    Measured,
    demanded,
    findings,
    say,
    tables_sight,
    undeliverable,
    worst_of,
)
from scenarios.drills.packets import between, latency_sight, packets_sight
from shadow.convergence import ProbeTrail, Sentinel
from tests.drill_plans import plan
from tests.planned_network import planned
from tests.square_story import CUT, demand, square

NETWORK = planned(square()).what_if
K, M = CheckKind, Moment


def _looping() -> Fibs:
    """SE and SW send the light prefix to each other."""
    fibs = dict(NETWORK.fibs())
    light = Prefix("203.0.113.32/27")
    for here, there in (("SE", "SW"), ("SW", "SE")):
        node = NodeId(here)
        entry = FibEntry(prefix=light, forwards=(Forward(interface=f"to-{there}"),))
        fibs[node] = (*(it for it in fibs[node] if it.prefix != light), entry)
    return fibs


def test_a_sound_network_carries_everything() -> None:
    """All demand arrives, nothing loops, nothing is dropped, the fullest link is named."""
    sight = tables_sight(NETWORK.topology, NETWORK.fibs(), demand())

    assert sight[K.REACHABILITY].value == 1.0
    assert sight[K.NO_LOOP].value == sight[K.NO_BLACKHOLE].value == 0.0
    assert sight[K.UTILISATION].value == pytest.approx(0.3)
    assert sight[K.UTILISATION].where == "SE->NE"


def test_a_loop_is_told_from_a_blackhole() -> None:
    """What circles is lost by a loop, what has no way is dropped; the demand is named."""
    looped = tables_sight(NETWORK.topology, _looping(), demand())
    holed = tables_sight(NETWORK.topology.without([CUT]), NETWORK.fibs(), demand())

    share = 1.2e9 / demand().total_bps
    assert looped[K.NO_LOOP].value == pytest.approx(share)
    assert looped[K.NO_LOOP].where == "SE to 203.0.113.32/27"
    assert looped[K.NO_BLACKHOLE].value == 0.0
    assert looped[K.REACHABILITY].value == pytest.approx(1 - share)
    assert holed[K.NO_LOOP].value == 0.0
    assert holed[K.NO_BLACKHOLE].value > 0.8


def test_what_needs_a_dead_router_is_not_the_networks_to_carry() -> None:
    """What enters at the dead router, and what nobody else delivers, is left out."""
    keys, dead = demand().keys, {NodeId("SE")}
    gone = undeliverable(NETWORK.topology, NETWORK.fibs(), keys, dead)
    alive = NETWORK.topology.without(
        [link.id for link in NETWORK.topology.links if _at(link, dead)]
    )

    sight = tables_sight(alive, NETWORK.fibs(), demand(), undeliverable=gone)

    assert {key.ingress for key in keys} - {key.ingress for key in gone} == {NodeId("NE")}
    assert all(key.ingress == "SE" or key.prefix == Prefix("10.3.0.0/16") for key in gone)
    assert sight[K.REACHABILITY].value == 1.0
    assert undeliverable(NETWORK.topology, NETWORK.fibs(), keys, ()) == frozenset()


def _at(link: Link, nodes: set[NodeId]) -> bool:
    return bool({link.a.node, link.b.node} & nodes)


def test_no_demand_is_no_evidence() -> None:
    """Nothing offered, nothing measured, so no check can hold."""
    nothing = type(demand())(at=demand().at, keys=(), rates_bps=())

    assert tables_sight(NETWORK.topology, NETWORK.fibs(), nothing) == {}


def test_the_worst_of_several_moments_counts() -> None:
    """The lowest where more is better, the highest elsewhere."""
    worst = worst_of(
        [
            {K.REACHABILITY: Measured(value=0.9), K.UTILISATION: Measured(value=0.5)},
            {K.REACHABILITY: Measured(value=1.0), K.UTILISATION: Measured(value=0.7)},
        ]
    )

    assert (worst[K.REACHABILITY].value, worst[K.UTILISATION].value) == (0.9, 0.7)


def test_a_check_holds_on_its_limit_and_fails_beyond_it() -> None:
    """At the limit passes; what was not measured is inconclusive, with the reason."""
    checks = [
        Check(moment=M.DURING, kind=K.CONVERGENCE, limit=1.0),
        Check(moment=M.DURING, kind=K.LOSS, limit=0.01),
        Check(moment=M.AFTER, kind=K.LOSS, limit=0.01),
    ]
    seen = {M.DURING: {K.CONVERGENCE: Measured(value=1.0), K.LOSS: Measured(value=0.02, where="x")}}

    found = findings(checks, seen, "it ended before")

    assert [each.verdict for each in found] == [
        Verdict.PASSED,
        Verdict.FAILED,
        Verdict.INCONCLUSIVE,
    ]
    assert found[1].detail == "2% (x); at most 1%"
    assert found[2].detail == "not measured: it ended before"


def test_the_load_limit_is_a_check_where_no_check_speaks_of_loads() -> None:
    """Before and during, in the order of time; a check of the plan's own takes its place."""
    own = Check(moment=M.DURING, kind=K.UTILISATION, limit=0.5)
    late = Check(moment=M.AFTER, kind=K.REACHABILITY, limit=1.0)

    assert demanded(plan(checks=[late, own], load_limit=0.8)) == (
        Check(moment=M.BEFORE, kind=K.UTILISATION, limit=0.8),
        own,
        late,
    )


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        (K.OUTAGE, 0.0831, "83ms"),
        (K.UTILISATION, 2.347222, "234.7%"),
        (K.LOSS, 0.0001234, "0.012%"),
        (K.REACHABILITY, 1.0, "100%"),
        (K.NO_LOOP, 0.0, "0%"),
    ],
)
def test_values_are_said_as_people_write_them(kind: CheckKind, value: float, says: str) -> None:
    """Units of the scenario file; small losses are not rounded away."""
    assert say(kind, value) == says


def _trail(arrived: list[bool], latency_s: float = 0.002) -> ProbeTrail:
    way = Sentinel(src=NodeId("SE"), address=IPv4Address("203.0.113.1"), listeners=(NodeId("PE"),))
    return ProbeTrail(
        sentinel=way,
        sent_s=tuple(0.001 * number for number in range(len(arrived))),
        arrived=tuple(arrived),
        latency_s=tuple(latency_s if came else float("nan") for came in arrived),
        late_s=tuple(0.0 for _ in arrived),
    )


def test_packets_tell_loss_outage_and_latency() -> None:
    """Loss over all pairs; the longest outage and the slowest pair by name."""
    lossy = _trail([True] * 50 + [False] * 30 + [True] * 20, latency_s=0.001)
    sound = _trail([True] * 100, latency_s=0.004)

    sight = {**packets_sight([lossy, sound]), **latency_sight([lossy, sound])}

    assert sight[K.LOSS].value == pytest.approx(0.15)
    assert sight[K.OUTAGE].value == pytest.approx(0.030, abs=1e-6)
    assert sight[K.LATENCY].value == pytest.approx(0.004)
    assert packets_sight(between([lossy], 0.0, 0.0495))[K.LOSS].value == 0.0
    assert packets_sight([]) == {}
