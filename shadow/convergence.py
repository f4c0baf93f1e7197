"""What a fault does to packets while the routers converge: probe streams, and what they lost.

One thread sends numbered UDP packets from every watched router, another takes them in where they
arrive; the sockets live in the routers' own namespaces. The outage of a way is the time its lost
packets stand for (RFC 6413, loss-derived, route-specific): each of them the time until the next one
was sent, since a busy host does not send evenly. The resolution is one such interval. The other
meter, the last change in any FIB, is the lab's own.

Probes that were sent well before the fault are the control run: a network that loses packets
without a fault measures its host, not its routing.
"""

import selectors
import socket
import struct
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from foreshadow.clock import Clock
from foreshadow.experiment import Convergence
from foreshadow.topology import NodeId
from shadow.emulation.emulator import Emulator

PROBE_INTERVAL_S = 0.002
_PORT = 47_123
_IN_FLIGHT_S = 0.02
"""Longest time a probe may be under way: one sent this shortly before the fault may meet it."""
_RECEIVE_BUFFER_BYTES = 4 << 20
_PACKET = struct.Struct("!HI")
_NET_ADMIN_RCVBUF = 33  # SO_RCVBUFFORCE: past rmem_max, so that a busy host drops no probe.


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
    """One sentinel's probes: when each was sent (monotonic seconds) and whether it arrived."""

    sentinel: Sentinel
    sent_s: tuple[float, ...]
    arrived: tuple[bool, ...]

    def lost_between(self, start_s: float, end_s: float) -> int:
        """Probes sent in that time that never arrived."""
        return sum(
            start_s <= sent < end_s and not came
            for sent, came in zip(self.sent_s, self.arrived, strict=True)
        )

    def outage_s(self, start_s: float) -> float:
        """Time that the probes stand for which were sent from then on and never arrived."""
        ends = (*self.sent_s[1:], self.sent_s[-1] + self.interval_s()) if self.sent_s else ()
        return sum(
            end - sent
            for sent, end, came in zip(self.sent_s, ends, self.arrived, strict=True)
            if sent >= start_s and not came
        )

    def interval_s(self) -> float:
        """Mean time between two probes as they were really sent."""
        if len(self.sent_s) < 2:
            return 0.0
        return (self.sent_s[-1] - self.sent_s[0]) / (len(self.sent_s) - 1)


def control_loss(trails: Iterable[ProbeTrail], *, since_s: float, injected_s: float) -> int:
    """Probes lost before the fault: anything but 0 voids the measurement."""
    return sum(trail.lost_between(since_s, injected_s - _IN_FLIGHT_S) for trail in trails)


