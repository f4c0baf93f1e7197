"""What is expected after one interval, and how it reads as forecasts and warnings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecast.alarm import warning_id
from forecast.bank import Terms
from forecast.features import NAIVE
from forecast.history import Array
from forecast.model import Prediction
from forecast.peak import demand_at_peak, first_excess_step
from forecast.watch import DEMAND_SCALE_BPS, WatchList
from foreshadow.demand import DemandMatrix
from foreshadow.present import Present
from foreshadow.topology import LinkId
from foreshadow.warning import Forecast, SpikeWarning

_LAST_DAY = NAIVE.index("day")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """The forecast made after one interval.

    Attributes:
        matrix: The demand of that interval.
        watched: Names of the series, in order.
        now: Present value of every series, shape (n_series,).
        predictions: Per horizon in steps.
        chances: Per horizon in steps, the calibrated chance that a link passes its limit, shape
            (n_links,).
        yesterday: Course of the longest horizon a day ago, any unit, shape (longest, n_links).
    """

    terms: Terms
    matrix: DemandMatrix
    watched: WatchList
    now: Array
    predictions: Mapping[int, Prediction]
    chances: Mapping[int, Array]
    yesterday: Array

    def upper(self, row: int) -> dict[int, float]:
        """Upper bound of a series' peak, per horizon in steps."""
        return {
            steps: float(prediction.peak_upper[prediction.levels.index(self.terms.quantile), row])
            for steps, prediction in self.predictions.items()
        }

    def chance(self, row: int) -> float:
        """The chance that a watched link passes its limit within the longest horizon."""
        return max(float(chances[row]) for chances in self.chances.values())

    def forecasts(self) -> tuple[Forecast, ...]:
        """Every series and horizon, shortest horizon first, links before demands."""
        return tuple(
            self._forecast(row, name, steps)
            for steps in self.terms.horizons
            for row, name in enumerate(self._names())
        )

    def warning(
        self, row: int, routing: Present, yesterday_bps: Array | None
    ) -> SpikeWarning | None:
        """The warning a watched link deserves; None while its bounds keep the limit.

        Args:
            row: Of the watched link.
            routing: Of now.
            yesterday_bps: Demand from this time yesterday on, one row more than `yesterday`; None
                where it is not known.
        """
        upper, longest = self.upper(row), self.terms.horizons[-1]
        limit = self.terms.load_limit
        shape = self.yesterday[:, row]
        steps = first_excess_step(shape, upper, limit=limit)
        if steps is None:
            return None
        pair, worst = self.watched.links[row], max(upper.values())
        start = self.matrix.at + steps * self.terms.step
        matrix = routing.under(pair.cut, self.matrix.keys)
        index = matrix.links.index(pair.link)
        return SpikeWarning(
            id=warning_id((str(pair.link), pair.under_failure), self.matrix.at),
            link=str(pair.link),
            under_failure=pair.under_failure,
            quantile=self.terms.quantile,
            upper_ratio=worst,
            limit_ratio=limit,
            made_at=self.matrix.at,
            window_start=start,
            window_end=self.matrix.at + longest * self.terms.step,
            lead_s=(start - self.matrix.at).total_seconds(),
            demand=demand_at_peak(
                self.matrix,
                shares=matrix.shares[index],
                target_bps=worst * float(matrix.capacity_bps[index]),
                rest_growth=_growth_elsewhere(yesterday_bps, matrix.shares[index], shape),
                at=start,
            ),
            probability=self.chance(row),
        )

    def _names(self) -> Iterator[tuple[str, LinkId | None, float]]:
        for pair in self.watched.links:
            yield str(pair.link), pair.under_failure, 1.0
        for key in self.watched.demands:
            yield f"{key.ingress}->{key.prefix}", None, DEMAND_SCALE_BPS

    def _forecast(self, row: int, name: tuple[str, LinkId | None, float], steps: int) -> Forecast:
        series, under_failure, scale = name
        prediction, now = self.predictions[steps], float(self.now[row]) * scale
        uppers = (prediction.peak_upper[:, row] * scale).tolist()
        naive_day = float(prediction.peak_naive[_LAST_DAY, row]) * scale
        return Forecast(
            series=series,
            under_failure=under_failure,
            made_at=self.matrix.at,
            horizon_s=round(steps * self.terms.step.total_seconds()),
            now_ratio=now,
            median=float(prediction.peak[row]) * scale,
            upper=uppers[prediction.levels.index(self.terms.quantile)],
            quantile=self.terms.quantile,
            naive_last=now,
            naive_day=naive_day if np.isfinite(naive_day) else now,
            uppers=tuple(zip(prediction.levels, uppers, strict=True)),
            limit_probability=(
                float(self.chances[steps][row]) if row < len(self.watched.links) else None
            ),
        )


def _growth_elsewhere(yesterday_bps: Array | None, shares: Array, shape: Array) -> float:
    """How what does not cross the link grew yesterday from this time to the link's peak.

    Taken over all of it together: single demands jump by factors within minutes.
    """
    if yesterday_bps is None:
        return 1.0
    elsewhere = yesterday_bps @ (1 - shares)
    then, peak = float(elsewhere[0]), float(elsewhere[1 + int(np.argmax(shape))])
    return peak / then if then > 0 else 1.0
