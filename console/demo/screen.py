"""From what was heard to what the live view shows: a pure function, once a tick."""

from dataclasses import dataclass, field
from datetime import datetime

from console.demo.observer import Heard
from console.live_model import BandPoint, Picture, StageLine, WaveLine
from console.report_model import STAGE_NAMES, Stage
from foreshadow.candidate import Candidate
from foreshadow.rollout_event import RolloutEvent
from foreshadow.warning import Forecast

_BAND_POINTS = 72
_LAST_LINES = 6


@dataclass(slots=True)
class Progress:
    """Where the director is; the screen reads it."""

    headline: str = ""
    stages: list[Stage] = field(default_factory=list)
    running: str = ""
    event_time: datetime | None = None
    is_standing_still: bool = False
    history_share: float | None = None
    watched: tuple[str, str | None] | None = None
    """(link, failure) the warning was about."""
    lines: list[str] = field(default_factory=list)


def picture(
    heard: Heard, progress: Progress, *, run_id: str, elapsed_s: float, limit_ratio: float
) -> Picture:
    """The screen at this moment."""
    link, failure = progress.watched or _busiest(heard) or ("", None)
    return Picture(
        run_id=run_id,
        headline=progress.headline,
        event_time=progress.event_time,
        elapsed_s=elapsed_s,
        is_standing_still=progress.is_standing_still,
        history_share=progress.history_share,
        stages=_stage_lines(progress),
        watched=f"{link} if {failure} fails" if failure else link,
        limit_pct=100 * limit_ratio,
        band=tuple(band(heard, link, failure))[-_BAND_POINTS:],
        waves=tuple(
            line
            for candidate in heard.candidates[-2:]
            for line in _wave_lines(candidate, heard.rollout)
        ),
        lines=tuple(progress.lines[-_LAST_LINES:]),
    )


def band(heard: Heard, link: str, failure: str | None) -> list[BandPoint]:
    """The watched series with its longest horizon, one point a step."""
    points = []
    for step in heard.forecasts:
        series = _series(step.forecasts, link, failure)
        if series is not None:
            points.append(
                BandPoint(
                    at=step.made_at,
                    now_pct=100 * series.now_ratio,
                    median_pct=100 * series.median,
                    upper_pct=100 * series.upper,
                )
            )
    return points


def _series(forecasts: tuple[Forecast, ...], link: str, failure: str | None) -> Forecast | None:
    of_link = [f for f in forecasts if (f.series, f.under_failure) == (link, failure)]
    return max(of_link, key=lambda forecast: forecast.horizon_s, default=None)


def _busiest(heard: Heard) -> tuple[str, str | None] | None:
    """The link that is forecast highest, until a warning names one."""
    if not heard.forecasts:
        return None
    links = [f for f in heard.forecasts[-1].forecasts if f.under_failure is not None]
    top = max(links, key=lambda forecast: forecast.upper, default=None)
    return (top.series, top.under_failure) if top else None


def _stage_lines(progress: Progress) -> tuple[StageLine, ...]:
    ended = {stage.name: stage for stage in progress.stages}
    lines = []
    for name in STAGE_NAMES:
        stage = ended.get(name)
        if stage is not None:
            status = "held" if stage.held else "broken"
            lines.append(StageLine(name=name, status=status, says=stage.summary))
        else:
            status = "running" if name == progress.running else "waiting"
            lines.append(StageLine(name=name, status=status))
    return tuple(lines)


def _wave_lines(candidate: Candidate, events: list[RolloutEvent]) -> list[WaveLine]:
    lines = []
    for wave in candidate.waves:
        own = [e for e in events if (e.txn, e.wave) == (candidate.id, wave.number)]
        if own:
            gates = {g.gate: g.verdict.name for event in own for g in event.gates}
            lines.append(
                WaveLine(
                    txn=candidate.id,
                    number=wave.number,
                    affected_pct=100 * wave.affected_share,
                    step=own[-1].step.value,
                    says=own[-1].says,
                    gates=tuple(sorted(gates.items())),
                )
            )
    return lines
