"""The house: real processes started, watched, killed, stopped, and started again."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from console.house import House, ProcessDied, Supervisor, command, tail
from foreshadow.clock import SystemClock
from tests.eventually import eventually
from tests.fakes.clock import FakeClock

WITHIN_S = 20
SCRIPTS = {
    "steady": "import signal; print('up', flush=True); signal.pause()",
    "stubborn": (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True)\nwhile True: signal.pause()"
    ),
    "broken": "import sys; print('no inventory', file=sys.stderr); sys.exit(2)",
    "unset": "import sys; print('foreshadow: s.yaml: no such file', file=sys.stderr); sys.exit(2)",
    "buggy": "import sys; sys.exit(70)",
    "told": "import os; print(os.environ['FORESHADOW_RUN_ID'], flush=True)",
}


def _scripted(name: str) -> Sequence[str]:
    return sys.executable, "-c", SCRIPTS[name]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Of small processes; a grace period passes in no time for those that will not go."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    standing = House(tmp_path / "logs", {"FORESHADOW_RUN_ID": "fs3fa9c1"}, clock, command=_scripted)
    yield standing
    standing.stop()


def _await_log(house: House, name: str, said: str, times: int = 1) -> None:
    log = house.log_dir / f"{name}.log"
    eventually(lambda: tail(log).count(said) >= times, within_s=WITHIN_S)


def test_a_process_of_the_house_is_the_console_itself() -> None:
    """`foreshadow run NAME`, with this interpreter; nothing secret on its command line."""
    assert command("ingest") == (sys.executable, "-m", "console.entry", "run", "ingest")


def test_processes_run_until_they_are_stopped(house: House) -> None:
    """Started once however often asked for; after `stop` none of them is left."""
    house.start("steady")
    first = house.pid("steady")
    house.start("steady")
    _await_log(house, "steady", "up")
    house.check()
    process = psutil.Process(first)
    house.stop()

    assert not process.is_running()
    assert house.dead() == ()
    assert tail(house.log_dir / "steady.log").count("up") == 1


def test_each_is_told_by_its_environment(house: House) -> None:
    """The run's id reaches it, beside this process's own environment."""
    house.start("told")

    _await_log(house, "told", "fs3fa9c1")


def test_one_that_ended_by_itself_is_named_with_the_end_of_its_log(house: House) -> None:
    """The error has its name, its exit status and what it said last."""
    house.start("broken", "steady")
    eventually(lambda: house.dead() == ("broken",), within_s=WITHIN_S)

    with pytest.raises(ProcessDied, match=r"(?s)broken ended with 2; .*no inventory") as caught:
        house.check()
    assert (caught.value.process, caught.value.status) == ("broken", 2)


def test_one_can_be_killed_and_started_again(house: House) -> None:
    """Its successor has another number and writes on in the same log."""
    house.start("steady")
    _await_log(house, "steady", "up")
    before = house.pid("steady")
    house.kill("steady")
    house.check()
    house.start("steady")
    _await_log(house, "steady", "up", times=2)

    assert house.pid("steady") != before


@pytest.mark.slow
def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """SIGTERM is asked first; the grace is not for ever."""
    clock = _Hasty()
    house = House(tmp_path, {}, clock, command=_scripted)
    house.start("stubborn")
    _await_log(house, "stubborn", "up")
    process = psutil.Process(house.pid("stubborn"))
    house.stop()

    assert not process.is_running()


class _Hasty(SystemClock):
    """Ten seconds pass with every look at the clock."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def monotonic_s(self) -> float:
        """Later every time."""
        self._now_s += 10
        return self._now_s


def test_a_supervisor_waits_longer_each_time_and_says_so(house: House) -> None:
    """One second, then two, up to thirty; what runs is left alone."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    supervisor = Supervisor(house, clock)
    house.start("broken", "steady")
    pid = house.pid("steady")
    said: list[str] = []
    for pause_s in (1, 2, 4, 8, 16, 30, 30):
        eventually(lambda: house.dead() == ("broken",), within_s=WITHIN_S)
        said += supervisor.tend()
        assert said[-1] == f"broken ended; starting it again in {pause_s} s"
        clock.sleep(pause_s - 0.1)
        assert supervisor.tend() == ()
        clock.sleep(0.1)
        assert supervisor.tend() == ("broken started again",)

    assert house.pid("steady") == pid


def test_one_that_ran_for_long_is_started_again_soon(house: House) -> None:
    """A process that ends after a minute of work waits one second again, not thirty."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    supervisor = Supervisor(house, clock)
    house.start("broken")
    for ran_s, pause_s in ((0, 1), (0, 2), (59, 4), (60, 1), (0, 2)):
        eventually(lambda: house.dead() == ("broken",), within_s=WITHIN_S)
        clock.sleep(ran_s)
        assert supervisor.tend() == (f"broken ended; starting it again in {pause_s} s",)
        clock.sleep(pause_s)
        assert supervisor.tend() == ("broken started again",)


def test_what_an_operator_can_mend_is_said_with_it(house: House) -> None:
    """Nobody should have to look for the log of a process that cannot start."""
    supervisor = Supervisor(house, FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    house.start("unset")
    eventually(lambda: house.dead() == ("unset",), within_s=WITHIN_S)

    expected = "unset ended (s.yaml: no such file); starting it again in 1 s"
    assert supervisor.tend() == (expected,)


def test_one_that_found_a_bug_of_its_own_stays_down(house: House) -> None:
    """It is said once; nothing starts it again."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    supervisor = Supervisor(house, clock)
    house.start("buggy")
    eventually(lambda: house.dead() == ("buggy",), within_s=WITHIN_S)
    first = supervisor.tend()
    clock.sleep(3600)

    assert first == ("buggy found a bug of its own and stays down; its log says which",)
    assert supervisor.tend() == ()


def test_the_end_of_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """A process may die before it says anything."""
    assert tail(tmp_path / "none.log") == ""
