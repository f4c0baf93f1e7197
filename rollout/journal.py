"""The rollout's memory: durable before it is acted on, append-only, and the source of the topic.

Every device call is written down twice: what is about to be done, and how it ended. The transitions
of the machine are among the entries and are what `fs.rollout.v1` gets (outbox): an entry that is
not marked as published is published again after a crash, so the topic may see one twice but never
misses one; `seq` tells.

SQLite in WAL mode with `synchronous=FULL`: a commit that returned is on the disk. Entries are
chained by SHA-256, so an edited or lost line is found when the journal is opened. One controller at
a time: the kernel's lock on `NAME.lock` beside the file, which a killed process cannot keep.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from foreshadow.bus import Publisher
from foreshadow.candidate import Candidate
from foreshadow.codec import from_json, to_json
from foreshadow.errors import EnvironmentUnfit
from foreshadow.rollout_event import RolloutEvent
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from rollout.observation import Observation

T = TypeVar("T")


class JournalUnwritable(EnvironmentUnfit):
    """The journal cannot be written or is not whole; nothing may be done to a device without it."""


class Kind(StrEnum):
    """What an entry is."""

    CANDIDATE = "candidate"
    """What is to be rolled out, whole."""
    BEFORE = "before"
    """Production before the first wave, which all gates and the way back are measured against."""
    INTENT = "intent"
    OUTCOME = "outcome"
    TRANSITION = "transition"
    """A step of the machine: also goes to the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCall:
    """Something that is about to be done to a device."""

    txn: str
    wave: int
    device: NodeId
    verb: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """How it ended; `error` is empty where it went well."""

    call: DeviceCall
    at: datetime
    took_s: float
    says: str = ""
    error: str = ""


_metadata = MetaData()
_entries = Table(
    "entries",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("txn", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("is_published", Boolean, nullable=False),
)
_GENESIS = "0" * 64


class Journal:
    """The one owner of the journal file; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, take the lock, and check that the chain is whole.

        Raises:
            JournalUnwritable: It cannot be written, another controller has it, or it was altered.
        """
        self._path = path
        self._lock = self._locked()
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _make_durable)
        with self._writing() as connection:
            _metadata.create_all(connection)
        with self._writing() as connection:
            self._number, self._sha256 = self._checked(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of file and lock."""
        self._engine.dispose()
        os.close(self._lock)

    def keep_candidate(self, candidate: Candidate) -> None:
        """Write down what is to be rolled out."""
        self._append(candidate.id, Kind.CANDIDATE, candidate)

    def keep_before(self, txn: str, before: Observation) -> None:
        """Write down what production was."""
        self._append(txn, Kind.BEFORE, before)

    def intend(self, call: DeviceCall) -> None:
        """Write down what is about to be done; only then may it be done."""
        self._append(call.txn, Kind.INTENT, call)

    def conclude(self, outcome: CallOutcome) -> None:
        """Write down how it ended."""
        self._append(outcome.call.txn, Kind.OUTCOME, outcome)

    def record(self, event: RolloutEvent) -> None:
        """Write down a step of the machine."""
        self._append(event.txn, Kind.TRANSITION, event)

    def transactions(self) -> tuple[str, ...]:
        """Every rollout there ever was, in the order they began."""
        with self._writing() as connection:
            rows = connection.execute(
                select(_entries.c.txn)
                .where(_entries.c.kind == Kind.CANDIDATE)
                .order_by(_entries.c.number)
            )
            return tuple(dict.fromkeys(row.txn for row in rows))

    def events(self, txn: str) -> tuple[RolloutEvent, ...]:
        """The machine's steps of one rollout, in order."""
        return tuple(self._read(txn, Kind.TRANSITION, RolloutEvent))

    def candidate(self, txn: str) -> Candidate:
        """What is rolled out.

        Raises:
            KeyError: No such rollout.
        """
        for candidate in self._read(txn, Kind.CANDIDATE, Candidate):
            return candidate
        raise KeyError(txn)

    def before(self, txn: str) -> Observation | None:
        """Production before the rollout; None where it did not get so far."""
        return next(iter(self._read(txn, Kind.BEFORE, Observation)), None)

    def calls(self, txn: str) -> tuple[tuple[DeviceCall, CallOutcome | None], ...]:
        """What was to be done to devices, and how it ended; None: the controller died first."""
        intents = self._read(txn, Kind.INTENT, DeviceCall)
        ended = self._read(txn, Kind.OUTCOME, CallOutcome)
        outcomes = {outcome.call: outcome for outcome in ended}
        return tuple((intent, outcomes.get(intent)) for intent in intents)

    def relay(self, publisher: Publisher) -> int:
        """Publish the steps that the topic has not got; return how many.

        Raises:
            BrokerUnreachable: They stay marked as unpublished.
        """
        with self._writing() as connection:
            waiting = connection.execute(
                select(_entries.c.number, _entries.c.txn, _entries.c.body)
                .where(_entries.c.is_published.is_(False))
                .order_by(_entries.c.number)
            ).all()
        if not waiting:
            return 0
        for row in waiting:
            publisher.publish(Topic.ROLLOUT, row.txn, row.body)
        publisher.flush()
        with self._writing() as connection:
            connection.execute(
                update(_entries)
                .where(_entries.c.number <= waiting[-1].number)
                .values(is_published=True)
            )
        return len(waiting)

    def _append(self, txn: str, kind: Kind, value: Any) -> None:
        body, number = to_json(value), self._number + 1
        sha256 = _chained(self._sha256, number, body, txn=txn, kind=kind)
        with self._writing() as connection:
            connection.execute(
                insert(_entries).values(
                    number=number,
                    txn=txn,
                    kind=kind.value,
                    body=body,
                    sha256=sha256,
                    is_published=kind is not Kind.TRANSITION,
                )
            )
        self._number, self._sha256 = number, sha256

    def _read(self, txn: str, kind: Kind, wanted: type[T]) -> list[T]:
        with self._writing() as connection:
            rows = connection.execute(
                select(_entries.c.body)
                .where(_entries.c.txn == txn, _entries.c.kind == kind.value)
                .order_by(_entries.c.number)
            )
            return [from_json(row.body, wanted) for row in rows]

    def _checked(self, connection: Connection) -> tuple[int, str]:
        number, sha256 = 0, _GENESIS
        for row in connection.execute(select(_entries).order_by(_entries.c.number)):
            number += 1
            is_ours = isinstance(row.body, bytes) and row.number == number
            if is_ours:
                sha256 = _chained(sha256, number, row.body, txn=row.txn, kind=row.kind)
            if not is_ours or row.sha256 != sha256:
                raise JournalUnwritable(
                    f"{self._path}: entry {number} is missing or was altered; keep the file for "
                    "the inquiry, see what the devices run, and start with a new journal"
                )
        return number, sha256

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise JournalUnwritable(
                f"{self._path}: {cause}; no device is touched until the journal can be written"
            ) from error

    def _locked(self) -> int:
        lock = self._path.with_name(self._path.name + ".lock")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalUnwritable(f"{lock}: {error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise JournalUnwritable(
                f"{self._path}: another rollout controller has this journal; stop it first"
            ) from error
        return descriptor


def _make_durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _chained(previous: str, number: int, body: bytes, *, txn: str, kind: str) -> str:
    head = f"{previous} {number} {txn} {kind} ".encode()
    return hashlib.sha256(head + body).hexdigest()
