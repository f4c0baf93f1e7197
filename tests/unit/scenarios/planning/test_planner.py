"""Scenarios resolved on a network: faults in time, limits, and what the model expects."""

import json
from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import shipped
from scenarios.drill_plan import DrillPlan, decode_plan, encode_plan
from scenarios.faults.catalogue import decode
from scenarios.faults.ddos import Ddos
from scenarios.faults.link_degrade import LinkDegrade
from scenarios.faults.prefix_hijacked import PrefixHijacked
from scenarios.faults.srlg_cut import SrlgCut
from scenarios.planning.impact import lost_ratio, stages, without_fault
from scenarios.planning.planner import DrillRefused, plan, resolve
from tests.production_state import ABILENE
from tests.scenario_files import SQUARE, ground, scenario_of


def _plan(body: str, *, seed: int = 0) -> DrillPlan:
    return plan(scenario_of(body), ground(), drill_id="d1", load_limit=0.85, seed=seed)


def test_a_plan_has_every_fault_with_its_time() -> None:
    """Each target of a selector is a fault of its own; parameters arrive in SI units."""
    drill = _plan(
        """
        select: {ring: {links: "*", count: 2}}
        steps:
          - {inject: link-degrade, on: ring, rate: 100Mbps, delay: 20ms, loss: 1%, for: 4s}
          - {inject: node-down, on: SE, after: 1s, for: 2s}
        """
    )

    assert [(f.kind, f.inject_at_s, f.undo_at_s, f.links) for f in drill.faults] == [
        ("link-degrade", 0, 4, ("NW-NE",)),
        ("link-degrade", 0, 4, ("NE-SE",)),
        ("node-down", 5, 7, ("NE-SE", "SE-SW")),
    ]
    assert decode(drill.faults[0].fault) == LinkDegrade(
        link=LinkId("NW-NE"), rate_bps=1e8, delay_s=0.02, loss_ratio=0.01
    )
    assert drill.faults[2].nodes == ("SE",)
    assert decode_plan(encode_plan(drill)) == drill


def test_a_plan_is_the_same_for_whoever_makes_it() -> None:
    """Same file, network, demand and seed: same bytes; another seed draws otherwise somewhere."""
    body = """
        select: {any: {links: "*", by: random}}
        steps: [{inject: link-down, on: any}]
        """

    assert _plan(body, seed=1).sha256 == _plan(body, seed=1).sha256
    assert len({_plan(body, seed=seed).faults for seed in range(20)}) > 1


def test_kinds_with_more_than_one_target_find_the_others() -> None:
    """A hijacker is never the owner, an attack never comes from the victim, a group has members."""
    drill = _plan(
        """
        select:
          pair: {links: [NW-NE, SE-SW]}
          everyone: {nodes: "*"}
        steps:
          - {inject: prefix-hijacked, on: 10.3.0.0/16, by: everyone, for: 1s}
          - {inject: ddos, on: 10.3.0.0/16, rate: 3Gbps, for: 1s}
          - {inject: srlg-cut, on: pair, for: 1s}
          - {inject: prefix-withdrawn, on: 203.0.113.0/27, for: 1s}
        """
    )
    faults = [decode(fault.fault) for fault in drill.faults]
    hijacks = [fault for fault in faults if isinstance(fault, PrefixHijacked)]
    (attack,) = (fault for fault in faults if isinstance(fault, Ddos))
    (cut,) = (fault for fault in faults if isinstance(fault, SrlgCut))

    assert {(fault.node, str(fault.prefix)) for fault in hijacks} == {
        ("NW", "10.3.0.0/17"),
        ("NE", "10.3.0.0/17"),
        ("SW", "10.3.0.0/17"),
    }
    assert attack.sources == ("NW", "NE", "SW")
    assert (cut.group, cut.links) == ("pair", ("NW-NE", "SE-SW"))
    assert [fault.name for fault in drill.faults[-2:]] == [
        "203.0.113.0/27 withdrawn by PEERNE",
        "203.0.113.0/27 withdrawn by PEERSW",
    ]
    assert [fault.is_demand for fault in drill.faults] == [False] * 3 + [True] + [False] * 3


