"""Every single failure at a forecast demand, ranked: what a drill is chosen from."""

from datetime import datetime

import msgspec

from foreshadow.topology import LinkId


class TriageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the model expects of one failure."""

    failure: LinkId
    worst_link: str
    """`src->dst`."""
    worst_ratio: float
    lost_bps: float
    """Traffic that no longer has a way."""


class TriageReport(msgspec.Struct, frozen=True, kw_only=True, tag="triage.v1", tag_field="kind"):
    """The ranking made for one warning, worst failure first."""

    warning: str
    """The warning's id."""
    made_at: datetime
    """Event time of the warning."""
    rows: tuple[TriageRow, ...]
    worst_without_failure: TriageRow | None = None
    """The network as it stands; `failure` is empty."""
    drill: str = ""
    """Id of the drill asked for; empty where none is."""
    because: str = ""
    """Why no drill is asked for."""
