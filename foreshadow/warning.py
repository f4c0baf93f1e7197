"""What the forecast says: upper quantiles with their baselines, and warnings worth acting on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
    uppers: tuple[tuple[float, float], ...] = ()
    """Every quantile forecast and its value, lowest first; `upper` is one of them."""
    limit_probability: float | None = None
    """Chance that the peak passes the load limit; None for a demand, which has none."""


class ElementKind(StrEnum):
    """What can fail."""

    LINK = "link"
    NODE = "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLikelihood:
    """How likely a link or router is to fail soon.

    Attributes:
        chances: (window in seconds from the step on, chance to fail within it), 0 < chance < 1.
        because: What that rests on, in one sentence.
    """

    kind: ElementKind
    name: str
    chances: tuple[tuple[int, float], ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastQuality:
    """How good the forecasts of one horizon have been of late; None where nothing is known yet.

    Attributes:
        coverage: (quantile, share of recent peaks at or below it).
        wape_pct: Sum of absolute errors of the median over the sum of the peaks that came.
        wape_last_value_pct: The same of "as now".
        wape_best_naive_pct: The same of the best naive forecast.
        limit_brier: Brier score of the chances to pass the limit, calibrated.
        limit_brier_raw: The same before calibration.
        failure_brier: Brier score of the chances to fail.
        failure_brier_class: The same of a chance that knows an element's class only.
        failure_log_loss: Mean negative log likelihood of the chances to fail.
        drift_restarts: Times a drift made a series forget its past errors.
    """

    horizon_s: int
    coverage: tuple[tuple[float, float], ...] = ()
    wape_pct: float | None = None
    wape_last_value_pct: float | None = None
    wape_best_naive_pct: float | None = None
    limit_brier: float | None = None
    limit_brier_raw: float | None = None
    failure_brier: float | None = None
    failure_brier_class: float | None = None
    failure_log_loss: float | None = None
    drift_restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastStep:
    """Everything forecast after one interval.

    Attributes:
        made_at: Event time of the interval.
        is_live: Whether it was the present when it was taken; history carries no forecasts.
        steps_seen: Intervals taken so far.
        forecasts: Every watched series and horizon.
        coverage: Per horizon in seconds, the share of recent peaks at or below their upper bound.
        likelihoods: What is most likely to fail, likeliest first.
        quality: Per horizon, shortest first.
        warnings_sent: So far, by this process and those it goes on from.
        held_back: (why a warning was not sent, how often), by reason.
        events: Known events that are on, or begin within the longest horizon, in words.
    """

    made_at: datetime
    is_live: bool
    steps_seen: int
    forecasts: tuple[Forecast, ...] = ()
    coverage: tuple[tuple[int, float], ...] = ()
    likelihoods: tuple[FailureLikelihood, ...] = ()
    quality: tuple[ForecastQuality, ...] = ()
    warnings_sent: int = 0
    held_back: tuple[tuple[str, int], ...] = ()
    events: tuple[str, ...] = ()


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
        probability: Chance that the load passes the limit within the horizon, given the failure.
        failure_probability: Chance that `under_failure` fails within the horizon; 1 without one.
        cost_bps: What the excess would cost: traffic above the limit on all links and traffic lost,
            at `demand` under the failure.
        expected_loss_bps: The product of the three: what warnings are ranked by.
        reason: What stands behind it, in words.
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
    probability: float | None = None
    failure_probability: float | None = None
    cost_bps: float | None = None
    expected_loss_bps: float | None = None
    reason: str = ""
