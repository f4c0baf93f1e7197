"""What selectors pick in a network."""

from dataclasses import replace

import pytest

from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.present import Present
from foreshadow.topology import LinkId
from scenarios.planning.ground import Ground
from scenarios.planning.selection import Selection, UnknownTarget
from scenarios.planning.weights import weigh
from scenarios.scenario import Ranking, Scenario, TargetKind
from tests.scenario_files import SQUARE, abilene_ground, ground, ground_of, scenario_of

_GROUPS = {"a: NE, b: SE": "river", "a: NW, b: NE": "river, rail"}
_ROLES = {"10.2.0.0/16": "edge", "10.3.0.0/16": "edge, metro"}


def _named() -> NetworkFile:
    """The square with roles and risk groups."""
    text = SQUARE.read_text()
    for site, roles in _ROLES.items():
        text = text.replace(f"site: {site}}}", f"site: {site}, roles: [{roles}]}}")
    for ends, groups in _GROUPS.items():
        text = text.replace(f"{{{ends},", f"{{{ends}, srlgs: [{groups}],")
    return parse_network(text, path=SQUARE)


def _scenario(selectors: str) -> Scenario:
    """A scenario with these selectors, each used by a fault that can take it."""
    lines = [line.strip() for line in selectors.strip().splitlines()]
    uses = [
        f"  - {{inject: {_FAULT[_kind(line)]}, on: {line.partition(':')[0]}}}" for line in lines
    ]
    return scenario_of("\n".join(["select:", *(f"  {line}" for line in lines), "steps:", *uses]))


_FAULT = {
    TargetKind.LINKS: "link-down",
    TargetKind.NODES: "node-down",
    TargetKind.SRLGS: "srlg-cut",
    TargetKind.SESSIONS: "session-down",
    TargetKind.PREFIXES: "prefix-withdrawn",
    TargetKind.DEMANDS: "demand-surge, factor: x2",
}


def _kind(line: str) -> TargetKind:
    return next(kind for kind in TargetKind if f"{{{kind}:" in line)


def _picks(selector: str, on: Ground, *, seed: int = 0) -> tuple[str, ...]:
    scenario = _scenario(f"it: {selector}")
    found = scenario.selector("it")
    assert found is not None
    return Selection(scenario, on, seed=seed).of("it", found).names


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ('{links: "*"}', ("NW-NE", "NE-SE", "SE-SW", "SW-NW")),
        ("{links: NE-NW}", ("NW-NE",)),
        ('{links: "NE-*"}', ("NW-NE", "NE-SE")),
        ("{links: [NW-NE, SE-SW]}", ("NW-NE", "SE-SW")),
        ('{links: "*", not: "NW-*"}', ("NE-SE", "SE-SW")),
        ('{links: "*", external: true}', ("NE-PEERNE", "SW-PEERSW")),
        ('{links: "*", srlg: ri*}', ("NW-NE", "NE-SE")),
        ('{links: "*", role: edge}', ("NE-SE",)),
        ('{nodes: "*"}', ("NW", "NE", "SE", "SW")),
        ('{nodes: "*", role: border}', ("NE", "SW")),
        ('{nodes: "*", role: reflector}', ("NW",)),
        ('{nodes: "*", role: [metro, reflector]}', ("NW", "SE")),
        ('{nodes: "*", external: true}', ("PEERNE", "PEERSW")),
        ('{srlgs: "*"}', ("rail", "river")),
        ('{srlgs: "*", by: highest-load}', ("river",)),
        ('{sessions: "*"}', ("NE:PEERNE", "SW:PEERSW")),
        ('{sessions: "*", external: false}', ("NE:NW", "SE:NW", "SW:NW")),
        ('{sessions: "*", by: highest-load}', ("NE:PEERNE",)),
        ('{prefixes: "203.*"}', ("203.0.113.0/27", "203.0.113.32/27")),
        ('{demands: "NW>10.3.*"}', ("NW>10.3.0.0/16",)),
        ('{nodes: "*", count: 2}', ("NW", "NE")),
    ],
)
def test_names_globs_roles_and_groups(selector: str, names: tuple[str, ...]) -> None:
    """In the network's order; a link is called from either end."""
    assert _picks(selector, ground_of(_named())) == names


