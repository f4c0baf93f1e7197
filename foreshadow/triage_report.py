"""What every failure would cost at a forecast demand, ranked: what a drill is chosen from."""

from datetime import datetime

import msgspec

from foreshadow.topology import LinkId


class TriageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the model expects of the failure of one link."""

    failure: LinkId
    worst_link: str
    """`src->dst`."""
    worst_ratio: float
    lost_bps: float
    """Traffic that no longer has a way."""
    over_bps: float = 0.0
    """Traffic above the limit, over all links; 0 in reports from before it was worked out."""

    @property
    def cost_bps(self) -> float:
        """What cannot be carried as it should."""
        return self.lost_bps + self.over_bps


class CostAt(msgspec.Struct, frozen=True, kw_only=True):
    """What a failure does at one demand."""

    demand: str
    """`now`, `P50`, `P95`..., a forecast's quantile."""
    lost_bps: float
    over_bps: float
    worst_link: str
    worst_ratio: float

    @property
    def cost_bps(self) -> float:
        """What cannot be carried as it should."""
        return self.lost_bps + self.over_bps


class FailureCost(msgspec.Struct, frozen=True, kw_only=True):
    """A failure of any kind and what it costs, at each demand."""

    failure: str
    """A link's, risk group's or router's name; two links' with a plus between."""
    kind: str
    """`link`, `srlg`, `node` or `pair`."""
    cut: tuple[LinkId, ...]
    """The links that are down under it."""
    at: tuple[CostAt, ...]
    """From the mildest demand to the one that is ranked by."""
    like: tuple[str, ...] = ()
    """Other failures that do exactly the same."""

    @property
    def worst(self) -> CostAt:
        """At the demand that is ranked by."""
        return self.at[-1]


class TriageReport(msgspec.Struct, frozen=True, kw_only=True, tag="triage.v1", tag_field="kind"):
    """The ranking made for one warning, or without one for the traffic as it is."""

    warning: str
    """The warning's id; empty where none asked."""
    made_at: datetime
    """Event time of the warning, or of the traffic."""
    rows: tuple[TriageRow, ...]
    """Every single link, the one that makes a link fullest first."""
    worst_without_failure: TriageRow | None = None
    """The network as it stands; `failure` is empty."""
    drill: str = ""
    """Id of the drill asked for; empty where none is."""
    because: str = ""
    """Why no drill is asked for."""
    costs: tuple[FailureCost, ...] = ()
    """The dearest failures of every kind, equals merged, the dearest first."""
    drilled: str = ""
    """Name of the failure that is drilled; the first row's where an older report does not say."""
    limit_ratio: float = 0.0
    """Load over capacity above which traffic counts as too much; 0 where nobody says."""
    tried: int = 0
    """How many failures were tried."""
    took_s: float = 0.0

    @property
    def drilled_failure(self) -> str:
        """The failure that is drilled, or leads where none is."""
        return self.drilled or (self.rows[0].failure if self.rows else "")

    @property
    def drilled_ratio(self) -> float:
        """Load over capacity of the link that failure makes fullest; 0 where nothing is known."""
        name = self.drilled_failure
        of_any_kind = (cost.worst.worst_ratio for cost in self.costs if cost.failure == name)
        of_links = (row.worst_ratio for row in self.rows if row.failure == name)
        return next(of_any_kind, next(of_links, 0.0))
