"""Traffic offered to a lab, flow by flow, and what of it arrived.

Each demand of the matrix becomes many UDP flows of one rate, so that routers that share load by
hashing split it as they split real traffic. The packets enter the ingress router through a device
of their own, as from a customer's line: a generator that sent from the router's own sockets would
be slowed down by that router's shaped links and report no loss. Loss and throughput are judged
against the rate that was intended.

Rates are divided by a scale: utilisation and shares stay what they are.
"""

import os
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

import numpy as np
from pyroute2 import IPRoute

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.experiment import Latency
from foreshadow.topology import DirectedLink, NodeId, Prefix, Topology
from shadow.emulation.emulator import Emulator
from shadow.emulation.traffic import Traffic, Trail, Way
from shadow.emulation.tun import Layer, open_device

FRAME_BYTES = 1_000
"""Of every packet on a cable, its Ethernet header included."""
MOST_PACKETS_PER_S = 8_000
"""What one process sends beside routers that need the cores too."""

_PORT = 47_124
_FIRST_SOURCE_PORT, _SOURCE_PORTS = 32_768, 16_384
"""Flows per demand: with so many, an even split is even within 1 %."""
_DEVICE = "customers"
_SOURCES = int(IPv4Address("198.18.0.0"))
"""Addresses for tests of network devices (RFC 2544): nobody answers to them."""
_ETHERNET_BYTES, _IP_BYTES, _UDP_BYTES = 14, 20, 8
_IP = struct.Struct("!BBHHHBBHII")
_UDP = struct.Struct("!HHHH")
_TTL, _UDP_PROTOCOL, _DONT_FRAGMENT = 64, 17, 0x4000