def test_load_rank_and_count_go_by_the_traffic() -> None:
    """The fullest link, the second one, the two fullest, and the emptiest."""
    loads = weigh(ground(), TargetKind.LINKS, Ranking.HIGHEST_LOAD)
    ours = [link.id for link in ground().links.values() if not link.is_external]
    full = sorted(ours, key=lambda link: (-loads[link], link))

    assert _picks('{links: "*", by: highest-load}', ground()) == (full[0],)
    assert _picks('{links: "*", by: highest-load, rank: 2}', ground()) == (full[1],)
    assert _picks('{links: "*", by: highest-load, count: 2}', ground()) == tuple(full[:2])
    (empty,) = _picks('{links: "*", by: lowest-load}', ground())
    assert loads[empty] == loads[full[-1]]


def test_the_forecast_counts_where_there_is_one() -> None:
    """Traffic that will go over another link makes that link the busiest at the peak."""
    now = ground()
    keys, quiet = now.demand.keys, [0.0] * len(now.demand.keys)
    quiet[
        next(i for i, k in enumerate(keys) if (k.ingress, str(k.prefix)) == ("SW", "10.1.0.0/16"))
    ] = 1e9
    later = Ground(
        network=now.network, demand=now.demand, forecast=replace(now.demand, rates_bps=tuple(quiet))
    )

    assert _picks('{links: "*", by: highest-forecast-load}', later) == ("SW-NW",)
    assert _picks('{links: "*", by: highest-load}', later) != ("SW-NW",)
    assert _picks('{links: "*", by: highest-forecast-load}', now) == _picks(
        '{links: "*", by: highest-load}', now
    )


def test_betweenness_is_about_structure() -> None:
    """IPLSng joins east and west of Abilene."""
    assert _picks('{nodes: "*", by: highest-betweenness}', abilene_ground()) == ("IPLSng",)


def test_lots_are_drawn_with_the_seed() -> None:
    """The same seed draws the same, and all of them are drawn sometimes."""
    drawn = {_picks('{links: "*", by: random}', ground(), seed=seed) for seed in range(40)}

    assert len(drawn) == 4
    assert _picks('{links: "*", by: random}', ground(), seed=3) == _picks(
        '{links: "*", by: random}', ground(), seed=3
    )


def test_selectors_speak_of_each_other() -> None:
    """`among` and `not` narrow, `otherwise` answers where nothing is left."""
    scenario = _scenario(
        """
        edge: {nodes: "*", role: border}
        busy: {nodes: "*", among: edge, by: highest-load}
        other: {nodes: "*", among: edge, not: busy}
        duct: {srlgs: "*", otherwise: two}
        two: {links: "*", by: highest-load, count: 2}
        """
    )
    selection = Selection(scenario, ground(), seed=0)

    def picked(name: str) -> tuple[TargetKind, tuple[str, ...]]:
        found = selection.picked((name,), tuple(TargetKind))
        return found.kind, found.names

    assert {*picked("busy")[1], *picked("other")[1]} == {"NE", "SW"}
    assert picked("duct") == picked("two")
    assert picked("duct")[0] is TargetKind.LINKS


def test_what_is_down_cannot_be_picked() -> None:
    """A link that failed in production is no target for a drill."""
    network = Present(what_if=ground().network.what_if, down=frozenset({LinkId("NW-NE")}))
    cut = Ground(network=network, demand=ground().demand)

    assert _picks('{links: "*"}', cut) == ("NE-SE", "SE-SW", "SW-NW")


def test_a_name_that_is_nowhere_is_refused() -> None:
    """Neither a selector nor anything in the network."""
    scenario = _scenario('it: {links: "*"}')
    with pytest.raises(UnknownTarget, match="'NW-XX' is no selector, and no link"):
        Selection(scenario, ground(), seed=0).picked(("NW-XX",), (TargetKind.LINKS,))
