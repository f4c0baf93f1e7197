"""The live view: full on a terminal, a log of changes elsewhere."""

import io
import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from console.block_chart import load_chart
from console.live import LiveView, frame
from console.live_log import changes
from console.live_model import BandPoint, Picture, StageLine
from tests.fakes.sample_picture import (
    broken_picture,
    history_picture,
    rollout_picture,
    sample_band,
)

SIZES = [(80, 24), (80, 44), (120, 30), (120, 50)]


class Screen(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def drawn(picture: Picture, width: int, height: int) -> list[str]:
    """The frame as rows of plain text."""
    console = Console(file=io.StringIO(), force_terminal=False, width=width, height=height)
    with console.capture() as capture:
        console.print(frame(picture, width, height))
    return capture.get().splitlines()


def logged(*pictures: Picture) -> list[str]:
    """What a pipe gets when these pictures are shown one after the other."""
    out = io.StringIO()
    with LiveView(Console(file=out, width=80)) as view:
        for picture in pictures:
            view.show(picture)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("picture", [history_picture(), rollout_picture(), broken_picture()])
def test_frame_fits_the_terminal(picture: Picture, width: int, height: int) -> None:
    """No row is wider and no frame higher than the terminal, at 80 and 120 columns."""
    rows = drawn(picture, width, height)

    assert max(cell_len(row) for row in rows) <= width
    assert len(rows) <= height


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_frame_says_what_happens_now(width: int, height: int) -> None:
    """Headline, run id, event and elapsed time, every stage, wave and gate are on every size."""
    text = "\n".join(drawn(rollout_picture(), width, height))

    for fact in (
        "fs3fa9c1",
        "Wave 3 goes out to NYCMng: 70 % of the affected traffic",
        "2004-03-11 17:30 UTC",
        "2:28 elapsed",
        "replay stands still",
        "✔ telemetry",
        "· feedback",
        "ATLAng → IPLSng if CHINng-NYCMng fails",
        f"{rollout_picture().band[-1].now_pct:.1f} % now",
        "wave 3",
        "G1 ✔",
        "soaking",
    ):
        assert fact in text


def test_frame_shows_how_much_history_is_fed() -> None:
    """While history is fed there is a bar with its share; without history there is none."""
    fed = "\n".join(drawn(history_picture(), 80, 24))
    over = "\n".join(drawn(replace(history_picture(), history_share=1.0), 80, 24))

    assert "52%" in fed
    assert "━" in fed
    assert "━" not in over


def test_chart_draws_load_band_and_limit() -> None:
    """The chart has the load, its band, the limit line and both ends of the time axis."""
    chart = load_chart(sample_band(), 85.0, 80, 9).plain

    for sign in ("█", "▒", "░", "╌", "85 %", "15:00", "20:10"):
        assert sign in chart


def test_chart_marks_a_load_over_the_limit() -> None:
    """A column over the limit is drawn in the alarm colour, one below it is not."""
    at = datetime(2004, 3, 11, 20, 10, tzinfo=UTC)
    calm = BandPoint(at=at, now_pct=40.0, median_pct=45.0, upper_pct=50.0)
    full = BandPoint(at=at, now_pct=101.1, median_pct=90.0, upper_pct=95.0)

    def styles(point: BandPoint) -> set[str]:
        spans = load_chart((point,), 85.0, 40, 9).spans
        return {str(span.style) for span in spans}

    assert "bold red" in styles(full)
    assert "bold red" not in styles(calm)


def test_log_prints_each_thing_once() -> None:
    """The same picture shown again, or only a later time, prints nothing."""
    picture = rollout_picture()

    once = logged(picture)
    again = logged(picture, picture, replace(picture, elapsed_s=160.0))

    assert again == once
    assert len(set(once)) == len(once)
    assert once[0] == "[2:28] Wave 3 goes out to NYCMng: 70 % of the affected traffic"


def test_log_follows_headline_stages_waves_steps_and_gates() -> None:
    """Each kind of change is one line with the elapsed time and the words that matter."""
    before = rollout_picture()
    wave = before.waves[-1]
    after = replace(
        before,
        headline="Wave 4 goes out",
        elapsed_s=155.0,
        is_standing_still=False,
        stages=(
            *before.stages[:7],
            replace(before.stages[7], status="held", says="4 waves"),
            *before.stages[8:],
        ),
        waves=(
            *before.waves[:-1],
            replace(wave, step="confirmed", says="", gates=(*wave.gates, ("G2", "FAILED"))),
        ),
        lines=(*before.lines[1:], "wave 3 confirmed on NYCMng"),
    )

    assert changes(before, after) == (
        "[2:35] Wave 4 goes out",
        "[2:35] the replay goes on at 2004-03-11 17:30 UTC",
        "[2:35] stage 8 rollout held: 4 waves",
        "[2:35] chg-3fa9c1-1 wave 3 (70 % of the affected traffic) confirmed",
        "[2:35] chg-3fa9c1-1 wave 3 gates: G2 FAILED",
        "[2:35] wave 3 confirmed on NYCMng",
    )


def test_log_shows_history_in_quarters() -> None:
    """A log shows that history moves without a line for each step."""
    pictures = [
        Picture(run_id="fs3fa9c1", headline="History", history_share=share / 100)
        for share in range(101)
    ]

    lines = logged(*pictures)

    assert [line for line in lines if "history:" in line] == [
        f"[0:00] history: {share} fed" for share in ("25%", "50%", "75%", "100%")
    ]


def test_log_has_no_control_characters() -> None:
    """A pipe gets plain lines: no cursor moves, no colours, no markup eaten."""
    stage = StageLine(name="shadow", status="broken", says="[bold]r1[/bold] did not come up")

    lines = logged(Picture(run_id="fs3fa9c1", headline="x" * 200, stages=(stage,)))

    assert lines == [
        "[0:00] " + "x" * 200,
        "[0:00] stage 1 shadow broken: [bold]r1[/bold] did not come up",
    ]


def test_pipe_gets_lines_even_where_colour_is_forced() -> None:
    """CI sets FORCE_COLOR; a pipe is a pipe all the same."""
    out = io.StringIO()

    with LiveView(Console(file=out, width=80, force_terminal=True)) as view:
        view.show(Picture(run_id="fs3fa9c1", headline="Routers start"))

    assert out.getvalue() == "[0:00] Routers start\n"


def test_terminal_gets_the_full_view() -> None:
    """On a terminal the last picture is on the screen when the view closes."""
    out = Screen()
    console = Console(file=out, width=80, height=30, force_terminal=True, legacy_windows=False)

    with LiveView(console) as view:
        for picture, share in itertools.product([history_picture()], (0.1, 0.9)):
            view.show(replace(picture, history_share=share))
        view.print("broker [ready] on 127.0.0.1")

    assert "Ten days of history" in out.getvalue()
    assert "90%" in out.getvalue()
    assert "broker [ready] on 127.0.0.1" in out.getvalue()
