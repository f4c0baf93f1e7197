"""The journal: what was written is there after a crash, what was altered is found."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from foreshadow.bus import Publisher
from foreshadow.candidate import Candidate, Governance, LocalPreferenceShift
from foreshadow.codec import from_json
from foreshadow.errors import BrokerUnreachable
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.topics import Topic
from rollout.journal import CallOutcome, DeviceCall, Journal, JournalUnwritable
from tests.fakes.bus import MemoryBus
from tests.unit.rollout.triangle import PREFIX, A, observation, wave_of

AT = datetime(2004, 3, 11, 17, 0, tzinfo=UTC)


def candidate(name: str = "t") -> Candidate:
    """One wave at A."""
    before = observation()
    return Candidate(
        id=name,
        drill="d",
        warning="w",
        made_at=AT,
        expires_at=AT + timedelta(hours=1),
        knob=LocalPreferenceShift(
            device=A,
            neighbor=IPv4Address("10.253.0.3"),
            local_preference=200,
            prefixes=(PREFIX,),
        ),
        under_failure=None,
        demand=before.demand,
        waves=(wave_of(),),
        precondition=((A, "0" * 64),),
        digest_before=before.digest,
        governance=Governance(moved_traffic_cap=0.1),
        scores=(),
        evidence=(("proof", "1" * 64),),
        load_limit=0.85,
    )


def step(seq: int, which: RolloutStep = RolloutStep.PROPOSED, txn: str = "t") -> RolloutEvent:
    """A transition."""
    return RolloutEvent(txn=txn, seq=seq, at=AT, step=which, facts={"waves": 1})


def test_everything_written_is_read_back(tmp_path: Path) -> None:
    """Candidate, production before, calls with their outcome, transitions: equal values."""
    call = DeviceCall(txn="t", wave=1, device=A, verb="arm", at=AT)
    died = replace(call, verb="flip")
    outcome = CallOutcome(call=call, at=AT, took_s=0.1, says="ok")
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.keep_candidate(candidate())
        journal.keep_before("t", observation())
        journal.record(step(1))
        journal.intend(call)
        journal.conclude(outcome)
        journal.intend(died)

    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.transactions() == ("t",)
        assert journal.candidate("t") == candidate()
        assert journal.before("t") == observation()
        assert journal.events("t") == (step(1),)
        assert journal.calls("t") == ((call, outcome), (died, None))


def test_unknown_rollout_has_nothing(tmp_path: Path) -> None:
    """No candidate, no production before it."""
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.before("t") is None
        with pytest.raises(KeyError):
            journal.candidate("t")


def test_outbox_publishes_each_transition_once(tmp_path: Path) -> None:
    """Only transitions go to the topic; a second relay has nothing to do."""
    bus = MemoryBus()
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.keep_candidate(candidate())
        journal.record(step(1))
        journal.record(step(2, RolloutStep.VERIFIED))

        assert journal.relay(bus.publisher()) == 2
        assert journal.relay(bus.publisher()) == 0
    sent = [from_json(record.value, RolloutEvent) for record in bus.read(Topic.ROLLOUT, 0, 10)]
    assert [event.seq for event in sent] == [1, 2]


class DeadBroker:
    """A publisher whose broker is away."""

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        """Queue."""

    def flush(self) -> None:
        """Nobody answers."""
        raise BrokerUnreachable("no answer")


def test_outbox_waits_for_a_broker_that_is_away(tmp_path: Path) -> None:
    """What could not be delivered is delivered later, also by another process."""
    dead: Publisher = DeadBroker()
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record(step(1))
        with pytest.raises(BrokerUnreachable):
            journal.relay(dead)

    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.relay(MemoryBus().publisher()) == 1


@pytest.mark.parametrize("body", ["{}", b"{}"])
def test_altered_entry_is_found_when_the_journal_is_opened(
    tmp_path: Path, body: str | bytes
) -> None:
    """The chain names the entry."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.record(step(1))
        journal.record(step(2, RolloutStep.VERIFIED))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET body = ? WHERE number = 1", (body,))
    connection.close()

    with pytest.raises(JournalUnwritable, match="entry 1 is missing or was altered"):
        Journal(path)


def test_lost_entry_is_found_when_the_journal_is_opened(tmp_path: Path) -> None:
    """A hole in the middle breaks the chain."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.record(step(1))
        journal.record(step(2, RolloutStep.VERIFIED))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM entries WHERE number = 1")
    connection.close()

    with pytest.raises(JournalUnwritable, match="entry 1"):
        Journal(path)


def test_second_controller_is_refused(tmp_path: Path) -> None:
    """One journal, one controller; it is free again when the first has closed it."""
    path = tmp_path / "journal.sqlite"
    with Journal(path), pytest.raises(JournalUnwritable, match="another rollout controller"):
        Journal(path)
    Journal(path).close()


def test_killed_controller_keeps_neither_the_lock_nor_an_entry_back(tmp_path: Path) -> None:
    """SIGKILL right after an append: the entry is on the disk, the lock is free."""
    path = tmp_path / "journal.sqlite"
    script = (
        "import os, pathlib\n"
        "from tests.unit.rollout.test_journal import step\n"
        "from rollout.journal import Journal\n"
        f"Journal(pathlib.Path({str(path)!r})).record(step(1))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], env={**os.environ}, check=False)

    with Journal(path) as journal:
        assert ended.returncode == -9
        assert journal.events("t") == (step(1),)


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A clear error before anything is done to a device."""
    (tmp_path / "file").touch()

    with pytest.raises(JournalUnwritable, match="file"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_full_disk_is_said_and_nothing_is_taken_for_written(tmp_path: Path) -> None:
    """The page limit stands for a full disk: the entry is refused, the chain stays whole."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.record(step(1))
        with journal._engine.connect() as connection:  # the connection all later writes use
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        # What is left of the last page takes a few more.
        with pytest.raises(JournalUnwritable, match="full"):
            _fill(journal)
        written = journal.events("t")

    with Journal(path) as journal:
        assert journal.events("t") == written
        assert len(written) < 100


def _fill(journal: Journal) -> None:
    for seq in range(2, 101):
        journal.record(step(seq))
