"""What a spike would cost, and so which warnings come first.

    expected loss = P(load passes the limit, given the failure)
                  x P(the failure happens within the horizon)       (1 without failure)
                  x cost of the excess                              in bits per second

The cost is what cannot be carried as it should: on every link the traffic above its limit, and the
traffic that no longer has a way. Triage says so for each failure; where it has not, or at a milder
demand, the routing model here does, at the warning's own demand. The dearer of the two counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from foreshadow.demand import DemandMatrix
from foreshadow.topology import LinkId
from foreshadow.triage_report import TriageReport
from foreshadow.walk import RoutingMatrix


def excess_bps(matrix: RoutingMatrix, demand: DemandMatrix, limit: float) -> float:
    """Traffic above the limit, over all links, and traffic lost, at one demand."""
    loads = matrix.shares @ demand.aligned(matrix.keys)
    room = np.where(matrix.capacity_bps > 0, limit * matrix.capacity_bps, np.inf)
    return float(np.maximum(loads - room, 0.0).sum()) + matrix.lost_bps(demand)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    made_at: datetime
    cost_bps: float


class TriageCosts:
    """What the latest triage said that each failure would cost."""

    def __init__(self) -> None:
        """Begin without reports."""
        self._said: dict[LinkId, _Said] = {}

    def hear(self, report: TriageReport) -> None:
        """Take note of a report; an older one changes nothing."""
        standing = (report.worst_without_failure,) if report.worst_without_failure else ()
        for row in (*report.rows, *standing):
            known = self._said.get(row.failure)
            if known is None or report.made_at >= known.made_at:
                said = _Said(made_at=report.made_at, cost_bps=row.cost_bps)
                self._said[row.failure] = said

    def of(self, failure: LinkId | None, at: datetime, no_older_than: timedelta) -> float:
        """Bits per second, 0 where nothing is known that is recent enough."""
        known = self._said.get(failure or LinkId(""))
        if known is None or known.made_at < at - no_older_than:
            return 0.0
        return known.cost_bps
