"""What of a lab is broken now, and the one way in which it gets broken and mended.

Every fault goes the same way: remembered, announced in the journal, injected, seen in the lab,
written down; and back: announced, undone, seen to be gone, written down. A fault counts as in force
from before it is injected until it was seen to be gone, so nothing that goes wrong on the way hides
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from foreshadow.errors import EmulationFailed, ForeshadowError
from scenarios.drills.drill_journal import Intent
from scenarios.drills.drill_story import Step, Story
from scenarios.drills.pace import Pace
from scenarios.faults.fault import Fault, Memory
from shadow.emulation.emulator import Emulator

log = structlog.get_logger(__name__)


class Journal(Protocol):
    """Where intents and outcomes are written before the next thing happens."""

    def note(
        self,
        intent: Intent,
        *,
        number: int = -1,
        fault: str = "",
        memory: Memory = (),
        says: str = "",
    ) -> None:
        """Write one entry; back when it would survive a crash."""
        ...


class NoJournal:
    """For a lab that does not outlive its runner: it is removed, not recovered."""

    def note(
        self,
        intent: Intent,
        *,
        number: int = -1,
        fault: str = "",
        memory: Memory = (),
        says: str = "",
    ) -> None:
        """Write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A fault that is to be injected.

    Attributes:
        number: Names it in story and journal.
        fault: What to do.
        text: The fault as the catalogue writes it, for the journal.
    """

    number: int
    fault: Fault
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A fault that is in force, or may be."""

    wanted: Wanted
    memory: Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """When a group of faults came into force, by the monotonic clock."""

    injected_s: float
    verified_s: float


class Breakage:
    """The faults in force in one lab during one drill."""

    def __init__(self, lab: Emulator, pace: Pace, journal: Journal, story: Story) -> None:
        self._lab, self._pace, self._journal, self._story = lab, pace, journal, story
        self._in_force: dict[int, Broken] = {}
        self.doubts: list[str] = []
        """What could not be undone, or not be seen to be."""
        self.has_begun = False
        """Whether anything was ever done to the lab."""

    @property
    def in_force(self) -> tuple[int, ...]:
        """Numbers of the faults that are, or may be, in force; in the order of their injection."""
        return tuple(self._in_force)

    def adopt(self, broken: Sequence[Broken]) -> None:
        """Take over what somebody else injected, or may have; in the order of its injection."""
        self._in_force.update((each.wanted.number, each) for each in broken)

    def inject(self, group: Sequence[Wanted]) -> Injection:
        """Make faults happen together and see them in the lab.

        Raises:
            ConfigError: One does not apply to this lab; none of them was injected.
            EmulationFailed: The lab refused one, or one cannot be seen; undo what is in force.
        """
        remembered = [
            Broken(wanted=wanted, memory=wanted.fault.remember(self._lab)) for wanted in group
        ]
        for broken in remembered:
            self._journal.note(
                Intent.INJECTING,
                number=broken.wanted.number,
                fault=broken.wanted.text,
                memory=broken.memory,
            )
        moments: list[float] = []
        for broken in remembered:
            self.has_begun = True
            self._in_force[broken.wanted.number] = broken
            moments.append(broken.wanted.fault.inject(self._lab, broken.memory))
            self._story.tell(Step.INJECTED, broken.wanted.fault.name, at_s=moments[-1])
        unseen = self._pace.poll(
            lambda: [
                says
                for broken in remembered
                if (says := broken.wanted.fault.verify(self._lab, broken.memory))
            ],
            within_s=self._pace.patience.verify_s,
        )
        verified_s = self._pace.now_s()
        for broken in remembered:
            self._journal.note(Intent.INJECTED, number=broken.wanted.number, says="; ".join(unseen))
        if unseen:
            raise EmulationFailed(f"the fault could not be verified: {'; '.join(unseen)}")
        names = ", ".join(broken.wanted.fault.name for broken in remembered)
        self._story.tell(Step.VERIFIED, names, at_s=verified_s)
        return Injection(injected_s=min(moments), verified_s=verified_s)

    def undo(self, numbers: Sequence[int]) -> float:
        """Take faults back, the latest first, and see them gone; whatever one of them does.

        What goes wrong is a doubt, not an error: the other faults are still to be undone.

        Returns:
            The moment of the last undoing, monotonic.
        """
        with self._pace.undisturbed():
            order = [number for number in reversed(self._in_force) if number in numbers]
            moment_s = self._pace.now_s()
            for number in order:
                moment_s = max(moment_s, self._take_back(self._in_force[number]))
            for number in order:
                self._see_gone(self._in_force[number])
        return moment_s

    def undo_all(self) -> float:
        """Take back everything that is in force, the latest first."""
        return self.undo(self.in_force)

    def _take_back(self, broken: Broken) -> float:
        wanted = broken.wanted
        self._journal.note(Intent.UNDOING, number=wanted.number)
        try:
            moment_s = wanted.fault.undo(self._lab, broken.memory)
        except ForeshadowError as error:
            self.doubts.append(f"{wanted.fault.name} could not be undone: {error}")
        except Exception as error:
            log.exception("undo_broke", fault=wanted.fault.name)
            self.doubts.append(f"{wanted.fault.name}: undoing it broke: {error!r}")
        else:
            self._story.tell(Step.UNDOING, wanted.fault.name, at_s=moment_s)
            return moment_s
        return self._pace.now_s()

    def _see_gone(self, broken: Broken) -> None:
        wanted = broken.wanted
        try:
            left = self._pace.poll(
                lambda: _one(wanted.fault.verify_undone(self._lab, broken.memory)),
                within_s=self._pace.patience.recover_s,
            )
        except ForeshadowError as error:
            left = (f"{wanted.fault.name}: cannot be seen to be gone: {error}",)
        self.doubts += left
        self._journal.note(Intent.UNDONE, number=wanted.number, says="; ".join(left))
        if not left:
            del self._in_force[wanted.number]
            self._story.tell(Step.UNDONE, wanted.fault.name)


def _one(says: str) -> tuple[str, ...]:
    return (says,) if says else ()
