"""How the forecast has been doing, in numbers: for the wire, and for who watches the process."""

import math

from forecast.forecaster import Forecaster
from forecast.judgement import HorizonJudge
from forecast.score import Scores
from foreshadow import meter
from foreshadow.meter import Meter
from foreshadow.warning import ForecastQuality


def quality(forecaster: Forecaster) -> tuple[ForecastQuality, ...]:
    """Per horizon, shortest first."""
    coverages = forecaster.coverages()
    failures = tuple(forecaster.warner.failures.scores.values())
    return tuple(
        _of_horizon(
            horizon_s,
            coverages[horizon_s],
            judge,
            failures[place],
            drifts=sum(bank.models[place].drifts for bank in forecaster.banks),
        )
        for place, (horizon_s, judge) in enumerate(zip(coverages, forecaster.judges, strict=True))
    )


def report(
    found: tuple[ForecastQuality, ...], off: frozenset[tuple[int, float]], to: Meter
) -> None:
    """Set the gauges.

    Args:
        found: Of now.
        off: (horizon in seconds, quantile) whose coverage has left its nominal value.
        to: Takes them.
    """
    for each in found:
        horizon = f"{each.horizon_s}s"
        _errors(each, horizon, to)
        for level, share in each.coverage:
            quantile = f"{level:g}"
            to.level(meter.FORECAST_COVERAGE, share, horizon=horizon, quantile=quantile)
            is_off = float((each.horizon_s, level) in off)
            to.level(meter.FORECAST_MISCALIBRATED, is_off, horizon=horizon, quantile=quantile)
    if found and (last := found[-1]).limit_brier is not None:
        to.level(meter.BRIER, last.limit_brier, stage="calibrated")
        to.level(meter.BRIER, last.limit_brier_raw or 0.0, stage="stated")


def miscalibrated(forecaster: Forecaster) -> frozenset[tuple[int, float]]:
    """(horizon in seconds, quantile) whose coverage has left its nominal value."""
    step_s = forecaster.step.total_seconds()
    return frozenset(
        (round(model.horizon_steps * step_s), it.level)
        for bank in forecaster.banks
        if bank.n_series
        for model in bank.models
        for it in model.coverages()
        if it.is_off
    )


def _of_horizon(
    horizon_s: int,
    coverage: tuple[tuple[float, float], ...],
    judge: HorizonJudge,
    failures: Scores,
    *,
    drifts: int,
) -> ForecastQuality:
    wape = judge.wape
    error, last, naive = (100 * share for share in wape) if wape else (None, None, None)
    limit = judge.scores
    return ForecastQuality(
        horizon_s=horizon_s,
        coverage=tuple((level, share) for level, share in coverage if math.isfinite(share)),
        wape_pct=error,
        wape_last_value_pct=last,
        wape_best_naive_pct=naive,
        limit_brier=_known(limit.brier),
        limit_brier_raw=_known(limit.brier_baseline),
        failure_brier=_known(failures.brier),
        failure_brier_class=_known(failures.brier_baseline),
        failure_log_loss=_known(failures.log_loss),
        drift_restarts=drifts,
    )


def _errors(each: ForecastQuality, horizon: str, to: Meter) -> None:
    if each.wape_pct is None or each.wape_last_value_pct is None:
        return
    naive = each.wape_best_naive_pct or 0.0
    to.level(meter.FORECAST_ERROR, each.wape_pct / 100, horizon=horizon)
    to.level(meter.FORECAST_NAIVE_ERROR, each.wape_last_value_pct / 100, horizon=horizon)
    if naive > 0:
        to.level(meter.FORECAST_SKILL, 1 - each.wape_pct / naive, horizon=horizon)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
