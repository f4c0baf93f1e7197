"""Labs that are led from one state to another, on real routers."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from console.ownership import Run
from foreshadow.clock import Clock, SystemClock
from foreshadow.errors import TransientError
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.network_file import LinkEntry, NetworkFile, RouterEntry
from foreshadow.observed import Stream
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from shadow.bench import Bench, Workbench
from shadow.config_difference import difference
from shadow.emulation.design import design
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab
from shadow.lab_change import AddNode, Configure, Rebuild, RemoveNode, SetLink
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture
from tests.bench_answers import answer
from tests.eventually import eventually
from tests.square_story import CUT, demand

pytestmark = [pytest.mark.netns, pytest.mark.slow]

SW = NodeId("SW")
PEER = NodeId("PEERSW")
OTHER = LinkId("NW-NE")
_HIJACK = "router bgp 65010\n address-family ipv4 unicast\n  network 10.1.128.0/17\n"


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


def _begin(levelled: LevelledLab, spec: LabSpec) -> None:
    """The lab as specified, whatever the test before left on it."""
    if levelled.is_up:
        levelled.audit()
    levelled.level(spec)


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
    _begin(levelled, square_spec)
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
        assert steps.parts
        for part in steps.parts:
            levelled.lab.apply_config(SW, part)
        assert difference(levelled.lab.running_config(SW), wanted).parts == ()
    assert levelled.lab.running_config(SW) == plain


def test_drift_is_found_and_taken_back(levelled: LevelledLab, square_spec: LabSpec) -> None:
    """Level-triggered: what somebody else did to the lab is seen, on our routers and on peers."""
    _begin(levelled, square_spec)
    wanted = _printed(levelled, square_spec)
    levelled.level(wanted)
    assert levelled.audit() == ()
    levelled.lab.set_link(CUT, is_up=False)
    levelled.lab.silence_link(OTHER, is_silent=True)
    levelled.lab.apply_config(SW, _generation(7, 300, "203.0.113.0/27"))
    levelled.lab.apply_config(PEER, _HIJACK)
    assert set(levelled.audit()) == {SW, PEER}
    said = [str(change) for change in levelled.level(wanted)]

    assert said[:2] == [f"{CUT} restored", f"{OTHER} heard again"]
    assert [line.split()[0] for line in said[2:]] == [SW, PEER]
    assert levelled.links_down() == ()
    assert "FS-PEERSW" not in levelled.lab.running_config(SW)
    assert "10.1.128.0/17" not in levelled.lab.running_config(PEER)
    assert levelled.audit() == ()
    assert levelled.level(wanted) == ()


def test_network_grows_and_shrinks_without_restarting_who_stays(
    levelled: LevelledLab, square: NetworkFile, square_spec: LabSpec
) -> None:
    """A router joins on two links, one of them parallel, costs and AS-wide lists change; and back.

    In the end every router reaches what is announced, and the daemons of those that stay are the
    same processes.
    """
    _begin(levelled, square_spec)
    grown = design(_grown(square))[1]
    before = _pids(levelled, square_spec)
    there = levelled.level(grown)
    levelled.lab.wait_settled(quiet_s=1, within_s=30)
    eventually(lambda: not _missing(levelled, grown), within_s=40)

    assert not any(isinstance(change, Rebuild) for change in there)
    assert _pids(levelled, square_spec) == before
    assert {it.id for it in levelled.lab.spec.links} == {it.id for it in grown.links}
    assert levelled.lab.disagreements() == ()
    assert levelled.level(grown) == ()

    back = levelled.level(square_spec)
    eventually(lambda: not _missing(levelled, square_spec), within_s=40)
    assert isinstance(back[-1], RemoveNode)
    assert _pids(levelled, square_spec) == before
    assert levelled.audit() == ()
    assert levelled.level(square_spec) == ()


def test_router_that_cannot_be_changed_in_flight_is_alone_started_anew(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """And plugged in again; the others run on."""
    _begin(levelled, square_spec)
    node = square_spec.node("SW")
    other = replace(node, config=node.config.replace("traditional", "datacenter"))
    assert other != node
    wanted = replace(
        square_spec,
        nodes=tuple(other if it.id == SW else it for it in square_spec.nodes),
        links=tuple(replace(it, is_up=it.id != CUT) for it in square_spec.links),
    )
    rest = replace(wanted, nodes=tuple(it for it in wanted.nodes if it.id != SW))
    before = _pids(levelled, rest)
    changes = levelled.level(wanted)

    assert [type(it) for it in changes[:3]] == [SetLink, RemoveNode, AddNode]
    assert "frr defaults datacenter" in levelled.lab.running_config(SW)
    assert levelled.links_down() == (CUT,)
    assert _pids(levelled, rest) == before
    levelled.level(square_spec)
    eventually(lambda: not _missing(levelled, square_spec), within_s=40)


def test_router_that_died_is_started_anew(levelled: LevelledLab, square_spec: LabSpec) -> None:
    """An audit sees it, the next levelling mends it; one that is only frozen is thawed."""
    _begin(levelled, square_spec)
    levelled.lab.kill_daemons(SW)
    levelled.lab.freeze(NodeId("NE"))
    assert levelled.audit() == (SW,)
    changes = levelled.level(square_spec)

    assert [type(change) for change in changes[:2]] == [RemoveNode, AddNode]
    eventually(lambda: not _missing(levelled, square_spec), within_s=40)
    assert levelled.audit() == ()


def test_name_and_as_number_change_while_it_runs(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """A peer becomes another network; our side is told the new number; nobody is restarted."""
    _begin(levelled, square_spec)
    before = _pids(levelled, square_spec)
    wanted = replace(
        square_spec,
        nodes=tuple(replace(it, config=_renamed(it.config)) for it in square_spec.nodes),
    )
    changes = levelled.level(wanted)

    assert {type(change) for change in changes} == {Configure}
    assert _pids(levelled, square_spec) == before
    assert "hostname S3" in levelled.lab.running_config(NodeId("SE"))
    eventually(lambda: _as_paths(levelled) == {"65011"}, within_s=40)
    levelled.level(square_spec)
    eventually(lambda: _as_paths(levelled) == {"65010"}, within_s=40)


def test_bench_that_an_experiment_left_broken_is_levelled_for_the_next(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """Each experiment gets production as it is, whatever the one before did."""
    _begin(levelled, square_spec)
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
    _begin(levelled, square_spec)
    production = _picture_of(levelled, _printed(levelled, square_spec))
    workbench = Workbench(
        levelled, lambda asked, *_: answer(asked, Verdict.PASSED), SystemClock(), converge_s=0.1
    )
    bench = workbench.levelled(
        lambda: replace(production, stale=frozenset({(SW, Stream.CONFIG)})), lambda: True
    )

    assert bench.fidelity == 0.0


def _grown(square: NetworkFile) -> NetworkFile:
    """The square with one more router in the middle, and other costs."""
    middle = RouterEntry(name="MID", loopback="10.255.0.9", site="10.9.0.0/16")
    links = (
        *(it.model_copy(update={"cost": 20}) for it in square.links[:2]),
        *square.links[2:],
        LinkEntry(a="NW", b="MID", capacity_gbps=1, cost=5),
        LinkEntry(a="MID", b="NW", capacity_gbps=1, cost=5, number=2),
        LinkEntry(a="MID", b="SE", capacity_gbps=1, cost=5),
    )
    return square.model_copy(update={"routers": (*square.routers, middle), "links": links})


def _renamed(config: str) -> str:
    return config.replace("65010", "65011").replace("hostname SE", "hostname S3")


def _pids(levelled: LevelledLab, spec: LabSpec) -> dict[NodeId, tuple[int, ...]]:
    """The daemons' process ids of the routers of a specification."""
    assert isinstance(levelled.lab, NetnsLab)
    return {it.id: levelled.lab._routers[it.id].processes.pids() for it in spec.nodes}


