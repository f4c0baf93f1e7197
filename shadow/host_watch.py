"""Whether the host was fit to measure on: an overloaded one is slow for reasons of its own.

Read from the kernel when a measurement begins and when it ends; nothing runs in between.
"""

from dataclasses import dataclass
from pathlib import Path

import psutil

from foreshadow.clock import Clock
from foreshadow.experiment import Convergence

_PRESSURE = Path("/proc/pressure/cpu")
_BACKLOG = Path("/proc/net/softnet_stat")
_NEIGHBORS = Path("/proc/net/stat")
_NEIGHBORS_REFUSED = "table_fulls"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """What is still fit to measure on.

    Attributes:
        waiting_ratio: Share of the time in which some process waited for a core. That somebody
            waits is no harm yet, so it counts where the probes' sender was late too, who goes
            before others: `noticed_s`.
        stolen_ratio: Share of the cores' time that the hypervisor gave to somebody else.
        late_s: 99th percentile of how late the probes' sender was; beyond it the packet meter is
            off by more than the two meters may differ.
    """

    waiting_ratio: float = 0.9
    noticed_s: float = 0.005
    stolen_ratio: float = 0.1
    late_s: float = 0.020


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """What the host did over a stretch of time.

    Attributes:
        took_s: How long that was.
        waiting_ratio: Share of it in which some process waited for a core, by the kernel's
            pressure information; None where it has none.
        busy_ratio: Share of the cores' time that was used.
        stolen_ratio: Share of it that the hypervisor gave to somebody else.
        dropped_frames: Frames between namespaces that the kernel had no room for.
        refused_neighbors: Times it had no room for one more neighbor in the one table that all
            namespaces share; each cost a packet.
    """

    took_s: float
    waiting_ratio: float | None
    busy_ratio: float
    stolen_ratio: float
    dropped_frames: int
    refused_neighbors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    at_s: float
    waited_s: float | None
    spent_s: float
    idle_s: float
    stolen_s: float
    dropped_frames: int
    refused_neighbors: int


class HostWatch:
    """Watches the host from its making on."""

    def __init__(self, clock: Clock, *, limits: HostLimits | None = None) -> None:
        """Begin to watch.

        Args:
            clock: Time.
            limits: What is still fit.
        """
        self._clock, self._limits = clock, limits or HostLimits()
        self._begun = self._now()

    def load(self) -> HostLoad:
        """What the host has done since the watch began."""
        begun, now = self._begun, self._now()
        spent_s = max(now.spent_s - begun.spent_s, 1e-9)
        took_s = max(now.at_s - begun.at_s, 1e-9)
        waiting = (
            None
            if now.waited_s is None or begun.waited_s is None
            else min(1.0, (now.waited_s - begun.waited_s) / took_s)
        )
        return HostLoad(
            took_s=took_s,
            waiting_ratio=waiting,
            busy_ratio=1 - (now.idle_s - begun.idle_s) / spent_s,
            stolen_ratio=(now.stolen_s - begun.stolen_s) / spent_s,
            dropped_frames=now.dropped_frames - begun.dropped_frames,
            refused_neighbors=now.refused_neighbors - begun.refused_neighbors,
        )

    def overload(self, convergence: Convergence | None = None, *, overflows: int = 0) -> str:
        """Why the host was not fit to measure on since the watch began; "" where it was.

        Args:
            convergence: What was measured, with how late the probes were sent.
            overflows: Probes that arrived and found no room at their socket.
        """
        return judged(self.load(), self._limits, convergence, overflows=overflows)

    def _now(self) -> _Moment:
        times = psutil.cpu_times()
        return _Moment(
            at_s=self._clock.monotonic_s(),
            waited_s=_waited_s(_PRESSURE),
            # Guest time is in user time already.
            spent_s=sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0),
            idle_s=times.idle + getattr(times, "iowait", 0.0),
            stolen_s=getattr(times, "steal", 0.0),
            dropped_frames=_dropped(_BACKLOG),
            refused_neighbors=sum(
                _refused(_NEIGHBORS / table) for table in ("arp_cache", "ndisc_cache")
            ),
        )


def judged(  # noqa: PLR0911 - one a sign
    load: HostLoad,
    limits: HostLimits,
    convergence: Convergence | None = None,
    *,
    overflows: int = 0,
) -> str:
    """Why a host was not fit to measure on; "" where it was."""
    late_s = 0.0 if convergence is None else convergence.late_p99_ms / 1e3
    if load.dropped_frames:
        return f"the kernel had no room for {load.dropped_frames} frames between the routers"
    if load.refused_neighbors:
        return (
            f"the kernel's table of neighbors was full {load.refused_neighbors} times; "
            "run fewer labs at once, or raise net.ipv4.neigh.default.gc_thresh3"
        )
    if overflows:
        return f"{overflows} probes arrived and were dropped before they were read"
    if late_s > limits.late_s:
        return f"one probe in a hundred was sent {1e3 * late_s:.0f} ms late or more"
    if load.stolen_ratio > limits.stolen_ratio:
        return f"the hypervisor took {load.stolen_ratio:.0%} of the cores' time"
    is_noticed = convergence is None or late_s > limits.noticed_s
    if load.waiting_ratio is not None and load.waiting_ratio > limits.waiting_ratio and is_noticed:
        return f"processes waited for a core {load.waiting_ratio:.0%} of the time"
    return ""


def _waited_s(pressure: Path) -> float | None:
    """Time in which some process waited for a core since the host started."""
    try:
        some = pressure.read_text().splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError, IndexError):  # A kernel without pressure information.
        return None


def _dropped(backlog: Path) -> int:
    """Frames dropped since the host started, over all cores (second column, hexadecimal)."""
    try:
        rows = backlog.read_text().splitlines()
        return sum(int(row.split()[1], 16) for row in rows)
    except (OSError, ValueError, IndexError):
        return 0


def _refused(table: Path) -> int:
    """How often a table of neighbors was full since the host started, over all cores."""
    try:
        head, *rows = table.read_text().splitlines()
        column = head.split().index(_NEIGHBORS_REFUSED)
        return sum(int(row.split()[column], 16) for row in rows)
    except (OSError, ValueError, IndexError):
        return 0
