"""Faults go in one way and come out one way, whatever goes wrong on it."""

from dataclasses import dataclass, field

import pytest

from foreshadow.errors import ConfigError, EmulationFailed
from scenarios.drills.breakage import Breakage, Wanted
from scenarios.drills.drill_journal import Intent
from scenarios.drills.drill_story import Step, Story
from scenarios.drills.pace import BrokenOff, Pace, Patience
from scenarios.faults.fault import Memory
from shadow.emulation.design import design
from tests.broken_things import Recorder
from tests.fakes.clock import FakeClock
from tests.fakes.emulator import FakeLab
from tests.square_story import square

PATIENCE = Patience(verify_s=1.0, recover_s=1.0)


@dataclass
class Notes:
    """A journal that is kept in memory, among what the faults were asked to do."""

    log: list[str] = field(default_factory=list)

    def note(
        self,
        intent: Intent,
        *,
        number: int = -1,
        fault: str = "",
        memory: Memory = (),
        says: str = "",
    ) -> None:
        """Write it down."""
        assert (intent is Intent.INJECTING) == bool(fault and memory)
        self.log.append(f"{intent} {number}" + (f" ({says})" if says else ""))


@pytest.fixture
def notes() -> Notes:
    """The journal, and the log of the faults."""
    return Notes()


@pytest.fixture
def story(fake_clock: FakeClock) -> Story:
    """What is told."""
    return Story(fake_clock)


@pytest.fixture
def breakage(fake_clock: FakeClock, notes: Notes, story: Story) -> Breakage:
    """Nothing is broken yet."""
    return Breakage(FakeLab(design(square())[1]), Pace(fake_clock, PATIENCE), notes, story)


def _wanted(number: int, fault: Recorder) -> Wanted:
    return Wanted(number=number, fault=fault, text=fault.name)


def test_every_step_is_announced_before_it_is_made(
    breakage: Breakage, notes: Notes, story: Story
) -> None:
    """Intent, deed, outcome, in this order; faults of one group go in together, out in reverse."""
    a, b = (Recorder(name=name, log=notes.log, unseen=2, stays=2) for name in "ab")

    breakage.inject([_wanted(0, a), _wanted(1, b)])
    in_force = breakage.in_force
    breakage.undo_all()

    assert in_force == (0, 1)
    assert breakage.in_force == ()
    assert breakage.doubts == []
    assert notes.log == [
        *("injecting 0", "injecting 1", "inject a", "inject b", "injected 0", "injected 1"),
        *("undoing 1", "undo b", "undoing 0", "undo a", "undone 1", "undone 0"),
    ]
    assert [event.step for event in story.events] == [
        *(Step.INJECTED, Step.INJECTED, Step.VERIFIED),
        *(Step.UNDOING, Step.UNDOING, Step.UNDONE, Step.UNDONE),
    ]


def test_a_fault_that_does_not_apply_breaks_nothing(breakage: Breakage, notes: Notes) -> None:
    """One misfit in a group, and none of the group is injected or announced."""
    sound = Recorder(name="a", log=notes.log)
    misfit = Recorder(name="b", log=notes.log, misfit=True)

    with pytest.raises(ConfigError, match="b does not apply"):
        breakage.inject([_wanted(0, sound), _wanted(1, misfit)])

    assert notes.log == []
    assert breakage.in_force == ()


def test_a_fault_that_is_never_seen_is_still_undone(breakage: Breakage, notes: Notes) -> None:
    """Not verified is not injected for the drill, and in force for the clean-up."""
    ghost = Recorder(name="a", log=notes.log, unseen=10**6)

    with pytest.raises(EmulationFailed, match="could not be verified: a is not seen"):
        breakage.inject([_wanted(0, ghost)])
    breakage.undo_all()

    assert "undo a" in notes.log
    assert breakage.in_force == ()


def test_a_fault_that_breaks_while_it_is_injected_is_undone(
    breakage: Breakage, notes: Notes
) -> None:
    """Half of it may be there; the one after it was never begun."""
    half = Recorder(name="a", log=notes.log, fails=frozenset({"inject"}))
    never = Recorder(name="b", log=notes.log)

    with pytest.raises(EmulationFailed, match="inject of a failed"):
        breakage.inject([_wanted(0, half), _wanted(1, never)])
    breakage.undo_all()

    assert [line for line in notes.log if line.startswith("undo ")] == ["undo a"]
    assert breakage.in_force == ()


def test_one_undo_that_fails_does_not_keep_the_others(breakage: Breakage, notes: Notes) -> None:
    """The others are undone, and what is left is said, kept in force and tried again."""
    stuck = Recorder(name="b", log=notes.log, fails=frozenset({"undo"}), stays=10**6)
    breakage.inject([_wanted(0, Recorder(name="a", log=notes.log)), _wanted(1, stuck)])

    breakage.undo_all()

    assert list(breakage.in_force) == [1]
    assert breakage.doubts == ["b could not be undone: undo of b failed", "b is still there"]
    assert "undone 1 (b is still there)" in notes.log
    stuck.fails, stuck.stays = frozenset(), 0
    breakage.undo_all()
    assert not breakage.in_force


def test_an_undo_is_finished_whoever_wants_it_to_stop(fake_clock: FakeClock, notes: Notes) -> None:
    """A stop breaks off an injection's verification, never an undo."""
    wants_out = False
    pace = Pace(fake_clock, PATIENCE, is_over=lambda: wants_out)
    lab = FakeLab(design(square())[1])
    breakage = Breakage(lab, pace, notes, Story(fake_clock))
    slow = Recorder(name="a", log=notes.log, unseen=10**6, stays=5)
    wants_out = True

    with pytest.raises(BrokenOff, match="told to stop"):
        breakage.inject([_wanted(0, slow)])
    breakage.undo_all()

    assert breakage.in_force == ()
    assert breakage.doubts == []
