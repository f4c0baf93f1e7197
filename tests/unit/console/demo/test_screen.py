"""The live view's picture: a pure function of what was heard and how far the director is."""

from dataclasses import replace
from datetime import timedelta

from console.demo.observer import Heard
from console.demo.screen import Progress, band, picture
from console.live_model import Picture
from console.report_model import STAGE_NAMES, Stage
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import GateResult, RolloutEvent, RolloutStep
from foreshadow.topology import LinkId
from foreshadow.warning import Forecast, ForecastStep
from tests.proven_policy import candidate
from tests.square_story import AT, CUT

CALM = Forecast(
    series="SE->NE",
    under_failure=None,
    made_at=AT,
    horizon_s=3600,
    now_ratio=0.9,
    median=0.9,
    upper=0.95,
    quantile=0.95,
    naive_last=0.9,
    naive_day=0.9,
)
HOURLY = replace(CALM, series="SW->NW", under_failure=CUT, now_ratio=0.5, median=0.55, upper=0.6)
LONGER = replace(HOURLY, horizon_s=10_800, upper=0.8)
OTHER = replace(HOURLY, series="NW->NE", under_failure=LinkId("SE-SW"), upper=0.7)


def _step(minutes: int, *forecasts: Forecast) -> ForecastStep:
    at = AT + timedelta(minutes=minutes)
    return ForecastStep(made_at=at, is_live=True, steps_seen=1, forecasts=forecasts)


def _shown(heard: Heard, progress: Progress) -> Picture:
    return picture(heard, progress, run_id="fs3fa9c1", elapsed_s=12.5, limit_ratio=0.85)


def test_nothing_heard_is_a_picture_too() -> None:
    """All stages wait, nothing is watched, the limit is known."""
    shown = _shown(Heard(), Progress(headline="Routers start"))

    assert [stage.status for stage in shown.stages] == ["waiting"] * len(STAGE_NAMES)
    assert (shown.watched, shown.band, shown.waves) == ("", (), ())
    assert (shown.headline, shown.elapsed_s, shown.limit_pct) == ("Routers start", 12.5, 85.0)


def test_until_a_warning_names_one_the_highest_series_under_failure_is_watched() -> None:
    """Intact links are full and of no interest; of the others the highest leads."""
    heard = Heard(forecasts=[_step(0, CALM, HOURLY, LONGER, OTHER), _step(5, CALM)])
    only_history = Heard(forecasts=[_step(0)])

    assert _shown(Heard(forecasts=heard.forecasts[:1]), Progress()).watched == (
        "SW->NW if NE-SE fails"
    )
    assert _shown(heard, Progress()).watched == ""
    assert _shown(only_history, Progress()).watched == ""


def test_the_band_is_the_warned_series_at_its_longest_horizon() -> None:
    """One point a step, in percent; steps without the series have none."""
    heard = Heard(forecasts=[_step(0), _step(5, HOURLY, LONGER), _step(10, CALM), _step(15, OTHER)])
    points = band(heard, "SW->NW", CUT)
    shown = _shown(heard, Progress(watched=("SE->NE", None)))

    assert [(p.at, round(p.now_pct), round(p.upper_pct)) for p in points] == [
        (AT + timedelta(minutes=5), 50, 80)
    ]
    assert (shown.watched, len(shown.band)) == ("SE->NE", 1)


def test_a_long_run_shows_its_last_six_hours_and_six_lines() -> None:
    """What does not fit on the screen is the oldest."""
    heard = Heard(forecasts=[_step(5 * number, LONGER) for number in range(100)])
    progress = Progress(watched=("SW->NW", CUT), lines=[str(number) for number in range(9)])
    shown = _shown(heard, progress)

    assert len(shown.band) == 72
    assert shown.band[-1].at == AT + timedelta(minutes=495)
    assert shown.lines == ("3", "4", "5", "6", "7", "8")


def test_stages_are_held_broken_running_or_waiting() -> None:
    """In the report's order, with what was said of those that ended."""
    ended = [
        Stage(name=STAGE_NAMES[0], held=True, summary="all there"),
        Stage(name=STAGE_NAMES[1], held=False, summary="saved nothing"),
    ]
    lines = _shown(Heard(), Progress(stages=ended, running=STAGE_NAMES[2])).stages

    assert [(line.status, line.says) for line in lines[:4]] == [
        ("held", "all there"),
        ("broken", "saved nothing"),
        ("running", ""),
        ("waiting", ""),
    ]


def test_waves_show_their_last_step_and_their_gates() -> None:
    """Only waves that have begun, of the last two changes, each with its own events."""
    gate = GateResult(gate="G1", verdict=Verdict.PASSED, says="as predicted")
    first = RolloutEvent(txn="c-1", seq=1, at=AT, step=RolloutStep.ARMED, wave=1)
    passed = replace(first, seq=2, step=RolloutStep.GATE_PASSED, says="all passed", gates=(gate,))
    foreign = replace(first, txn="c-0")
    heard = Heard(
        candidates=[candidate(name="c-0"), candidate(), candidate(name="c-2")],
        rollout=[foreign, first, passed],
    )
    (line,) = _shown(heard, Progress()).waves

    assert (line.txn, line.number, line.affected_pct) == ("c-1", 1, 30.0)
    assert (line.step, line.says, line.gates) == (
        "gate-passed",
        "all passed",
        (("G1", "PASSED"),),
    )
