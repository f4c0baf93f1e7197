"""The memory meter: real processes, shared pages counted once, and the dead not at all."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from console.demo.memory import MemoryMeter
from console.processes import ProcessMark
from tests.eventually import eventually

_BALLAST_MIB = 64
_SCRIPT = f"held = b'x' * ({_BALLAST_MIB} << 20); print(flush=True); input()"


@pytest.fixture
def heavy() -> Iterator["subprocess.Popen[str]"]:
    """A process that holds 64 MiB of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def _mark(pid: int) -> ProcessMark:
    mark = ProcessMark.of(pid)
    assert mark is not None
    return mark


def test_the_runs_processes_and_this_one_are_counted(heavy: "subprocess.Popen[str]") -> None:
    """What a child holds is in the sum, beside what we hold ourselves."""
    alone_mb = MemoryMeter(tuple).sample_mb()
    both_mb = MemoryMeter(lambda: [_mark(heavy.pid)]).sample_mb()

    assert alone_mb > 1
    assert both_mb - alone_mb > 0.9 * _BALLAST_MIB


def test_the_peak_is_kept_and_a_dead_process_weighs_nothing(
    heavy: "subprocess.Popen[str]",
) -> None:
    """A process may end between being listed and being weighed."""
    mark = _mark(heavy.pid)
    meter = MemoryMeter(lambda: [mark])
    meter.take()
    peak_mb = meter.peak_mb
    heavy.kill()
    heavy.wait()
    eventually(lambda: not psutil.pid_exists(mark.pid), within_s=10)
    meter.take()

    assert meter.peak_mb == peak_mb
    assert peak_mb - meter.sample_mb() > 0.9 * _BALLAST_MIB


def test_a_meter_stops_with_its_block() -> None:
    """No thread of it is left, and it does not wait for its next sample to go."""
    with MemoryMeter(tuple) as meter:
        meter.take()

    assert meter.peak_mb > 1
    assert not meter._thread.is_alive()
