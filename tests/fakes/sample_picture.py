"""Pictures of the reference drill at four moments, as the live view gets them."""

from datetime import UTC, datetime, timedelta

from console.live_model import BandPoint, Picture, StageLine, WaveLine
from console.report_model import STAGE_NAMES
from tests.fakes.sample_report import SUMMARIES, sample_report


def history_picture() -> Picture:
    """History is fed; nothing else to see yet."""
    return Picture(
        run_id="fs3fa9c1",
        headline="Ten days of history are fed through Kafka as fast as it goes",
        event_time=datetime(2004, 3, 6, 4, 15, tzinfo=UTC),
        elapsed_s=31.4,
        history_share=0.52,
        stages=_stages(held=1, running=2),
        lines=("12 routers and 2 peers are up", "OSPF is full on 30 of 30 interfaces"),
    )


def rollout_picture() -> Picture:
    """The rollout is in its third wave and the replay stands still."""
    return Picture(
        run_id="fs3fa9c1",
        headline="Wave 3 goes out to NYCMng: 70 % of the affected traffic",
        event_time=datetime(2004, 3, 11, 17, 30, tzinfo=UTC),
        elapsed_s=148.9,
        is_standing_still=True,
        stages=_stages(held=7, running=8),
        watched="ATLAng->IPLSng if CHINng-NYCMng fails",
        band=sample_band()[:31],
        waves=(
            _wave(1, 5.0, "confirmed", 4),
            _wave(2, 25.0, "confirmed", 4),
            _wave(3, 70.0, "soaking", 2),
        ),
        lines=(
            "candidate c-7f21 proven on the bench: 74.0 % at most",
            "dead-man armed on NYCMng for 10 s",
            "NYCMng flipped to generation 3",
            "every FIB settled after 0.21 s",
            "G1: 5 best-path changes, as predicted",
        ),
    )


def broken_picture() -> Picture:
    """A stage did not hold."""
    stages = list(_stages(held=3, running=0))
    stages[3] = StageLine(name="forecast", status="broken", says="No warning within 3 h.")
    return Picture(
        run_id="fs3fa9c1",
        headline="The run ends: the forecast saw nothing",
        elapsed_s=71.0,
        stages=tuple(stages),
    )


def sample_band() -> tuple[BandPoint, ...]:
    """The watched link up to 20:10, every five minutes."""
    forecast = sample_report().forecast
    points = forecast.points if forecast else ()
    start = datetime(2004, 3, 11, 15, 0, tzinfo=UTC)
    return tuple(
        BandPoint(
            at=start + timedelta(minutes=5 * step),
            now_pct=point.now_pct,
            median_pct=point.median_pct,
            upper_pct=point.upper_pct,
        )
        for step, point in enumerate(points)
    )


def _stages(*, held: int, running: int) -> tuple[StageLine, ...]:
    return tuple(
        StageLine(
            name=name,
            status="held" if number <= held else "running" if number == running else "waiting",
            says=SUMMARIES[number - 1] if number <= max(held, running) else "",
        )
        for number, name in enumerate(STAGE_NAMES, start=1)
    )


def _wave(number: int, affected_pct: float, step: str, gates: int) -> WaveLine:
    return WaveLine(
        txn="chg-3fa9c1-1",
        number=number,
        affected_pct=affected_pct,
        step=step,
        says="generation 3 on NYCMng, dead-man armed for 10 s",
        gates=tuple((f"G{gate}", "PASSED") for gate in range(gates)),
    )
