"""The timeline of a drill: order, durations, windows and limits, on a lab that obeys at once."""

from dataclasses import dataclass, replace

import pytest

from foreshadow.demand import DemandKey
from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix
from scenarios.drill_plan import DrillLimits, DrillPlan
from scenarios.drills.breakage import Breakage, NoJournal
from scenarios.drills.conduct import Conductor, Faults, faults_of
from scenarios.drills.drill_story import Step, Story
from scenarios.drills.pace import BrokenOff, Pace, Patience
from scenarios.drills.reading import Reader
from scenarios.faults.ddos import Ddos
from scenarios.faults.fault import NOTHING, Memory
from scenarios.faults.link_down import LinkDown
from shadow.bench import Bench
from shadow.emulation.design import design
from shadow.emulation.emulator import Emulator
from tests.drill_plans import plan, planned
from tests.fakes.clock import FakeClock
from tests.fakes.emulator import FakeLab
from tests.square_story import square

EAST, SOUTH = LinkId("NE-SE"), LinkId("SE-SW")


@dataclass(frozen=True)
class Unplugged:
    """A link is down, by what the port itself says."""

    link: LinkId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} down"

    def remember(self, lab: Emulator) -> Memory:
        """Nothing."""
        lab.spec.link(self.link)
        return NOTHING

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut it."""
        del memory
        return lab.set_link(self.link, is_up=False)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Cut is cut."""
        del memory
        return "it is up" if lab.spec.link(self.link).is_up else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Plug it in."""
        del memory
        return lab.set_link(self.link, is_up=True)

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Up is up."""
        del memory
        return "" if lab.spec.link(self.link).is_up else "it is down"


def _known(drill: DrillPlan) -> Faults:
    """The plan's faults, its cut links by a fault that asks no kernel."""
    found = faults_of(drill)
    links = {it.number: Unplugged(it.links[0]) for it in drill.faults if it.links}
    return Faults(network=links, traffic=found.traffic)


class Stage:
    """A fake lab at rest and everything a drill on it needs."""

    def __init__(self, clock: FakeClock, drill: DrillPlan) -> None:
        topology, spec = design(square())
        self.clock, self.drill = clock, drill
        self.lab = FakeLab(spec)
        self.lab.up(within_s=1)
        self.pace = Pace(clock, Patience())
        self.story = Story(clock)
        self.reader = Reader(Bench(lab=self.lab, topology=topology, fidelity=1.0), self.pace)
        self.breakage = Breakage(self.lab, self.pace, NoJournal(), self.story)
        self.conductor = Conductor(
            drill,
            _known(drill),
            lab=self.lab,
            reader=self.reader,
            breakage=self.breakage,
            pace=self.pace,
            story=self.story,
        )

    def carry_out(self) -> None:
        """The timeline, and the undoing that is its caller's."""
        reference = self.reader.read("before", 0.0, self.drill.demand)
        try:
            self.conductor.carry_out(reference)
        finally:
            self.breakage.undo_all()

    def told(self, *steps: Step) -> list[tuple[float, str]]:
        """When each of these steps was told, to the tenth of a second."""
        return [(round(it.at_s, 1), it.says) for it in self.story.events if it.step in steps]

    def is_whole(self) -> bool:
        """Whether every link is up."""
        return all(link.is_up for link in self.lab.spec.links)


def test_a_fault_lasts_as_long_as_planned(fake_clock: FakeClock) -> None:
    """Undone so long after it was seen; the network under it was read once."""
    stage = Stage(fake_clock, plan(planned(0, LinkDown(link=EAST), 0.0, 5.0)))

    stage.carry_out()

    (window,) = stage.conductor.windows
    ((seen, _),) = stage.told(Step.VERIFIED)
    ((gone, _),) = stage.told(Step.UNDONE)
    assert window.phase is not None
    assert window.faults == (0,)
    assert EAST not in {link.id for link in window.topology.links}
    assert gone - seen == pytest.approx(5.0, abs=0.3)
    assert stage.is_whole()


def test_a_fault_that_lasts_no_time_lasts_until_it_was_read(fake_clock: FakeClock) -> None:
    """A cut experiment's links are down together, read, and undone at once."""
    drill = plan(planned(0, LinkDown(link=EAST)), planned(1, LinkDown(link=LinkId("SW-NW"))))
    stage = Stage(fake_clock, drill)

    stage.carry_out()

    (window,) = stage.conductor.windows
    assert window.faults == (0, 1)
    assert window.phase is not None
    assert stage.is_whole()


def test_faults_that_overlap_have_a_window_each(fake_clock: FakeClock) -> None:
    """One, both, one again: three sets of faults, three readings."""
    drill = plan(
        planned(0, LinkDown(link=EAST), 0.0, 20.0), planned(1, LinkDown(link=SOUTH), 8.0, 5.0)
    )
    stage = Stage(fake_clock, drill)

    stage.carry_out()

    assert [window.faults for window in stage.conductor.windows] == [(0,), (0, 1), (0,)]
    assert all(window.phase is not None for window in stage.conductor.windows)
    assert stage.is_whole()


