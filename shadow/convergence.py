"""What a fault does to packets while the routers converge: probe streams, and what they lost.

Numbered UDP packets leave every watched router and are taken in where they arrive, by one process
with one clock. Two meters, independent of each other, say how long it took:

* packets: the outage of a way is the time its lost probes stand for (RFC 6413, loss-derived,
  route-specific), each of them the time until the next one was sent, since a busy host does not
  send evenly. The resolution is one such interval.
* netlink: the last change in any FIB, and the last one of a route to the pair's destination.

Probes that were sent well before the fault are the control run: a network that loses packets
without a fault measures its host, not its routing.
"""

import math
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

import numpy as np

from foreshadow.clock import Clock
from foreshadow.experiment import Convergence, Latency, PairConvergence
from foreshadow.topology import NodeId
from shadow.emulation.emulator import Emulator, FibChange
from shadow.emulation.traffic import Traffic, Trail, Way
from shadow.host_watch import HostLimits, HostWatch

PROBE_INTERVAL_S = 0.001
_PORT = 47_123
_PATIENCE_S = 0.02
"""What a probe may take beyond the longest seen: one sent this shortly before may meet a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinel:
    """One watched way through the network.

    Attributes:
        src: The router that sends.
        address: The destination, inside the prefix whose traffic is watched.
        listeners: Routers where that prefix may be delivered; each answers for the address.
    """

    src: NodeId
    address: IPv4Address
    listeners: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeTrail:
    """One sentinel's probes, by number.

    Attributes:
        sent_s: When each was sent, monotonic.
        arrived: Whether it arrived.
        latency_s: How long it took by the receiving kernel's stamp; NaN where it did not arrive.
        late_s: How much later than intended it was sent.
    """

    sentinel: Sentinel
    sent_s: tuple[float, ...]
    arrived: tuple[bool, ...]
    latency_s: tuple[float, ...] = ()
    late_s: tuple[float, ...] = ()

    def between(self, from_s: float, to_s: float) -> "ProbeTrail":
        """The probes sent from one moment until another."""
        first, last = np.searchsorted(self.sent_s, (from_s, to_s))
        return ProbeTrail(
            sentinel=self.sentinel,
            sent_s=self.sent_s[first:last],
            arrived=self.arrived[first:last],
            latency_s=self.latency_s[first:last],
            late_s=self.late_s[first:last],
        )

    def lost_between(self, start_s: float, end_s: float) -> int:
        """Probes sent in that time that never arrived."""
        return self.between(start_s, end_s).arrived.count(False)

    def outage_s(self, start_s: float) -> float:
        """Time that the probes stand for which were sent from then on and never arrived."""
        return sum(end - sent for sent, end in self.gaps(start_s))

    def gaps(self, start_s: float) -> list[tuple[float, float]]:
        """Per probe lost from a moment on: when it was sent, and when the next one was."""
        ends = (*self.sent_s[1:], self.sent_s[-1] + self.interval_s()) if self.sent_s else ()
        return [
            (sent, end)
            for sent, end, came in zip(self.sent_s, ends, self.arrived, strict=True)
            if sent >= start_s and not came
        ]

    def interval_s(self) -> float:
        """Mean time between two probes as they were really sent."""
        if len(self.sent_s) < 2:
            return 0.0
        return (self.sent_s[-1] - self.sent_s[0]) / (len(self.sent_s) - 1)

    def latency(self) -> Latency | None:
        """Smallest, median and 95th percentile latency; None where nothing arrived."""
        known_ms = [1e3 * each for each in self.latency_s if not math.isnan(each)]
        if not known_ms:
            return None
        low, middle, high = np.percentile(known_ms, (0, 50, 95)).tolist()
        return Latency(min_ms=low, median_ms=middle, p95_ms=high)

    def under_way_s(self, at_s: float) -> float:
        """How long before a moment a probe may have been sent and still be on its way then."""
        before = self.between(-math.inf, at_s).latency_s
        return _PATIENCE_S + max((each for each in before if each > 0), default=0.0)


def control_loss(trails: Iterable[ProbeTrail], *, since_s: float, injected_s: float) -> int:
    """Probes lost before the fault: anything but 0 voids the measurement."""
    return sum(
        trail.lost_between(since_s, injected_s - trail.under_way_s(injected_s)) for trail in trails
    )


def measure(
    trails: tuple[ProbeTrail, ...],
    *,
    injected_s: float,
    last_fib_change_s: float,
    changes: Iterable[FibChange] = (),
) -> Convergence:
    """What the fault cost.

    Args:
        trails: The probes, from before the fault until the network was quiet again.
        injected_s: The moment of the fault, monotonic.
        last_fib_change_s: From the fault to the last change in any FIB.
        changes: Every FIB change since the fault.
    """
    known = [change for change in changes if change.at_s >= injected_s]
    pairs = tuple(_pair(trail, injected_s, known) for trail in trails)
    late_ms = [1e3 * late for trail in trails for late in trail.late_s]
    return Convergence(
        probes_sent=sum(pair.probes_sent for pair in pairs),
        probes_lost=sum(pair.probes_lost for pair in pairs),
        outage_ms=max((pair.outage_ms for pair in pairs), default=0.0),
        last_fib_change_ms=1e3 * last_fib_change_s,
        probe_interval_ms=1e3 * max((trail.interval_s() for trail in trails), default=0.0),
        pairs=pairs,
        late_p99_ms=float(np.percentile(late_ms, 99)) if late_ms else 0.0,
        late_max_ms=max(late_ms, default=0.0),
    )


def _pair(trail: ProbeTrail, injected_s: float, changes: list[FibChange]) -> PairConvergence:
    start_s = injected_s - trail.under_way_s(injected_s)
    after = trail.between(start_s, math.inf)
    gaps = trail.gaps(start_s)
    address = trail.sentinel.address
    changed_s = max((it.at_s for it in changes if address in it.prefix), default=None)
    over_s = max(injected_s, changed_s or 0.0, gaps[-1][1] if gaps else 0.0)
    return PairConvergence(
        src=trail.sentinel.src,
        address=str(address),
        probes_sent=len(after.sent_s),
        probes_lost=len(gaps),
        outage_ms=1e3 * sum(end - sent for sent, end in gaps),
        first_loss_ms=1e3 * (gaps[0][0] - injected_s) if gaps else None,
        last_loss_ms=1e3 * (gaps[-1][1] - injected_s) if gaps else None,
        last_fib_change_ms=None if changed_s is None else 1e3 * (changed_s - injected_s),
        before=trail.between(-math.inf, start_s).latency(),
        after=trail.between(over_s, math.inf).latency(),
    )


class ProbeStream:
    """Sends and collects probes from entering the block until `stop`."""

    def __init__(
        self,
        lab: Emulator,
        sentinels: tuple[Sentinel, ...],
        clock: Clock,
        *,
        interval_s: float = PROBE_INTERVAL_S,
        limits: HostLimits | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            lab: Where the routers are.
            sentinels: The ways to watch.
            clock: Time.
            interval_s: Between two probes of one sentinel.
            limits: What of the host is still fit to measure on; strict if not given.
        """
        self._lab, self._sentinels, self._clock = lab, sentinels, clock
        self._interval_s = interval_s
        self._sockets = ExitStack()
        self._traffic: Traffic | None = None
        self._host = HostWatch(clock, limits=limits)

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            inlets = self._inlets(opened)
            outlets = {
                src: self._socket_at(src, opened) for src in {each.src for each in self._sentinels}
            }
            ways = [
                Way(
                    outlet=outlets[each.src].fileno(),
                    target=(str(each.address), _PORT),
                    interval_s=self._interval_s,
                )
                for each in self._sentinels
            ]
            self._traffic = opened.enter_context(Traffic(ways, inlets))
            self._sockets = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()

    def stop(self) -> tuple[ProbeTrail, ...]:
        """End the streams, wait for what is under way, and return what happened."""
        if self._traffic is not None:
            now_s = self._clock.monotonic_s()
            drain_s = max((it.under_way_s(now_s) for it in self.trails()), default=0.0)
            self._traffic.stop(drain_s=drain_s)
        self._sockets.close()
        return self._trails()

    def trails(self) -> tuple[ProbeTrail, ...]:
        """What is known now; the newest probes may still be under way.

        Raises:
            EmulationFailed: The process that sends them ended.
        """
        if self._traffic is not None:
            self._traffic.update()
        return self._trails()

    def overload(self, convergence: Convergence | None = None) -> str:
        """Why the host was not fit to measure on since the stream was made; "" where it was.

        Args:
            convergence: What was measured, with how late the probes were sent.
        """
        overflows = 0 if self._traffic is None else self._traffic.overflows
        return self._host.overload(convergence, overflows=overflows)

    def _trails(self) -> tuple[ProbeTrail, ...]:
        known = () if self._traffic is None else self._traffic.trails
        return tuple(map(_trail, self._sentinels, known))

    def _inlets(self, opened: ExitStack) -> tuple[socket.socket, ...]:
        for sentinel in self._sentinels:
            for node in sentinel.listeners:
                opened.callback(self._lab.stop_answering, node, sentinel.address)
                self._lab.answer_for(node, sentinel.address)
        nodes = {node for sentinel in self._sentinels for node in sentinel.listeners}
        inlets = tuple(self._socket_at(node, opened) for node in sorted(nodes))
        for inlet in inlets:
            inlet.bind(("0.0.0.0", _PORT))
        return inlets

    def _socket_at(self, node: NodeId, opened: ExitStack) -> socket.socket:
        with self._lab.inside(node):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        made.settimeout(0)
        return opened.enter_context(made)


def _trail(sentinel: Sentinel, known: Trail) -> ProbeTrail:
    latency_s = np.full(len(known.sent_ns), np.nan)
    there = known.arrived < len(known.sent_ns)  # One may be told before its sending was.
    numbers = known.arrived[there]
    latency_s[numbers] = (known.arrived_ns[there] - known.sent_ns[numbers]) / 1e9
    return ProbeTrail(
        sentinel=sentinel,
        sent_s=tuple((known.sent_ns / 1e9).tolist()),
        arrived=tuple((~np.isnan(latency_s)).tolist()),
        latency_s=tuple(latency_s.tolist()),
        late_s=tuple((known.late_ns / 1e9).tolist()),
    )