Listeners = Callable[[DemandKey], tuple[NodeId, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one demand.

    Attributes:
        intended_bps: The demand, as it was asked for.
        offered_bps: What was really sent, scaled up again: less means that the host was too slow.
        carried_bps: What arrived, scaled up again.
        sent: Packets.
        arrived: Packets.
        latency: Of those that arrived; None where none did.
    """

    key: DemandKey
    intended_bps: float
    offered_bps: float
    carried_bps: float
    sent: int
    arrived: int
    latency: Latency | None

    @property
    def loss_ratio(self) -> float:
        """Share of the intended traffic that did not arrive."""
        if self.intended_bps <= 0:
            return 0.0
        return max(0.0, 1.0 - self.carried_bps / self.intended_bps)


def scale_for(demand: DemandMatrix, *, packets_per_s: float = MOST_PACKETS_PER_S) -> float:
    """By what to divide a demand so that its packets are so many a second; at least 1."""
    return max(1.0, demand.total_bps / (8 * FRAME_BYTES * packets_per_s))


class OfferedLoad:
    """A demand matrix as packets, from entering the block until `stop`."""

    def __init__(
        self,
        lab: Emulator,
        demand: DemandMatrix,
        listeners: Listeners,
        *,
        scale: float | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            lab: Where the routers are.
            demand: What to offer.
            listeners: Routers at which a demand may arrive; each answers for the first address of
                its prefix.
            scale: Rates are divided by it; by default so that the host keeps up.
        """
        self._lab, self._listeners = lab, listeners
        offered = zip(demand.keys, demand.rates_bps, strict=True)
        self._demands = tuple((key, rate) for key, rate in offered if rate > 0)
        self.scale = scale_for(demand) if scale is None else scale
        self._opened = ExitStack()
        self._traffic: Traffic | None = None

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            inlets = self._inlets(opened)
            ingresses = sorted({key.ingress for key, _ in self._demands})
            devices = {node: self._device_at(node, opened) for node in ingresses}
            ways = [
                Way(
                    outlet=devices[key.ingress],
                    target=None,
                    head=headers(IPv4Address(_SOURCES + 1 + place), _first(key.prefix)),
                    length=FRAME_BYTES - _ETHERNET_BYTES,
                    interval_s=8 * FRAME_BYTES * self.scale / rate_bps,
                    first_port=_FIRST_SOURCE_PORT,
                    ports=_SOURCE_PORTS,
                    catches_up=True,
                )
                for place, (key, rate_bps) in enumerate(self._demands)
            ]
            self._traffic = opened.enter_context(Traffic(ways, inlets))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def stop(self, *, drain_s: float = 0.3) -> tuple[Delivery, ...]:
        """Offer no more, wait for what is under way, and say what became of each demand.

        Raises:
            EmulationFailed: The process that sends ended.
        """
        trails = () if self._traffic is None else self._traffic.stop(drain_s=drain_s)
        self._opened.close()
        demands = zip(self._demands, trails, strict=True)
        return tuple(self._delivery(key, rate_bps, trail) for (key, rate_bps), trail in demands)

    def _delivery(self, key: DemandKey, rate_bps: float, trail: Trail) -> Delivery:
        sent, arrived = len(trail.sent_ns), len(trail.arrived)
        interval_s = 8 * FRAME_BYTES * self.scale / rate_bps
        intended_s = sent * interval_s
        lasted_s = (trail.sent_ns[-1] - trail.sent_ns[0]) / 1e9 + interval_s if sent else 0.0
        return Delivery(
            key=key,
            intended_bps=rate_bps,
            offered_bps=rate_bps * intended_s / lasted_s if sent else 0.0,
            carried_bps=rate_bps * arrived * interval_s / lasted_s if sent else 0.0,
            sent=sent,
            arrived=arrived,
            latency=_latency(trail),
        )

    def _inlets(self, opened: ExitStack) -> tuple[socket.socket, ...]:
        nodes: set[NodeId] = set()
        for key, _ in self._demands:
            for node in self._listeners(key):
                opened.callback(self._lab.stop_answering, node, _first(key.prefix))
                self._lab.answer_for(node, _first(key.prefix))
                nodes.add(node)
        inlets = []
        for node in sorted(nodes):
            with self._lab.inside(node):
                made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            opened.enter_context(made).bind(("0.0.0.0", _PORT))
            inlets.append(made)
        return tuple(inlets)

    def _device_at(self, node: NodeId, opened: ExitStack) -> int:
        with self._lab.inside(node):
            device = open_device(_DEVICE, Layer.PACKETS)
            opened.callback(os.close, device)
            with IPRoute() as netlink:
                index = netlink.link_lookup(ifname=_DEVICE)[0]
                netlink.link("set", index=index, state="up")
        return device


@dataclass(frozen=True, slots=True)
class LinkCount:
    """Bytes that left by each direction of each link, at one moment."""

    sent_bytes: Mapping[DirectedLink, int]

    def since(self, earlier: "LinkCount") -> Mapping[DirectedLink, int]:
        """Bytes in between."""
        return {link: count - earlier.sent_bytes[link] for link, count in self.sent_bytes.items()}


def link_count(lab: Emulator, topology: Topology) -> LinkCount:
    """The interface counters of a lab as what each direction of its internal links has carried."""
    internal = {node.id for node in topology.nodes if not node.is_external}
    read = {node: lab.counters(node) for node in internal}
    return LinkCount(
        {
            direction: read[node][interface].tx_bytes
            for (node, interface), direction in topology.egress().items()
            if node in internal and direction.dst in internal
        }
    )


def _first(prefix: Prefix) -> IPv4Address:
    """The address a prefix is watched by."""
    return prefix[min(1, prefix.num_addresses - 1)]


def _latency(trail: Trail) -> Latency | None:
    there = trail.arrived < len(trail.sent_ns)  # One may be told before its sending was.
    if not there.any():
        return None
    taken_ms = (trail.arrived_ns[there] - trail.sent_ns[trail.arrived[there]]) / 1e6
    low, middle, high = np.percentile(taken_ms, (0, 50, 95)).tolist()
    return Latency(min_ms=low, median_ms=middle, p95_ms=high)


def headers(source: IPv4Address, destination: IPv4Address) -> bytes:
    """IP and UDP header of a packet; without UDP checksum, which IPv4 allows."""
    length = FRAME_BYTES - _ETHERNET_BYTES
    fields = (_TTL, _UDP_PROTOCOL)
    plain = _IP.pack(0x45, 0, length, 0, _DONT_FRAGMENT, *fields, 0, int(source), int(destination))
    total = sum(struct.unpack("!10H", plain))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head = _IP.pack(
        0x45, 0, length, 0, _DONT_FRAGMENT, *fields, ~total & 0xFFFF, int(source), int(destination)
    )
    return head + _UDP.pack(_FIRST_SOURCE_PORT, _PORT, length - _IP_BYTES, 0)
