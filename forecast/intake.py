"""From the topics to intervals in time order, and to the routing they run over.

An interval is the demand the routers' flow export makes up together, with what links carried by
their counters. Where nobody exports flows, counters alone make the intervals.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from forecast.measured import Interval, Meter
from foreshadow.bus import Record
from foreshadow.clock import from_ns
from foreshadow.delta import Effect, Op
from foreshadow.demand import DemandAssembler, DemandKey, DemandMatrix
from foreshadow.follower import Followed, Follower
from foreshadow.observed import Stream
from foreshadow.present import ROUTING_STREAMS, Present, present
from foreshadow.rates import RateFrame
from foreshadow.topology import DirectedLink, NodeId

_INTERVALS_KEPT = 300
"""Counted intervals that wait for their demand; a day of five minutes."""
_WAITING_KEPT = 4032
"""Intervals that wait until every router's tables are known; two weeks of five minutes."""

Loads = Mapping[DirectedLink, float]
"""Bits per second per direction, as far as it was counted."""


_REMEMBERED = (
    *("_assembler", "_early", "_is_routing_old", "_present", "_waiting"),
    *("_unheard", "_meter", "_counted", "_has_demand", "_alone_until"),
)
"""Everything but the follower, which has a form of its own."""


class Intake:
    """Follows the state, and puts the routers' demand readings together."""

    def __init__(
        self,
        follower: Follower,
        routers: Iterable[NodeId] = (),
        *,
        step: timedelta = timedelta(minutes=5),
    ) -> None:
        """Begin with nothing read.

        Args:
            follower: Keeps the state.
            step: Length of an interval.
            routers: Whose readings make an interval whole; empty means those that have sent a
                configuration when `settle` is called.
        """
        self._follower = follower
        self._assembler: DemandAssembler | None = None
        self._early: list[tuple[NodeId, int, tuple[tuple[DemandKey, float], ...]]] = []
        self._is_routing_old = True
        self._present: Present | None = None
        self._waiting: list[DemandMatrix] = []
        self._meter = Meter(step)
        self._counted: dict[datetime, Interval] = {}
        self._has_demand = False
        self._alone_until: datetime | None = None
        self._unheard: set[tuple[NodeId, Stream]] | None = None
        if known := tuple(routers):
            self._expect(known)

    def take(self, record: Record) -> tuple[DemandMatrix, ...]:
        """Apply one record of the state topic; the intervals it completes, oldest first.

        None come out before the routing of every router is known: what is watched is chosen by
        where traffic goes, and half a network shows that wrongly.
        """
        followed = self._follower.take(record)
        if followed is None or followed.effect is not Effect.APPLIED:
            return ()
        delta = followed.delta
        if delta.stream in ROUTING_STREAMS and delta.op is not Op.HEARTBEAT:
            self._is_routing_old = True
        if delta.stream is Stream.DEMAND:
            self._waiting.extend(self._demand(followed))
        return self._released()

    def settle(self) -> tuple[DemandMatrix, ...]:
        """Take it that all there is was read; the intervals that are whole by that.

        Every router has been heard of then, and one that is far behind the others is silent.
        """
        if self._assembler is None:
            if not (known := self._follower.state.devices()):
                return ()
            self._expect(known)
            early, self._early = self._early, []
            self._waiting.extend(matrix for reading in early for matrix in self._add(*reading))
        if self._assembler is not None:
            self._waiting.extend(self._assembler.overdue())
        return self._released()

    def awaited(self) -> str:
        """What it waits for before it lets any interval out; empty when for nothing."""
        if self._unheard is None:
            return "the running configuration of any router, which links are found by"
        if not self._unheard:
            return ""
        device, stream = min(self._unheard)
        return f"{stream} of {device}, whole" + (
            f", and {len(self._unheard) - 1} more" if len(self._unheard) > 1 else ""
        )

    def count(self, frame: RateFrame) -> None:
        """Take one device's rates; what is over becomes the counted side of intervals.

        Raises:
            ValueError: The frame's columns do not fit its rows, or hold what is no rate.
        """
        for interval in self._meter.take(frame):
            self._counted[interval.at] = interval
            if len(self._counted) > _INTERVALS_KEPT:
                self._counted.pop(next(iter(self._counted)))

    def intervals(self, matrices: Iterable[DemandMatrix]) -> Iterator[tuple[DemandMatrix, Loads]]:
        """Each matrix with what was counted in its interval.

        Without any demand so far, an interval that was counted stands for itself.
        """
        for matrix in matrices:
            self._has_demand = True
            counted = self._counted.pop(self._meter.start_of(matrix.at), None)
            yield matrix, self._loads(counted)
        if not self._has_demand and self._assembler is not None and not self._unheard:
            for at in sorted(self._counted):
                counted = self._counted.pop(at)
                if self._alone_until is not None and at <= self._alone_until:
                    continue
                self._alone_until = at
                yield DemandMatrix(at=at, keys=(), rates_bps=()), self._loads(counted)

    def _loads(self, counted: Interval | None) -> Loads:
        routing = self.routing()
        if counted is None or routing is None:
            return {}
        return counted.loads_bps(routing.what_if.topology)

    def routing(self) -> Present | None:
        """The network as it stands; the same object as before where nothing has changed."""
        if self._is_routing_old:
            self._is_routing_old = False
            self._present = present(self._follower.state, self._present) or self._present
        return self._present

    def memory(self) -> dict[str, object]:
        """Everything it has not let out yet; the follower's state is apart from it."""
        return {name: getattr(self, name) for name in _REMEMBERED}

    def resume(self, memory: Mapping[str, object]) -> None:
        """Stand where the memory was taken."""
        for name in _REMEMBERED:
            setattr(self, name, memory[name])

    def _expect(self, routers: tuple[NodeId, ...]) -> None:
        self._assembler = DemandAssembler(routers)
        self._unheard = {(router, stream) for router in routers for stream in ROUTING_STREAMS}

    def _released(self) -> tuple[DemandMatrix, ...]:
        if self._unheard:
            state = self._follower.state
            self._unheard -= state.vector().keys() - set(state.stale_streams())
        if self._unheard is None or self._unheard:
            del self._waiting[:-_WAITING_KEPT]
            return ()
        released, self._waiting = tuple(self._waiting), []
        return released

    def _demand(self, followed: Followed) -> tuple[DemandMatrix, ...]:
        delta = followed.delta
        if not delta.event_at_ns:
            return ()
        rates = tuple(self._follower.state.demand_rates(delta.device))
        return tuple(self._add(delta.device, delta.event_at_ns, rates))

    def _add(
        self, device: NodeId, event_at_ns: int, rates: tuple[tuple[DemandKey, float], ...]
    ) -> Iterator[DemandMatrix]:
        if self._assembler is None:
            self._early.append((device, event_at_ns, rates))
            return
        yield from self._assembler.add(device, from_ns(event_at_ns), rates)
