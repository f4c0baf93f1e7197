"""The journal of a drill, whatever moment its writer dies at."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError
from scenarios.drills.drill_journal import (
    JOURNAL_FILE,
    DrillJournal,
    Intent,
    LabName,
    Opening,
    find_records,
    lab_name,
    read_record,
)
from tests.fakes.clock import FakeClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LAB = LabName(run_id="fs3fa9c1", name="drill")
STORY = (
    (Intent.WATCHING, -1, ""),
    (Intent.INJECTING, 0, ""),
    (Intent.INJECTED, 0, ""),
    (Intent.INJECTING, 1, ""),
    (Intent.INJECTED, 1, "cannot be seen"),
    (Intent.UNDOING, 1, ""),
    (Intent.UNDONE, 1, ""),
    (Intent.UNDOING, 0, ""),
    (Intent.UNDONE, 0, "still there"),
    (Intent.UNDOING, 0, ""),
    (Intent.UNDONE, 0, ""),
    (Intent.CLOSED, -1, "PASSED"),
)


def _opening(drill: str, at: datetime = NOON) -> Opening:
    return Opening(drill=drill, scenario="s", lab=LAB, pid=1, at=at, plan_sha256="")


def _journal(folder: Path, clock: Clock, drill: str = "d-1") -> DrillJournal:
    folder.mkdir(parents=True, exist_ok=True)
    return DrillJournal.begin(folder, _opening(drill, clock.now()), clock)


def _whole(folder: Path) -> bytes:
    journal = _journal(folder, FakeClock(NOON))
    for intent, number, says in STORY:
        fault = f"fault {number}" if intent is Intent.INJECTING else ""
        journal.note(intent, number=number, fault=fault, says=says, memory=(("a", "b"),))
    journal.close()
    return (folder / JOURNAL_FILE).read_bytes()


def test_a_journal_says_what_happened(tmp_path: Path) -> None:
    """What was written is read; a fault that was seen to be gone is not in force."""
    _whole(tmp_path)

    record = read_record(tmp_path)

    assert record is not None
    assert [entry.intent for entry in record.entries] == [intent for intent, _, _ in STORY]
    assert record.is_closed
    assert record.verdict == "PASSED"
    assert record.in_force() == ()
    assert record.watched() == (("a", "b"),)


@given(cut=st.integers(min_value=0))
def test_a_journal_cut_at_any_byte_hides_no_fault(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """Killed in the middle of a line, that line was never begun; all before it counts."""
    folder = tmp_path_factory.mktemp("drill")
    whole = _whole(folder)
    left = whole[: cut % (len(whole) + 1)]
    (folder / JOURNAL_FILE).write_bytes(left)
    lines = left.count(b"\n")

    record = read_record(folder)

    if lines == 0:
        assert record is None
        return
    assert record is not None
    written = STORY[: lines - 1]
    assert len(record.entries) == len(written)
    expected: dict[int, str] = {}
    for intent, number, says in written:
        if intent is Intent.INJECTING:
            expected[number] = f"fault {number}"
        elif intent is Intent.UNDONE and not says:
            expected.pop(number)
    assert {entry.number: entry.fault for entry in record.in_force()} == expected


@given(cut=st.integers(min_value=0))
def test_a_torn_journal_can_be_gone_on_with(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """What a successor writes is a line of its own, not the tail of a torn one."""
    folder = tmp_path_factory.mktemp("drill")
    whole = _whole(folder)
    head = whole.index(b"\n") + 1
    (folder / JOURNAL_FILE).write_bytes(whole[: head + cut % (len(whole) - head)])
    before = read_record(folder)

    journal = DrillJournal(folder / JOURNAL_FILE, FakeClock(NOON))
    journal.note(Intent.RECOVERED, says="all is well")
    journal.close()

    after = read_record(folder)
    assert before is not None
    assert after is not None
    assert after.entries[:-1] == before.entries
    assert after.is_closed


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    """A journal that somebody edited is refused with file and line."""
    lines = _whole(tmp_path).splitlines(keepends=True)
    (tmp_path / JOURNAL_FILE).write_bytes(b"".join([*lines[:3], b"nonsense\n", *lines[3:]]))

    with pytest.raises(ConfigError, match=r"journal\.jsonl:4: not a drill's journal"):
        read_record(tmp_path)


def test_records_are_found_oldest_first(tmp_path: Path, fake_clock: FakeClock) -> None:
    """Every folder with a journal is a drill; other folders are none."""
    _journal(tmp_path / "b", fake_clock, "first").close()
    fake_clock.sleep(5)
    _journal(tmp_path / "a", fake_clock, "second").close()
    (tmp_path / "c").mkdir()

    found = find_records(tmp_path, tmp_path / "absent")

    assert [record.opening.drill for record in found] == ["first", "second"]


@pytest.mark.parametrize("text", ["", "drill", "fs3fa9c1", "fs3fa9c1-", "x-drill"])
def test_what_names_no_lab_is_refused(text: str) -> None:
    """A lab is called by its run and its own name."""
    with pytest.raises(ConfigError, match="names no lab"):
        lab_name(text)


def test_a_lab_is_called_by_run_and_name() -> None:
    """Reading and printing are each other's inverse."""
    assert lab_name(str(LAB)) == LAB