def _missing(levelled: LevelledLab, spec: LabSpec) -> dict[NodeId, set[Prefix]]:
    """Announced prefixes that a router of ours does not forward to."""
    fibs = levelled.lab.fibs()
    announced = spec.announced()
    absent = {
        node: set(announced) - {entry.prefix for entry in fibs[node]} for node in spec.everywhere()
    }
    return {node: prefixes for node, prefixes in absent.items() if prefixes}


def _as_paths(levelled: LevelledLab) -> set[str]:
    return {
        path.as_path for rib in levelled.lab.loc_ribs().values() for path in rib if path.as_path
    }


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
        )
        states = {it.state for them in empty.adjacencies.values() for it in them}
        return empty if states == {"Full"} else None

    levelled.lab.wait_settled(quiet_s=2, within_s=30)
    found = eventually(picture, within_s=60)
    assert found is not None
    return found


def test_routers_come_and_go_while_all_of_them_are_read(
    levelled: LevelledLab, square_spec: LabSpec
) -> None:
    """The mirror is compared by one thread while another levels it."""
    _begin(levelled, square_spec)
    stop, broken = threading.Event(), list[Exception]()

    def read() -> None:
        try:
            while not stop.is_set():
                with suppress(TransientError, ValueError):  # Of the router on its way.
                    levelled.lab.adjacencies()
                    levelled.lab.loc_ribs()
        except Exception as error:  # noqa: BLE001 - told by the test.
            broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(3):
            levelled.lab.kill_daemons(SW)
            assert levelled.audit() == (SW,)
            assert RemoveNode in map(type, levelled.level(square_spec))
    finally:
        stop.set()
        reader.join()

    assert broken == []
