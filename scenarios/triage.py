"""Which single failure would hurt most at a given demand, by the routing model.

It ranks; it proves nothing. What leads the list is drilled in the shadow.
"""

from foreshadow.demand import DemandMatrix
from foreshadow.present import Present
from foreshadow.topology import LinkId
from foreshadow.triage_report import TriageRow
from foreshadow.walk import RoutingMatrix, worst
from foreshadow.whatif import NO_CUT, single_cuts


def triage(network: Present, demand: DemandMatrix) -> tuple[TriageRow, ...]:
    """Every failure of one more internal link, fullest link first; ties in the order of names."""
    rows = [
        _row(failure, network.under(cut, demand.keys), demand)
        for cut in single_cuts(network.what_if.topology)
        for failure in cut - network.down
    ]
    return tuple(sorted(rows, key=lambda row: (-row.worst_ratio, -row.lost_bps, row.failure)))


def without_failure(network: Present, demand: DemandMatrix) -> TriageRow:
    """The same for the network as it stands; its `failure` is empty."""
    return _row(LinkId(""), network.under(NO_CUT, demand.keys), demand)


def _row(failure: LinkId, matrix: RoutingMatrix, demand: DemandMatrix) -> TriageRow:
    link, ratio = worst(matrix.load_ratios(demand))
    return TriageRow(
        failure=failure,
        worst_link=str(link),
        worst_ratio=ratio,
        lost_bps=matrix.lost_bps(demand),
    )
