"""What is read and what is done when a lab is levelled, on a lab without routers."""

from dataclasses import replace

import pytest

from foreshadow.errors import ConfigError, DeviceUnreachable, EmulationFailed
from foreshadow.topology import LinkId, NodeId
from shadow.emulation.design import design
from shadow.emulation.lab import LabLink, LabNode, LabSpec, LinkShape
from shadow.lab_change import AddLink, AddNode, Configure, Rebuild, RemoveNode, SetLink
from shadow.levelled_lab import LevelledLab
from shadow.mirror import picture
from tests.fakes.clock import FakeClock
from tests.fakes.emulator import FakeLab
from tests.production_state import state_of
from tests.square_story import square

SPEC = design(square())[1]
CUT = LinkId("NW-NE")


class WatchedLab(FakeLab):
    """Notes which routers are read, and fails when it is told to."""

    def __init__(self, spec: LabSpec) -> None:
        super().__init__(spec)
        self.read: list[NodeId] = []
        self.failures = 0
        self.refused = ""
        self.slow: list[NodeId] = []
        """Routers that do not answer in time, one entry a question."""

    def running_config(self, node: NodeId) -> str:
        """A router's configuration, noted."""
        self.read.append(node)
        if node in self.slow:
            self.slow.remove(node)
            raise DeviceUnreachable("does not answer", device=node)
        return super().running_config(node)

    def set_link(self, link_id: LinkId, is_up: bool) -> float:  # noqa: FBT001 - see Emulator
        """A link that may not follow."""
        if self.failures:
            self.failures -= 1
            raise EmulationFailed(f"{link_id} did not go down")
        return super().set_link(link_id, is_up)

    def apply_config(self, node: NodeId, text: str) -> None:
        """A line that may be refused."""
        if self.refused and self.refused in text:
            raise ConfigError(f"{node} refused {self.refused!r}")
        super().apply_config(node, text)


@pytest.fixture
def labs() -> list[WatchedLab]:
    """Every lab that was made, the last one is in use."""
    return []


@pytest.fixture
def levelled(labs: list[WatchedLab], fake_clock: FakeClock) -> LevelledLab:
    """A lab that is level with the square, and of which nothing was read since."""

    def make(spec: LabSpec) -> WatchedLab:
        labs.append(WatchedLab(spec))
        return labs[-1]

    levelled = LevelledLab("test", make, fake_clock, within_s=60)
    assert [type(change) for change in levelled.level(SPEC)] == [Rebuild]
    labs[-1].read.clear()
    return levelled


def _with(link: str, **more: object) -> LabSpec:
    def changed(one: LabLink) -> LabLink:
        return replace(one, **more) if one.id == link else one  # type: ignore[arg-type]

    return replace(SPEC, links=tuple(map(changed, SPEC.links)))


def _configured(node: str, before: str, after: str) -> LabSpec:
    config = SPEC.node(node).config
    assert before in config
    other = replace(SPEC.node(node), config=config.replace(before, after))
    return replace(SPEC, nodes=tuple(other if it.id == node else it for it in SPEC.nodes))