@pytest.mark.parametrize(
    ("body", "because"),
    [
        ("steps: [{inject: link-down, on: NW-XX}]", "no link of the network has that name"),
        (
            'select: {g: {srlgs: "*"}}\nsteps: [{inject: srlg-cut, on: g}]',
            "g picks nothing in this network",
        ),
        (
            'select: {all: {nodes: "*"}}\nsteps: [{inject: partition, on: all}]',
            "all of them are picked",
        ),
        (
            "steps: [{inject: prefix-hijacked, on: 10.3.0.0/16, by: SE}]",
            "has nobody to do it",
        ),
        (
            """
            steps:
              - parallel:
                - {inject: link-down, on: NW-NE, for: 5s}
                - {inject: link-down, on: NE-NW, after: 2s, for: 5s}
            """,
            "NW-NE down is injected at 2 s while it is still there from 0 s",
        ),
    ],
)
def test_what_does_not_fit_the_network_is_refused(body: str, because: str) -> None:
    """In one sentence that says what to change."""
    with pytest.raises(ConfigError, match=because):
        _plan(body)


@pytest.mark.parametrize(
    ("limits", "because"),
    [
        ("{never: SE}", "NE-SE down touches SE, which must never be touched"),
        ('{never: "S*"}', "NE-SE down touches SE"),
        ("{routers: 20%}", r"it touches 1 of 4 routers \(25%\); the limit is 20%"),
        ("{demand: 10%}", "of the demand is predicted to be cut off; the limit is 10%"),
    ],
)
def test_its_own_limits_forbid_a_drill(limits: str, because: str) -> None:
    """It can be looked at, but not begun."""
    scenario = scenario_of(
        f"""
        steps:
          - {{inject: link-down, on: NE-SE, for: 1s}}
          - {{inject: node-down, on: SW, for: 1s}}
        limits: {limits}
        """
    )

    assert resolve(scenario, ground(), drill_id="d", load_limit=1).faults
    with pytest.raises(DrillRefused, match=because):
        plan(scenario, ground(), drill_id="d", load_limit=1)


def test_the_model_says_what_each_span_of_a_drill_will_be_like() -> None:
    """Half full without fault; the ring's other way is too thin; a dead router strands its own."""
    drill = _plan(
        """
        steps:
          - {inject: link-down, on: NE-SE, for: 5s}
          - parallel:
            - {inject: node-down, on: SE, for: 4s}
            - {inject: node-frozen, on: NW, after: 1s, for: 1s}
          - {inject: demand-surge, on: NW>10.3.0.0/16, factor: x2, for: 1s}
        """
    )
    found = stages(drill, ground())

    assert without_fault(drill, ground()).worst_ratio == pytest.approx(0.5)
    assert [(stage.from_s, stage.until_s, stage.faults, stage.unmodelled) for stage in found] == [
        (0, 5, (0,), ()),
        (5, 6, (1,), ()),
        (6, 7, (1, 2), (2,)),
        (7, 9, (1,), ()),
        (9, 10, (3,), ()),
    ]
    assert found[0].worst_ratio > 1
    assert found[0].lost_bps == 0
    assert found[1].lost_bps == pytest.approx(found[1].stranded_bps)
    assert 0 < lost_ratio(found[1], drill) < 1
    assert found[4].offered_bps > drill.demand.total_bps


@pytest.mark.parametrize(
    ("step", "is_felt"),
    [
        ("{inject: cost-changed, on: NE-SE, cost: 65535}", True),
        ("{inject: overloaded, on: NE}", True),
        ("{inject: drained, on: NE}", True),
        ("{inject: session-down, on: 'NE:PEERNE'}", True),
        ("{inject: prefix-withdrawn, on: 10.3.0.0/16}", True),
        ("{inject: partition, on: SE}", True),
        ("{inject: link-silent, on: NE-SE}", True),
        ("{inject: session-reset, on: 'NE:PEERNE'}", False),
        ("{inject: link-degrade, on: NE-SE, loss: 1%}", False),
    ],
)
def test_each_kind_the_model_knows_moves_traffic(step: str, *, is_felt: bool) -> None:
    """The others are named as not modelled instead of being passed over."""
    drill = _plan(f"steps: [{step}]")
    (stage,) = stages(drill, ground())
    usual = without_fault(drill, ground())

    assert bool(stage.unmodelled) is not is_felt
    assert ((stage.worst_ratio, stage.lost_bps) != (usual.worst_ratio, usual.lost_bps)) is is_felt


@pytest.mark.parametrize("network", [SQUARE, ABILENE], ids=["square", "abilene"])
@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_shipped_scenario_fits_any_network(path: Path, network: Path) -> None:
    """Within its own limits, and as a plan that can be put on the bus."""
    scenario = read_scenario(path)
    drill = plan(scenario, ground(network), drill_id="d1", load_limit=0.85)

    assert drill.faults
    assert json.loads(encode_plan(drill))["scenario"] == path.stem
