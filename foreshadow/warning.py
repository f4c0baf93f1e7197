"""What the forecast says: upper quantiles with their baselines, and warnings worth acting on."""

from dataclasses import dataclass
from datetime import datetime

from foreshadow.demand import DemandMatrix
from foreshadow.topology import LinkId


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The peak load expected on one series within one horizon.

    `under_failure` is None for the load as the network stands; otherwise the load the link would
    have were that link cut.
    """

    series: str
    """`src->dst`, or `ingress->prefix` for a demand."""
    under_failure: LinkId | None
    made_at: datetime
    """Event time of the last interval known."""
    horizon_s: int
    now_ratio: float
    """Load over capacity now (for a demand: bits per second)."""
    median: float
    upper: float
    """The quantile below, same unit as `now_ratio`."""
    quantile: float
    naive_last: float
    """Baseline: the peak will be what the load is now."""
    naive_day: float
    """Baseline: the same window yesterday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastStep:
    """Everything forecast after one interval.

    Attributes:
        made_at: Event time of the interval.
        is_live: Whether it was the present when it was taken; history carries no forecasts.
        steps_seen: Intervals taken so far.
        forecasts: Every watched series and horizon.
        coverage: Per horizon in seconds, the share of recent peaks at or below their upper bound.
    """

    made_at: datetime
    is_live: bool
    steps_seen: int
    forecasts: tuple[Forecast, ...] = ()
    coverage: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeWarning:
    """A link is forecast to pass its limit if a link fails.

    Attributes:
        link: Direction that would be overloaded.
        under_failure: The cut under which it would be; None where it happens without one.
        quantile: Of `upper_ratio`.
        upper_ratio: Forecast load ratio, e.g. 1.01.
        window_start: Event time from which the excess is expected.
        window_end: End of the forecast horizon.
        lead_s: Seconds from the warning to `window_start`.
        demand: The demand matrix forecast for the peak.
    """

    id: str
    link: str
    under_failure: LinkId | None
    quantile: float
    upper_ratio: float
    limit_ratio: float
    made_at: datetime
    window_start: datetime
    window_end: datetime
    lead_s: float
    demand: DemandMatrix