def test_link_that_goes_down_is_cut_without_reading_any_router(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """Sixty routers take a tenth of a second to read, which is half of what there is."""
    assert levelled.level(_with(CUT, is_up=False)) == (SetLink(link=CUT, is_up=False),)
    assert levelled.links_down() == (CUT,)
    assert labs[-1].read == []


def test_shape_and_silence_follow_too(levelled: LevelledLab, labs: list[WatchedLab]) -> None:
    """And are taken back."""
    slow = _with(CUT, is_silent=True, shape=LinkShape(rate_bps=1e7, delay_s=0.01))
    levelled.level(slow)
    assert labs[-1].spec.link(CUT) == slow.link(CUT)

    levelled.level(SPEC)
    assert labs[-1].spec.links == SPEC.links
    assert labs[-1].read == []


def test_router_that_was_configured_is_alone_read(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """To see that it took."""
    wanted = _configured("SW", "ip ospf cost 15", "ip ospf cost 16")
    changes = levelled.level(wanted)

    assert [type(change) for change in changes] == [Configure]
    assert labs[-1].read == ["SW"]
    assert levelled.level(wanted) == ()


def test_drift_on_a_router_that_is_configured_is_mended_with_it(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """Found when the router is read back; it is not restarted for it."""
    labs[-1].apply_config(NodeId("SW"), "interface to-SE\n ip ospf cost 99\nexit\n")
    wanted = _configured("SW", "ip ospf cost 15", "ip ospf cost 16")

    assert [type(change) for change in levelled.level(wanted)] == [Configure]
    assert "cost 99" not in labs[-1].running_config(NodeId("SW"))
    assert levelled.audit() == ()


def test_audit_reads_one_router_a_call(levelled: LevelledLab, labs: list[WatchedLab]) -> None:
    """In as many calls as there are routers each has had its turn, and drift is found."""
    nodes = [node.id for node in SPEC.nodes]
    assert all(levelled.audit_next() for _ in nodes)
    assert sorted(labs[-1].read) == sorted(nodes)

    labs[-1].apply_config(NodeId("SW"), "interface to-NW\n ip ospf cost 99\nexit\n")
    assert [levelled.audit_next() for _ in nodes].count(False) == 1
    changes = levelled.level(SPEC)
    assert [str(change) for change in changes] == [
        "SW configured: interface to-NW; ip ospf cost 15"
    ]


def test_one_failure_is_tried_again_a_second_one_builds_anew(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """A host that was slow for a moment does not cost a whole lab."""
    wanted = _with(CUT, is_up=False)
    labs[-1].failures = 1
    with pytest.raises(EmulationFailed, match="the test is not level: NW-NE did not go down"):
        levelled.level(wanted)
    assert [type(change) for change in levelled.level(wanted)] == [SetLink]

    labs[-1].failures = 2
    with pytest.raises(EmulationFailed):
        levelled.level(SPEC)
    assert [type(change) for change in levelled.level(SPEC)] == [Rebuild]
    assert len(labs) == 2


def test_router_that_refuses_a_line_is_started_anew_alone(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """It boots what it would not take, and is plugged in again."""
    labs[-1].refused = "ip ospf cost 16"
    wanted = _configured("SW", "ip ospf cost 15", "ip ospf cost 16")
    changes = levelled.level(wanted)

    assert [type(it) for it in changes[:3]] == [Configure, RemoveNode, AddNode]
    assert {type(it) for it in changes[3:]} == {AddLink}
    assert "refused" in str(changes[1])
    assert len(labs) == 1
    assert {link.id for link in labs[-1].spec.links} == {link.id for link in SPEC.links}
    assert levelled.level(wanted) == ()


def test_router_that_answers_again_is_left_alone(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """On a busy host it was only slow; one that stays silent is started anew."""
    labs[-1].slow = [NodeId("SW")]
    assert levelled.audit() == ("SW",)
    assert levelled.level(SPEC) == ()

    labs[-1].slow = [NodeId("SW")] * 2
    assert levelled.audit() == ("SW",)
    assert [type(it) for it in levelled.level(SPEC)[:2]] == [RemoveNode, AddNode]


def test_router_too_slow_to_be_read_after_its_start_is_read_by_the_next_call(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """It runs, so nothing but that is left to do."""
    labs[-1].refused, labs[-1].slow = "ip ospf cost 16", [NodeId("SW")]
    wanted = _configured("SW", "ip ospf cost 15", "ip ospf cost 16")
    with pytest.raises(EmulationFailed, match="the test is not level: SW: does not answer"):
        levelled.level(wanted)

    assert {type(it) for it in levelled.level(wanted)} == {AddLink}
    assert levelled.level(wanted) == ()
    assert len(labs) == 1


def test_configuration_no_daemon_takes_costs_neither_router_nor_lab(
    levelled: LevelledLab, labs: list[WatchedLab]
) -> None:
    """The router stays as it is, and the others follow."""
    strange = _configured("SW", "hostname SW\n", "hostname SW\nsnmp-server community x\n")
    cut = replace(strange, links=_with(CUT, is_up=False).links)
    for _ in range(2):
        levelled.level(cut)

    assert levelled.links_down() == (CUT,)
    assert labs[-1].spec.node("SW") == SPEC.node("SW")
    assert len(labs) == 1


def test_lab_that_cannot_be_built_anew_stays(levelled: LevelledLab, labs: list[WatchedLab]) -> None:
    """What a router that comes is refused for is found before the others are taken down."""
    new = LabNode(id=NodeId("NEW"), config="hostname NEW\nsnmp-server community x\n")
    grown = replace(SPEC, nodes=(*SPEC.nodes, new))
    labs[-1].failures = 2
    grown = replace(grown, links=_with(CUT, is_up=False).links)
    with pytest.raises(EmulationFailed):
        levelled.level(grown)
    with pytest.raises(ConfigError, match="snmp-server"):
        levelled.level(grown)

    assert levelled.is_up
    assert len(labs) == 1


def test_lab_that_is_not_there_has_no_fidelity(fake_clock: FakeClock) -> None:
    """Asked from another thread, a lab may just be gone."""
    levelled = LevelledLab("test", WatchedLab, fake_clock, within_s=60)

    with pytest.raises(EmulationFailed, match="the test is not up"):
        levelled.fidelity(picture(state_of(square())))


def test_lab_that_runs_is_taken_over_as_it_is(fake_clock: FakeClock) -> None:
    """Nothing is built, and what it lacks is done."""
    running = WatchedLab(_with(CUT, is_up=False))
    running.up(within_s=60)
    levelled = LevelledLab("test", WatchedLab, fake_clock, within_s=60)
    levelled.adopt(running)

    assert levelled.level(SPEC) == (SetLink(link=CUT, is_up=True),)
    assert levelled.lab is running


def test_router_that_does_not_answer_when_its_lab_is_taken_over_is_started_anew(
    fake_clock: FakeClock,
) -> None:
    """A lab with one dead router can be planned and mended."""
    running = WatchedLab(SPEC)
    running.up(within_s=60)
    running.slow = [NodeId("SW")] * 2
    levelled = LevelledLab("test", WatchedLab, fake_clock, within_s=60)
    levelled.adopt(running)

    assert [type(it) for it in levelled.planned(SPEC)[:2]] == [RemoveNode, AddNode]
    changes = levelled.level(SPEC)
    assert [type(it) for it in changes[:2]] == [RemoveNode, AddNode]
    assert "does not answer" in str(changes[0])
    assert levelled.level(SPEC) == ()
