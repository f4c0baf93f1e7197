"""Labs that are led from one state to another, on real routers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from console.ownership import Run
from foreshadow.clock import Clock, SystemClock
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.topology import LinkId, NodeId, Topology
from shadow.bench import Bench, Workbench
from shadow.config_difference import difference
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture
from shadow.reconcile import Configure, Rebuild, SetLink
from tests.bench_answers import answer
from tests.eventually import eventually
from tests.square_story import CUT, demand

pytestmark = [pytest.mark.netns, pytest.mark.slow]

SW = NodeId("SW")
OTHER = LinkId("NW-NE")


def _generation(number: int, preference: int, *prefixes: str) -> str:
    name = f"FS-PEERSW-g{number}"
    return (
        "".join(
            f"ip prefix-list {name} seq {5 * place} permit {prefix}\n"
            for place, prefix in enumerate(prefixes, start=1)
        )
        + f"route-map {name} permit 10\n match ip address prefix-list {name}\n"
        f" set local-preference {preference}\nexit\n!\nroute-map {name} permit 65535\nexit\n!\n"
    )


def _attached(config: str, route_map: str, more: str = "") -> str:
    """A configuration with another map at the peer, and further objects."""
    old = "neighbor 10.253.0.3 route-map OPER-PEERSW-IN in"
    assert old in config
    return config.replace(old, f"neighbor 10.253.0.3 route-map {route_map} in") + more


@pytest.fixture(scope="module")
def levelled(session_run: Run) -> Iterator[LevelledLab]:
    """A lab that came up by being levelled; every test levels it to what it needs."""
    levelled = LevelledLab(
        "test",
        lambda spec: NetnsLab(spec, run_id=session_run.run_id, name="level"),
        SystemClock(),
        within_s=60,
    )
    yield levelled
    levelled.discard()


def _printed(levelled: LevelledLab, spec: LabSpec) -> LabSpec:
    """The specification in the words of the running routers, as production's would be."""
    nodes = (
        node if node.is_external else replace(node, config=levelled.lab.running_config(node.id))
        for node in spec.nodes
    )
    return replace(spec, nodes=tuple(nodes))


def test_lab_that_is_level_is_left_alone(levelled: LevelledLab, square_spec: LabSpec) -> None:
    """Also where FRR prints a configuration otherwise than it was written."""
    levelled.discard()
    assert [type(change) for change in levelled.level(square_spec)] == [Rebuild]

    assert levelled.level(square_spec) == ()
    assert levelled.level(_printed(levelled, square_spec)) == ()


def test_configurations_lead_to_each_other_on_a_real_router(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """Generations come, change, flip and go; the router then runs what was wanted, line by line."""
    levelled.level(square_spec)
    plain = levelled.lab.running_config(SW)
    both = ("203.0.113.0/27", "203.0.113.32/27")
    first, second = _generation(1, 200, both[0]), _generation(2, 200, *both)
    way = (
        plain + first,
        _attached(plain, "FS-PEERSW-g1", first),
        _attached(plain, "FS-PEERSW-g1", first + second),
        _attached(plain, "FS-PEERSW-g2", first + second),
        _attached(plain, "FS-PEERSW-g2", second),
        _attached(plain, "FS-PEERSW-g2", _generation(2, 90, both[1])),
        plain.replace("local-preference 100", "local-preference 120").replace(
            "ip ospf cost 15", "ip ospf cost 16"
        ),
        plain.replace(" description PEERSW\n", " description the other exit\n"),
        plain,
    )
    for wanted in way:
        running = levelled.lab.running_config(SW)
        steps = difference(running, wanted)
        assert steps is not None
        assert steps.parts
        for part in steps.parts:
            levelled.lab.apply_config(SW, part)
        left = difference(levelled.lab.running_config(SW), wanted)
        assert left is not None
        assert left.parts == ()
    assert levelled.lab.running_config(SW) == plain


def test_drift_is_found_and_taken_back(levelled: LevelledLab, square_spec: LabSpec) -> None:
    """Level-triggered: what somebody else did to the lab is seen, not remembered."""
    levelled.level(square_spec)
    wanted = _printed(levelled, square_spec)
    levelled.lab.set_link(CUT, is_up=False)
    levelled.lab.apply_config(SW, _generation(7, 300, "203.0.113.0/27"))
    changes = levelled.level(wanted)

    assert [type(change) for change in changes] == [SetLink, Configure]
    assert levelled.links_down() == ()
    assert "FS-PEERSW" not in levelled.lab.running_config(SW)


def test_what_cannot_be_changed_in_flight_is_built_anew(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """A lab is never left between two states."""
    levelled.level(square_spec)
    node = square_spec.node("SW")
    renamed = replace(node, config=node.config.replace("hostname SW", "hostname SouthWest"))
    wanted = replace(
        square_spec,
        nodes=tuple(renamed if it.id == SW else it for it in square_spec.nodes),
        links=tuple(replace(it, is_up=it.id != CUT) for it in square_spec.links),
    )
    changes = levelled.level(wanted)

    assert [type(change) for change in changes] == [Rebuild]
    assert "hostname SouthWest" in levelled.lab.running_config(SW)
    assert levelled.links_down() == (CUT,)


def test_bench_that_an_experiment_left_broken_is_levelled_for_the_next(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """Each experiment gets production as it is, whatever the one before did."""
    levelled.level(square_spec)
    production = _picture_of(levelled, _printed(levelled, square_spec))
    seen: list[Bench] = []

    def careless(experiment: Experiment, bench: Bench, _clock: Clock) -> ExperimentResult:
        assert {link.id for link in bench.lab.spec.links if not link.is_up} == set()
        seen.append(bench)
        bench.lab.set_link(OTHER, is_up=False)
        bench.lab.apply_config(SW, _generation(9, 300, "203.0.113.0/27"))
        return answer(experiment, Verdict.PASSED)

    workbench = Workbench(levelled, careless, SystemClock(), converge_s=60)
    for number in (1, 2):
        asked = Experiment(
            id=f"e{number}",
            purpose=Purpose.DRILL,
            cause="test",
            cut=(),
            demand=demand(),
            load_limit=0.85,
        )
        workbench.conduct(asked, lambda: production, lambda: False)

    assert [bench.fidelity for bench in seen] == [1.0, 1.0]


def test_stale_production_voids_what_the_bench_says(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """Fidelity to something out of date is none."""
    levelled.level(square_spec)
    production = _picture_of(levelled, _printed(levelled, square_spec))
    workbench = Workbench(
        levelled, lambda asked, *_: answer(asked, Verdict.PASSED), SystemClock(), converge_s=0.1
    )
    bench = workbench.levelled(lambda: replace(production, is_stale=True), lambda: True)

    assert bench.fidelity == 0.0


def _picture_of(levelled: LevelledLab, spec: LabSpec) -> Picture:
    """A production that does what the lab does now, once it has come to rest."""
    expected = spec.announced()

    def picture() -> Picture | None:
        ribs = levelled.lab.loc_ribs()
        assert all({path.prefix for path in rib} == expected for rib in ribs.values()), ribs
        empty = Picture(
            topology=Topology(nodes=(), links=()),
            spec=spec,
            adjacencies=levelled.lab.adjacencies(),
            sessions={},
            loc_ribs=ribs,
            vector={},
            is_stale=False,
        )
        states = {it.state for them in empty.adjacencies.values() for it in them}
        return empty if states == {"Full"} else None

    levelled.lab.wait_settled(quiet_s=2, within_s=30)
    found = eventually(picture, within_s=60)
    assert found is not None
    return found
