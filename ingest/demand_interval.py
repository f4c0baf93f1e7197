"""Exported flows become demand: rates per destination prefix, interval by interval.

Intervals are aligned to event time. A flow that spans several gives each its share by time, as if
its rate had been constant. An interval is closed when the exporter's time has passed its end by the
lateness allowed; what comes for it afterwards is counted as late. An interval is never shown in
part: the one in which listening began is dropped, and one in which traffic was exported that nobody
could read yet (its template or its sampler was not known) is withheld. A demand that is too small
is worse than one that is old.

Sampling makes an estimate of the demand. With one packet in N metered, a flow of b octets in p
packets stands for N b octets, with a variance of N (N - 1) b^2 / p where its packets are of one
size, and more where they are not; over c sampled packets of one size the relative standard error is
about sqrt(1 / c).
Source: RFC 5475 section 5; Phaal and Panchen, "Packet sampling basics", 2003.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest

from foreshadow.observed import DemandRate
from foreshadow.topology import NodeId
from ingest.demand_account import DemandAccount, IntervalSummary
from ingest.demand_flow import Aside, Direction, Flow
from ingest.demand_prefixes import PrefixKey, PrefixTable, prefix_of
from ingest.heard import DemandReading

_NS = 1_000_000_000
_SET_BACK_NS = 3_600 * _NS
"""Time that goes back further than this is a clock that was set, not a late datagram."""
_FIRST_GROUP = 0xE0000000
"""224.0.0.0: multicast, and behind it what is reserved, and broadcasts."""
_MOST_OCTETS = 2e14
"""400 Gbit/s for an hour: no single record tells of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandRules:
    """How flows of a device become its demand.

    Attributes:
        interval_s: Length of an interval.
        lateness_s: How long after its end an interval waits for flows; at least the longest time
            the exporter keeps a flow before it tells (its active timeout).
        edges: SNMP indices of the interfaces by which traffic enters the network; None where
            flows are exported at those only.
        prefixes: Where a destination belongs.
        max_prefixes: An interval has no more; the smallest are given to the prefix around them.
    """

    interval_s: float
    lateness_s: float
    prefixes: PrefixTable
    edges: frozenset[int] | None = None
    max_prefixes: int = 20_000