def measure(
    trails: tuple[ProbeTrail, ...], *, injected_s: float, last_fib_change_s: float
) -> Convergence:
    """What the fault cost.

    Args:
        trails: The probes, from before the fault until the network was quiet again.
        injected_s: The moment of the fault, monotonic.
        last_fib_change_s: From the fault to the last change in any FIB.
    """
    start_s, end_s = injected_s - _IN_FLIGHT_S, float("inf")
    lost = [trail.lost_between(start_s, end_s) for trail in trails]
    outages_s = [trail.outage_s(start_s) for trail in trails]
    intervals_s = [trail.interval_s() for trail in trails]
    return Convergence(
        probes_sent=sum(sent >= start_s for trail in trails for sent in trail.sent_s),
        probes_lost=sum(lost),
        outage_ms=1e3 * max(outages_s, default=0.0),
        last_fib_change_ms=1e3 * last_fib_change_s,
        probe_interval_ms=1e3 * max(intervals_s, default=0.0),
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
    ) -> None:
        """Nothing is opened yet.

        Args:
            lab: Where the routers are.
            sentinels: The ways to watch.
            clock: Paces the probes.
            interval_s: Between two probes of one sentinel.
        """
        self._lab, self._sentinels, self._clock = lab, sentinels, clock
        self._interval_s = interval_s
        self._sent_s: list[list[float]] = [[] for _ in sentinels]
        self._arrived: list[set[int]] = [set() for _ in sentinels]
        self._sockets = ExitStack()
        self._halt_sending, self._halt_receiving = threading.Event(), threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()

    def __enter__(self) -> Self:
        try:
            inlets = self._inlets()
            outlets = self._outlets()
        except BaseException:
            self._sockets.close()
            raise
        self._threads = (
            threading.Thread(target=self._send, args=(outlets,), name="probes-out"),
            threading.Thread(target=self._receive, args=(inlets,), name="probes-in"),
        )
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> tuple[ProbeTrail, ...]:
        """End the streams, wait for what is under way, and return what happened."""
        self._halt_sending.set()
        if self._threads:
            self._threads[0].join()
            self._clock.sleep(_IN_FLIGHT_S)
        self._halt_receiving.set()
        for thread in self._threads:
            thread.join()
        self._threads = ()
        self._sockets.close()
        return self.trails()

    def trails(self) -> tuple[ProbeTrail, ...]:
        """What is known now; the newest probes may still be under way."""
        return tuple(
            ProbeTrail(
                sentinel=sentinel,
                sent_s=sent_s,
                arrived=tuple(number in arrived for number in range(len(sent_s))),
            )
            for sentinel, sent_s, arrived in zip(
                self._sentinels, map(tuple, self._sent_s), self._arrived, strict=True
            )
        )

    def _outlets(self) -> Mapping[NodeId, socket.socket]:
        return {src: self._socket_at(src) for src in {each.src for each in self._sentinels}}

    def _inlets(self) -> tuple[socket.socket, ...]:
        for sentinel in self._sentinels:
            for node in sentinel.listeners:
                self._lab.answer_for(node, sentinel.address)
        nodes = {node for sentinel in self._sentinels for node in sentinel.listeners}
        inlets = tuple(self._socket_at(node) for node in sorted(nodes))
        for inlet in inlets:
            inlet.setsockopt(socket.SOL_SOCKET, _NET_ADMIN_RCVBUF, _RECEIVE_BUFFER_BYTES)
            inlet.bind(("0.0.0.0", _PORT))
        return inlets

    def _socket_at(self, node: NodeId) -> socket.socket:
        with self._lab.inside(node):
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        opened.setblocking(False)  # noqa: FBT003 - the socket module's own signature.
        return self._sockets.enter_context(opened)

    def _send(self, outlets: Mapping[NodeId, socket.socket]) -> None:
        ways = [
            (index, outlets[sentinel.src], (str(sentinel.address), _PORT))
            for index, sentinel in enumerate(self._sentinels)
        ]
        due_s = self._clock.monotonic_s()
        while not self._halt_sending.is_set():
            for index, outlet, target in ways:
                sent_s = self._sent_s[index]
                packet = _PACKET.pack(index, len(sent_s))
                sent_s.append(self._clock.monotonic_s())
                try:
                    outlet.sendto(packet, target)
                except OSError:
                    # No route, or a full queue: the probe counts as sent and will not arrive.
                    continue
            now_s = self._clock.monotonic_s()
            # A late sender goes on from now: a burst to catch up would count one moment twice.
            due_s = max(due_s + self._interval_s, now_s)
            self._clock.sleep(due_s - now_s)

    def _receive(self, inlets: tuple[socket.socket, ...]) -> None:
        with selectors.DefaultSelector() as selector:
            for inlet in inlets:
                selector.register(inlet, selectors.EVENT_READ, inlet)
            while True:
                ready = selector.select(timeout=0.01)
                for key, _ in ready:
                    self._take_in(key.data)
                if not ready and self._halt_receiving.is_set():
                    return

    def _take_in(self, inlet: socket.socket) -> None:
        while True:
            try:
                packet = inlet.recv(64)
            except BlockingIOError:
                return
            if len(packet) == _PACKET.size:
                index, number = _PACKET.unpack(packet)
                if index < len(self._arrived):
                    self._arrived[index].add(number)
