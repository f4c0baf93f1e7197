"""Which daemons of one FRR router answer: one that does not must not silence the others.

A daemon that is stopped in the middle of an answer costs a whole wait once. After that it is only
glanced at, ever less often the longer a glance takes, until it says something again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, DeviceUnreachable
from frr.configuration import Daemon
from frr.vty import RUN_DIR, ReadOnlyRouter, daemon_for
from ingest.frr_reading import RUNNING

GLANCE_S = 0.3
"""How long a daemon that was silent may take for the least of answers."""
_RETRY_S = 0.5
_SHARE = 10
"""Of an agent's time, one part in so many may be spent on a daemon that hangs."""
_LEAST: dict[Daemon, str] = {
    Daemon.BGPD: "show bgp vrfs",
    Daemon.OSPFD: "show ip ospf vrfs",
    Daemon.ISISD: "show isis summary",
    Daemon.BFDD: "show bfd peers counters",
    Daemon.ZEBRA: "show version",
}
"""What is answered at once, however large the tables. staticd has nothing to show."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Silence:
    """A daemon that is not asked for now."""

    retry_s: float


class Daemons:
    """What one router's daemons are up to."""

    def __init__(self, glancing: ReadOnlyRouter, clock: Clock, *, device: str) -> None:
        """Trust every daemon at first.

        Args:
            glancing: The router, asked with little patience.
            clock: Monotonic time.
            device: Its name, for people.
        """
        self._glancing, self._clock, self._device = glancing, clock, device
        self._silent: dict[Daemon, _Silence] = {}
        self._starts: dict[Daemon, object] = {}
        self._there = frozenset(glancing.daemons())

    def knows(self, command: str) -> bool:
        """Whether a daemon that can answer the command was to run there when last looked at."""
        return daemon_for(command) in self._there

    def asked(self, commands: Iterable[str]) -> frozenset[Daemon]:
        """Which of the daemons there have part in the answers to these."""
        wanted = set(commands)
        if RUNNING in wanted:
            return self._there
        return self._there & {daemon_for(it) for it in wanted}

    @property
    def silent(self) -> tuple[Daemon, ...]:
        """Those that are not asked for now."""
        return tuple(self._silent)

    def are_answering(self, daemons: Iterable[Daemon]) -> bool:
        """Whether none of these is known to be silent."""
        return self._silent.keys().isdisjoint(daemons)

    def note_silence(self, suspects: Iterable[Daemon], error: DeviceUnreachable) -> None:
        """One of these did not answer; those that do not at a glance are left alone for a while."""
        for daemon in suspects:
            if daemon not in self._silent and not self._is_there(daemon):
                reason = str(error)[:300]
                log.warning(
                    "daemon_fell_silent", device=self._device, daemon=str(daemon), reason=reason
                )

    def returned(self) -> tuple[Daemon, ...]:
        """Those that answer again; asked only where it is time."""
        now_s = self._clock.monotonic_s()
        due = [it for it, silence in self._silent.items() if silence.retry_s <= now_s]
        back = tuple(daemon for daemon in due if self._is_there(daemon))
        for daemon in back:
            log.info("daemon_answered_again", device=self._device, daemon=str(daemon))
        return back

    def restarted(self) -> Iterator[Daemon]:
        """Those that were started anew since this was last asked; none at the first time.

        A daemon makes its socket's file when it starts.
        """
        self._there = frozenset(self._glancing.daemons())
        for daemon in sorted(self._there):
            try:
                made = (RUN_DIR / self._glancing.pathspace / f"{daemon}.vty").stat()
            except OSError:
                continue
            start = (made.st_dev, made.st_ino, made.st_mtime_ns)
            if self._starts.setdefault(daemon, start) != start:
                self._starts[daemon] = start
                yield daemon

    def _is_there(self, daemon: Daemon) -> bool:
        began_s = self._clock.monotonic_s()
        try:
            self._glancing.show(_LEAST[daemon]) if daemon in _LEAST else None
        except ConfigError:
            pass  # It does not know the command: it is there.
        except DeviceUnreachable:
            now_s = self._clock.monotonic_s()
            pause_s = max(_RETRY_S, _SHARE * (now_s - began_s))
            self._silent[daemon] = _Silence(now_s + pause_s)
            return False
        self._silent.pop(daemon, None)
        return True