class DeviceDemand:
    """The demand that enters at one device, from the flows of all its exporters."""

    def __init__(self, device: NodeId, rules: DemandRules, *, since_ns: int = 0) -> None:
        """Begin with nothing.

        Args:
            device: Whose flows these are.
            rules: How they become demand.
            since_ns: When listening began; the interval it falls into is not whole, and dropped.
        """
        self.device = device
        self.account = DemandAccount()
        self._rules = rules
        self._length_ns = round(rules.interval_s * _NS)
        self._lateness_ns = round(rules.lateness_s * _NS)
        self._open: dict[int, dict[PrefixKey, _Sum]] = {}
        self._first = -(-since_ns // self._length_ns)
        """The earliest interval still open, by its number since 1970."""
        self._reached_ns = 0
        self._unfit: set[int] = set()
        """Open intervals of which something could not be read."""
        self._closed: deque[DemandReading] = deque()

    def take(self, flow: Flow) -> None:
        """Count one flow."""
        octets = flow.octets * flow.sampled_one_in
        if (reason := flow.aside or self._aside(flow, octets)) is not None:
            self.account.set_aside(reason, octets)
            if reason is Aside.UNKNOWN_SAMPLER:
                self._unfit.update(number for number, _ in self._shares(flow))
            return
        key = self._rules.prefixes.of(flow.destination or 0, flow.mask_bits)
        if key is None:
            self.account.set_aside(Aside.UNLISTED, octets)
            return
        taken = 0.0
        for number, share in self._shares(flow):
            taken += share
            self._add(number, key, flow, share)
        self.account.flows += taken > 0
        self.account.octets += octets * taken
        if taken < 1 - 1e-9:
            self.account.set_aside(Aside.LATE, octets * (1 - taken), flows=int(taken == 0))

    def _add(self, number: int, key: PrefixKey, flow: Flow, share: float) -> None:
        if (sums := self._open.get(number)) is None:
            sums = self._open[number] = {}
        if (found := sums.get(key)) is None:
            found = sums[key] = _Sum()
        found.add(flow, share)
        if len(sums) > 2 * self._rules.max_prefixes:
            self._crowd(sums)

    def reach(self, at_ns: int, *, is_whole: bool = True, awaits: bool = False) -> None:
        """An exporter is heard of at `at_ns`: intervals that ended well before are closed.

        Call it before taking the flows of that export: then no more intervals are ever open than
        fit into the lateness.

        Args:
            at_ns: When the exporter sent.
            is_whole: Whether all it sent then was understood, so that silence means no traffic.
            awaits: Whether flows are in it that cannot be read yet: they may be of any interval
                still open.
        """
        if at_ns + _SET_BACK_NS < self._reached_ns:
            self._open.clear()
            self._unfit.clear()
            self._first, self._reached_ns = at_ns // self._length_ns, at_ns
            self.account.resets += 1
        number = at_ns // self._length_ns
        if is_whole and number >= self._first:
            # An exporter that is heard of and tells of no flows says that there are none.
            self._open.setdefault(number, {})
        self._reached_ns = max(self._reached_ns, at_ns)
        self._close_until(self._reached_ns - self._lateness_ns)
        if awaits:
            self._unfit.update(range(self._first, number + 1))

    def pass_time(self, now_ns: int) -> None:
        """Close what a device that fell silent left open."""
        self._close_until(now_ns - 2 * self._lateness_ns)

    def finish(self) -> None:
        """Close everything: there will be no more."""
        self._close_until((max(self._open, default=0) + 1) * self._length_ns)

    def readings(self) -> Iterator[DemandReading]:
        """The intervals closed since the last call, oldest first; each once."""
        while self._closed:
            yield self._closed.popleft()

    def _aside(self, flow: Flow, octets: float) -> Aside | None:
        edges = self._rules.edges
        if flow.destination is None:
            return Aside.NO_DESTINATION
        if flow.destination >= _FIRST_GROUP:
            return Aside.MULTICAST
        if flow.direction is Direction.EGRESS:
            return Aside.EGRESS
        if edges is not None and flow.ingress not in edges:
            return Aside.NOT_AT_EDGE
        return Aside.IMPLAUSIBLE if octets > _MOST_OCTETS else None

    def _shares(self, flow: Flow) -> Sequence[tuple[int, float]]:
        """The open intervals a flow touches, and which part of it lies in each."""
        length = self._length_ns
        duration, last = flow.end_ns - flow.start_ns, flow.end_ns // length
        if duration <= 0 or flow.start_ns // length == last:
            return ((last, 1.0),) if last >= self._first else ()
        touched = range(max(flow.start_ns // length, self._first), -(-flow.end_ns // length))
        return [
            (number, (min((number + 1) * length, flow.end_ns) - begin) / duration)
            for number in touched
            for begin in [max(number * length, flow.start_ns)]
        ]

    def _close_until(self, until_ns: int) -> None:
        """Close every interval that ends at `until_ns` or earlier."""
        first = until_ns // self._length_ns
        if first <= self._first:
            return
        self._first = first
        for number in sorted(each for each in self._open if each < first):
            start_ns, sums = number * self._length_ns, self._open.pop(number)
            self._crowd(sums)
            if number in self._unfit:
                self.account.withheld += 1
            elif start_ns > 0:  # A clock at 1970 knows no interval.
                self._closed.append(self._reading(start_ns, sums))
        self._unfit = {number for number in self._unfit if number >= first}

    def _reading(self, start_ns: int, sums: dict[PrefixKey, "_Sum"]) -> DemandReading:
        interval_s = self._rules.interval_s
        octets = sum(each.octets for each in sums.values())
        variance = sum(each.variance for each in sums.values())
        self.account.intervals += 1
        self.account.recent.append(
            IntervalSummary(
                device=self.device,
                start_ns=start_ns,
                rate_bps=8 * octets / interval_s,
                prefixes=len(sums),
                packets=round(sum(each.packets for each in sums.values())),
                relative_error=math.sqrt(variance) / octets if octets else 0.0,
            )
        )
        return DemandReading(
            device=self.device,
            start_ns=start_ns,
            interval_s=interval_s,
            rates={
                prefix_of(key): DemandRate(rate_bps=8 * each.octets / interval_s)
                for key, each in sorted(sums.items())
            },
        )

    def _crowd(self, sums: dict[PrefixKey, "_Sum"]) -> None:
        """Leave the largest prefixes; the others count to the listed prefix around them."""
        most = self._rules.max_prefixes
        if len(sums) <= most:
            return
        kept = set(nlargest(most, sums, key=lambda key: (sums[key].octets, key)))
        for key in [key for key in sums if key not in kept]:
            small = sums.pop(key)
            if (parent := self._rules.prefixes.covering(key)) is not None:
                sums.setdefault(parent, _Sum()).join(small)
            else:
                self.account.set_aside(Aside.CROWDED_OUT, small.octets)
                self.account.octets -= small.octets


class _Sum:
    """What went towards one prefix within one interval."""

    __slots__ = ("octets", "packets", "variance")

    def __init__(self) -> None:
        self.octets = self.variance = self.packets = 0.0

    def add(self, flow: Flow, share: float) -> None:
        one_in = flow.sampled_one_in
        octets = flow.octets * share
        self.octets += octets * one_in
        self.packets += flow.packets * share
        if one_in > 1:
            self.variance += one_in * (one_in - 1) * octets * flow.octets / max(flow.packets, 1)

    def join(self, other: "_Sum") -> None:
        self.octets += other.octets
        self.variance += other.variance
        self.packets += other.packets