def test_a_serial_drill_comes_to_rest_between_its_faults(fake_clock: FakeClock) -> None:
    """Nothing is broken anew before the tables are as they were."""
    drill = plan(
        planned(0, LinkDown(link=EAST), 0.0, 3.0), planned(1, LinkDown(link=SOUTH), 10.0, 3.0)
    )
    stage = Stage(fake_clock, drill)

    stage.carry_out()

    names = [phase.name for phase in stage.reader.phases]
    assert names == ["before", "failed-1", "between-1", "failed-2"]
    assert stage.told(Step.VERIFIED)[1][0] >= 10.0


def test_what_was_injected_late_is_undone_late(fake_clock: FakeClock) -> None:
    """The clock starts when the first fault was seen, and each fault has its full time."""
    drill = plan(
        planned(0, LinkDown(link=EAST), 0.0, 4.0), planned(1, LinkDown(link=SOUTH), 2.0, 4.0)
    )
    stage = Stage(fake_clock, drill)

    stage.carry_out()

    seen = [at for at, _ in stage.told(Step.VERIFIED)]
    gone = sorted(at for at, _ in stage.told(Step.UNDONE))
    assert [round(b - a) for a, b in zip(seen, gone, strict=True)] == [4, 4]


def test_a_demand_fault_changes_what_is_offered(fake_clock: FakeClock) -> None:
    """The lab is untouched; while it lasts the loads are those of more traffic."""
    victim = Prefix("10.3.0.0/16")
    flood = Ddos(prefix=victim, sources=(NodeId("NW"), NodeId("NE")), total_bps=4e9)
    stage = Stage(fake_clock, plan(planned(0, flood, 0.0, 2.0)))

    stage.carry_out()

    (window,) = stage.conductor.windows
    offered = dict(zip(window.offered.keys, window.offered.rates_bps, strict=True))
    key = DemandKey(ingress=NodeId("NE"), prefix=victim)
    assert offered[key] == pytest.approx(2e9)
    assert window.phase is not None
    assert window.phase.worst.load_bps > stage.reader.phases[0].worst.load_bps
    assert not stage.breakage.has_begun


def test_a_drill_that_cuts_off_too_much_is_broken_off(fake_clock: FakeClock) -> None:
    """Beyond its limit it goes no further, and everything is undone."""
    links = (EAST, SOUTH)
    drill = plan(
        *(planned(number, LinkDown(link=link), 0.0, 60.0) for number, link in enumerate(links)),
        limits=DrillLimits(demand_ratio=0.01),
    )
    stage = Stage(fake_clock, drill)

    with pytest.raises(BrokenOff, match=r"of the demand is cut off; the drill's limit is 1\.0%"):
        stage.carry_out()

    assert fake_clock.monotonic_s() < 10
    assert stage.is_whole()


def test_a_drill_that_takes_too_long_is_broken_off(fake_clock: FakeClock) -> None:
    """At its longest the wait ends, and everything is undone."""
    stage = Stage(fake_clock, plan(planned(0, LinkDown(link=EAST), 0.0, 600.0)))
    stage.pace.break_off_after(30.0)

    with pytest.raises(BrokenOff, match="longer than its limit"):
        stage.carry_out()

    assert fake_clock.monotonic_s() == pytest.approx(30, abs=1)
    assert stage.is_whole()


def test_a_fault_of_another_version_is_refused_before_anything_is_broken() -> None:
    """A plan is decoded whole before its first fault is injected."""
    strange = replace(planned(1, LinkDown(link=EAST)), fault='{"kind":"meteor.v1"}')

    with pytest.raises(ConfigError, match="fault 1"):
        faults_of(plan(planned(0, LinkDown(link=SOUTH)), strange))


def test_a_window_whose_tables_moved_on_is_read_anew(fake_clock: FakeClock) -> None:
    """A timer runs out long after a silent failure: its answer counts, not the calm before it."""
    stage = Stage(fake_clock, plan(planned(0, LinkDown(link=EAST), 0.0, 20.0)))
    later = LinkId("SW-NW")

    def move_on(duration_s: float) -> None:
        FakeClock.sleep(fake_clock, duration_s)
        if fake_clock.monotonic_s() > 10 and stage.lab.spec.link(later).is_up:
            stage.lab.set_link(later, is_up=False)

    fake_clock.sleep = move_on  # type: ignore[method-assign]
    stage.carry_out()

    (window,) = stage.conductor.windows
    assert window.phase is not None
    assert later not in {link.id for link in window.topology.links}
    assert [phase.name for phase in stage.reader.phases] == ["before", "failed-1"]
