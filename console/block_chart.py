"""The watched link's load and its forecast band in block characters, for a terminal.

Colours are the terminal's own sixteen, never black, white or yellow, so that the chart reads on a
light background and on a dark one.
"""

from collections.abc import Sequence

from rich.text import Text

from console.live_model import BandPoint

NOW, MEDIAN, UPPER, LIMIT = "cyan", "cyan", "cyan", "red"
OVER = "bold red"
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_AXIS_WIDTH = 7
_TOP_PCT = 110.0


def load_chart(band: Sequence[BandPoint], limit_pct: float, width: int, height: int) -> Text:
    """The latest points of `band`, one a column, newest at the right.

    The axis starts at half the lowest load, so that a few rows show what matters: how far the load
    and its band are from the limit.

    Args:
        band: Oldest first; as many of the newest as fit are drawn.
        limit_pct: Where the limit line runs, in percent of capacity.
        width: Columns for axis and plot together.
        height: Rows of the plot; the time axis takes one more.
    """
    points = band[-max(1, width - _AXIS_WIDTH) :]
    if not points:
        return Text("no load seen yet", style="dim")
    top = max(_TOP_PCT, *(max(point.upper_pct, point.now_pct) for point in points))
    bottom = 10.0 * int(min(point.now_pct for point in points) / 20)
    step = (top - bottom) / height
    chart = Text(no_wrap=True, overflow="crop")
    for row in reversed(range(height)):
        low = bottom + row * step
        is_limit_row = low <= limit_pct < low + step
        chart.append_text(_axis(limit_pct if is_limit_row else low, row, is_limit_row=is_limit_row))
        for point in points:
            chart.append(*_cell(point, low, step, limit_pct, is_limit_row=is_limit_row))
        chart.append("\n")
    chart.append_text(_times(points))
    return chart


def legend(limit_pct: float) -> Text:
    """What the signs of the chart mean."""
    return Text.assemble(
        ("█", NOW),
        " now  ",
        ("▒", MEDIAN),
        " median  ",
        ("░", UPPER),
        " upper band  ",
        ("╌", LIMIT),
        f" limit {limit_pct:g} %",
        no_wrap=True,
        overflow="ellipsis",
    )


def _axis(value: float, row: int, *, is_limit_row: bool) -> Text:
    """The limit beside its line, elsewhere the lower edge of every second row."""
    if is_limit_row:
        return Text(f"{value:4.0f} % ", style=LIMIT)
    return Text(f"{value:4.0f} % " if row % 2 == 0 else " " * _AXIS_WIDTH, style="dim")


def _cell(
    point: BandPoint, low: float, step: float, limit_pct: float, *, is_limit_row: bool
) -> tuple[str, str]:
    filled = (point.now_pct - low) / step
    is_over = low + step > limit_pct
    if filled >= 1 / 8:
        return _EIGHTHS[min(8, int(filled * 8))], OVER if point.now_pct >= limit_pct else NOW
    if is_limit_row:
        return "╌", LIMIT
    middle = low + step / 2
    if point.median_pct >= middle:
        return "▒", OVER if is_over else MEDIAN
    if point.upper_pct >= middle:
        return "░", OVER if is_over else UPPER
    return " ", ""


def _times(points: Sequence[BandPoint]) -> Text:
    first, last = f"{points[0].at:%H:%M}", f"{points[-1].at:%H:%M}"
    room = len(points) - len(first) - len(last)
    line = f"{first}{' ' * room}{last}" if room > 0 else last
    return Text(" " * _AXIS_WIDTH + line, style="dim")
