"""How much memory a run takes: every process it started, shared pages counted once."""

import threading
from collections.abc import Callable, Iterable
from typing import Self

import psutil

from console.processes import ProcessMark

_EVERY_S = 4.0


class MemoryMeter:
    """Samples the proportional set size of a run's processes and keeps the peak.

    PSS divides every shared page among its users, so a hundred daemons of the same binary are not
    counted a hundred times (RSS would).
    """

    def __init__(self, processes: Callable[[], Iterable[ProcessMark]]) -> None:
        """Begin with no sample.

        Args:
            processes: The run's processes, looked up anew for every sample.
        """
        self._processes = processes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-meter", daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> Self:
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Take the last sample and stop."""
        self._stop.set()
        self._thread.join()

    def sample_mb(self) -> float:
        """Memory of all processes now, mebibytes; this process included."""
        pids = [psutil.Process().pid, *(mark.pid for mark in self._processes())]
        return sum(_pss_bytes(pid) for pid in pids) / (1 << 20)

    def take(self) -> None:
        """Take a sample now."""
        self.peak_mb = max(self.peak_mb, self.sample_mb())

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.take()


def _pss_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except psutil.Error:
        return 0
