"""What became of the traffic that routers told of."""

from collections import Counter, deque
from dataclasses import dataclass, field

from foreshadow.topology import NodeId
from ingest.demand_flow import Aside


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalSummary:
    """One closed interval of a device, and how sure its total is.

    Attributes:
        relative_error: Standard error over the total, of sampling alone; 0 where nothing was
            sampled.
        packets: Metered packets it rests on.
    """

    device: NodeId
    start_ns: int
    rate_bps: float
    prefixes: int
    packets: int
    relative_error: float


@dataclass(slots=True)
class DemandAccount:
    """What became of everything a device exported, since the start.

    Attributes:
        octets: Estimated octets that became demand.
        aside_flows: Flows that did not, by the reason.
        aside_octets: Their estimated octets.
        intervals: Intervals closed.
        withheld: Intervals not shown, as flows of them could not be read.
        resets: Times the clock was set back and the open intervals were dropped.
        recent: The last intervals closed.
    """

    flows: int = 0
    octets: float = 0.0
    aside_flows: Counter[Aside] = field(default_factory=Counter)
    aside_octets: Counter[Aside] = field(default_factory=Counter)
    intervals: int = 0
    withheld: int = 0
    resets: int = 0
    recent: deque[IntervalSummary] = field(default_factory=lambda: deque(maxlen=16))

    def set_aside(self, reason: Aside, octets: float, *, flows: int = 1) -> None:
        """Count what is no demand."""
        self.aside_flows[reason] += flows
        self.aside_octets[reason] += round(octets)
