"""What a drill was about to do and what it did, on disk before the next thing happens.

One folder a drill. `journal.jsonl` begins with the `Opening`; every line after it is an `Entry`.
An intent (`injecting`, `undoing`) is written and synced before the lab is touched, its outcome
after it, so whoever finds the journal after a `kill -9` knows everything that may be in force, and
with each fault's memory how it is taken back. A line that was being written when the process died
has no newline: it is as if it had never been begun, and so is what it announced.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from foreshadow.clock import Clock
from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError
from scenarios.faults.fault import Memory

T = TypeVar("T")

JOURNAL_FILE = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabName:
    """Which lab of this host: everything it is made of is called `<run_id>-<name>-<router>`."""

    run_id: str
    name: str

    def __str__(self) -> str:
        """`fs3fa9c1-drill`."""
        return f"{self.run_id}-{self.name}"


def lab_name(text: str) -> LabName:
    """The lab that a person calls `fs3fa9c1-drill`.

    Raises:
        ConfigError: Not a lab's name.
    """
    run_id, _, name = text.partition("-")
    if not run_id.startswith("fs") or not name:
        raise ConfigError(f"{text!r} names no lab; one is called fs3fa9c1-drill", field="lab")
    return LabName(run_id=run_id, name=name)


class Intent(StrEnum):
    """What an entry says."""

    WATCHING = "watching"
    """Routers are about to answer for addresses: `memory` is (router, address)."""
    INJECTING = "injecting"
    INJECTED = "injected"
    UNDOING = "undoing"
    UNDONE = "undone"
    """Seen to be so, where `says` is empty."""
    CLOSED = "closed"
    """Nothing is in force any more; `says` is the verdict."""
    RECOVERED = "recovered"
    """Somebody else took back what was in force; `says` what they found."""
    GONE = "gone"
    """The lab itself is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Whose journal it is.

    Attributes:
        drill: The drill's id.
        scenario: What it was planned from; "" for a plain experiment.
        lab: Where it breaks things.
        pid: The process that runs it.
        at: When it began.
        plan_sha256: Identity of the plan.
    """

    drill: str
    scenario: str
    lab: LabName
    pid: int
    at: datetime
    plan_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that is about to happen, or has.

    Attributes:
        number: Of the fault, where it is about one.
        fault: As the catalogue writes it; with an intent to inject.
        memory: What undoing it needs.
        says: What is missing, or how it ended; empty where all is well.
    """

    at: datetime
    intent: Intent
    number: int = -1
    fault: str = ""
    memory: Memory = ()
    says: str = ""


class DrillJournal:
    """The journal of one drill, open for writing."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Go on with a journal that is there; `begin` makes a new one."""
        self._clock = clock
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        written = os.pread(self._file, os.fstat(self._file).st_size, 0)
        # What a predecessor was writing when it died must not become the head of a line.
        os.ftruncate(self._file, written.rfind(b"\n") + 1)

    @classmethod
    def begin(cls, folder: Path, opening: Opening, clock: Clock) -> Self:
        """A new journal in a folder, its opening safely on disk."""
        journal = cls(folder / JOURNAL_FILE, clock)
        journal._append(to_json(opening))
        for place in (folder, folder.parent):
            _sync_directory(place)
        return journal

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
        entry = Entry(
            at=self._clock.now(),
            intent=intent,
            number=number,
            fault=fault,
            memory=memory,
            says=says,
        )
        self._append(to_json(entry))

    def close(self) -> None:
        """Stop writing."""
        os.close(self._file)

    def _append(self, line: bytes) -> None:
        os.write(self._file, line + b"\n")
        os.fdatasync(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRecord:
    """What a journal on disk says."""

    folder: Path
    opening: Opening
    entries: tuple[Entry, ...]

    @property
    def is_closed(self) -> bool:
        """Whether nothing of the drill can still be in force."""
        over = (Intent.CLOSED, Intent.RECOVERED, Intent.GONE)
        return any(entry.intent in over for entry in self.entries)

    @property
    def verdict(self) -> str:
        """How it ended; "" where it did not end by itself."""
        closed = [entry.says for entry in self.entries if entry.intent is Intent.CLOSED]
        return closed[-1] if closed else ""

    def watched(self) -> Memory:
        """(router, address) that a router was made to answer for."""
        return tuple(
            pair
            for entry in self.entries
            if entry.intent is Intent.WATCHING
            for pair in entry.memory
        )

    def in_force(self) -> tuple[Entry, ...]:
        """Intents to inject that were not seen undone, in the order they were made."""
        open_: dict[int, Entry] = {}
        for entry in self.entries:
            if entry.intent is Intent.INJECTING:
                open_[entry.number] = entry
            elif entry.intent is Intent.UNDONE and not entry.says:
                open_.pop(entry.number, None)
        return tuple(open_.values())


def read_record(folder: Path) -> DrillRecord | None:
    """The journal of a folder; None where there is none, or not even its opening was finished.

    Raises:
        ConfigError: A line in the middle cannot be read.
    """
    path = folder / JOURNAL_FILE
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    *lines, _torn = text.split(b"\n")
    if not lines:
        return None
    return DrillRecord(
        folder=folder,
        opening=_line(lines[0], Opening, path, 1),
        entries=tuple(
            _line(line, Entry, path, number) for number, line in enumerate(lines[1:], start=2)
        ),
    )


def find_records(*places: Path) -> tuple[DrillRecord, ...]:
    """Every drill below these folders, the oldest first; what is no journal is passed over."""
    found = {}
    for place in places:
        for folder in sorted(place.iterdir()) if place.is_dir() else ():
            record = read_record(folder)
            if record is not None:
                found[folder.resolve()] = record
    return tuple(sorted(found.values(), key=lambda record: record.opening.at))


def _line(text: bytes, wanted: type[T], path: Path, number: int) -> T:
    try:
        return from_json(text, wanted)
    except msgspec.DecodeError as error:
        raise ConfigError(f"not a drill's journal: {error}", path=path, line=number) from error


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
