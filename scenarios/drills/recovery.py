"""After a drill's runner was killed: what may be in force is taken back, and seen to be gone."""

from dataclasses import dataclass
from ipaddress import IPv4Address

import msgspec

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, ForeshadowError
from foreshadow.topology import NodeId
from scenarios.drills.baseline import Baseline, differences, read_baseline, take
from scenarios.drills.breakage import Breakage, Broken, Wanted
from scenarios.drills.drill_journal import JOURNAL_FILE, DrillJournal, DrillRecord, Entry, Intent
from scenarios.drills.drill_story import Listen, Story
from scenarios.drills.notebook import BASELINE_FILE
from scenarios.drills.pace import Pace, Patience
from scenarios.faults.catalogue import TrafficFault, decode
from shadow.emulation.emulator import Emulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What became of a drill that was cut short.

    Attributes:
        drill: Its id.
        lab: Where it ran: `fs3fa9c1-drill`.
        is_lab_gone: The lab is no more, and what was broken in it with it.
        found: Names of the faults that were in force, or may have been.
        left: What is still not as it was before the drill; nothing when all is.
    """

    drill: str
    lab: str
    is_lab_gone: bool = False
    found: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the drill is left."""
        return not self.left

    def __str__(self) -> str:
        """One line for a person."""
        said = f"drill {self.drill} on {self.lab} was cut short"
        if self.is_lab_gone:
            return f"{said}; the lab is gone, and all that was broken in it"
        found = ", ".join(self.found) or "nothing"
        if self.left:
            return f"{said} with {found} in force; not as before: {'; '.join(self.left)}"
        return f"{said} with {found} in force; undone, and the lab is as it was before"


def recover(
    record: DrillRecord,
    lab: Emulator,
    clock: Clock,
    *,
    patience: Patience | None = None,
    listen: Listen | None = None,
) -> Recovery:
    """Undo what a drill left in force in a lab that still runs, and verify it.

    Whoever calls has the lab to themselves (`drill_lock`).

    Args:
        record: The journal of the drill.
        lab: Its lab, adopted.
        clock: Time.
        patience: How long to wait for what.
        listen: Told every step as it happens.

    Raises:
        ConfigError: The journal names a fault that this version does not know.
    """
    broken = [_broken(entry) for entry in record.in_force()]
    journal = DrillJournal(record.folder / JOURNAL_FILE, clock)
    try:
        pace = Pace(clock, patience or Patience())
        breakage = Breakage(lab, pace, journal, Story(clock, listen))
        breakage.adopt(broken)
        breakage.undo_all()
        if breakage.in_force:
            breakage.undo_all()
        for node, address in record.watched():
            lab.stop_answering(NodeId(node), IPv4Address(address))
        left = [] if not breakage.in_force else list(breakage.doubts)
        before = _baseline(record)
        if before is not None:
            left += pace.poll(lambda: _differences(before, lab), within_s=pace.patience.recover_s)
        found = Recovery(
            drill=record.opening.drill,
            lab=str(record.opening.lab),
            found=tuple(each.wanted.fault.name for each in broken),
            left=tuple(left),
        )
        if found.is_whole:
            journal.note(Intent.RECOVERED, says=str(found))
        return found
    finally:
        journal.close()


def lay_to_rest(record: DrillRecord, clock: Clock) -> Recovery:
    """Close the journal of a drill whose lab is no more."""
    found = Recovery(drill=record.opening.drill, lab=str(record.opening.lab), is_lab_gone=True)
    journal = DrillJournal(record.folder / JOURNAL_FILE, clock)
    try:
        journal.note(Intent.GONE, says=str(found))
    finally:
        journal.close()
    return found


def _differences(before: Baseline, lab: Emulator) -> tuple[str, ...]:
    try:
        return differences(before, take(lab))
    except ForeshadowError as error:
        return (f"the lab cannot be read: {error}",)


def _broken(entry: Entry) -> Broken:
    try:
        fault = decode(entry.fault)
    except msgspec.DecodeError as error:
        raise ConfigError(f"a fault of another version: {error}", field="fault") from error
    if isinstance(fault, TrafficFault):
        raise ConfigError(f"{fault.name} breaks nothing in a lab", field="fault")
    return Broken(
        wanted=Wanted(number=entry.number, fault=fault, text=entry.fault), memory=entry.memory
    )


def _baseline(record: DrillRecord) -> Baseline | None:
    """What the lab was before; None where the drill was cut short before it broke anything."""
    try:
        return read_baseline(record.folder / BASELINE_FILE)
    except FileNotFoundError:
        return None
