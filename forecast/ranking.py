"""What a spike would cost, and so which warnings come first.

    expected loss = P(load passes the limit, given the failure)
                  x P(the failure happens within the horizon)       (1 without failure)
                  x cost of the excess                              in bits per second

The cost is what cannot be carried as it should: on every link the traffic above its limit, and the
traffic that no longer has a way. Triage says so for each failure; where it has not, or at a milder
demand, the routing model here does, at the warning's own demand. The dearer of the two counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from foreshadow.demand import DemandMatrix
from foreshadow.topology import DirectedLink, LinkId
from foreshadow.triage_report import TriageReport, TriageRow
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

    def __init__(self, limit: float) -> None:
        """Begin without reports.

        Args:
            limit: Load ratio a link may reach.
        """
        self._limit = limit
        self._said: dict[LinkId, _Said] = {}

    def hear(self, report: TriageReport, capacities: Mapping[DirectedLink, float]) -> None:
        """Take note of a report; an older one changes nothing."""
        by_name = {str(link): capacity for link, capacity in capacities.items()}
        standing = (report.worst_without_failure,) if report.worst_without_failure else ()
        for row in (*report.rows, *standing):
            known = self._said.get(row.failure)
            if known is None or report.made_at >= known.made_at:
                cost = self._cost_bps(row, by_name)
                self._said[row.failure] = _Said(made_at=report.made_at, cost_bps=cost)

    def of(self, failure: LinkId | None, at: datetime, no_older_than: timedelta) -> float:
        """Bits per second, 0 where nothing is known that is recent enough."""
        known = self._said.get(failure or LinkId(""))
        if known is None or known.made_at < at - no_older_than:
            return 0.0
        return known.cost_bps

    def _cost_bps(self, row: TriageRow, capacities: Mapping[str, float]) -> float:
        over = max(0.0, row.worst_ratio - self._limit)
        capacity = capacities.get(row.worst_link, 0.0)
        return row.lost_bps + (over * capacity if capacity else 0.0)
