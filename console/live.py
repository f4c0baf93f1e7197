"""What a person sees while the demo runs: a full view on a terminal, a log of changes elsewhere.

`LiveView` takes frozen pictures and owns the screen. On a terminal each picture replaces the last
one; in a pipe or in CI only what changed is printed, once, so that a log reads from top to bottom.
"""

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from console.block_chart import legend, load_chart
from console.live_log import changes
from console.live_model import Picture, StageLine, WaveLine
from console.report_story import arrow

_GLYPHS = {"held": ("✔", "green"), "broken": ("✘", "bold red"), "waiting": ("·", "dim")}
_VERDICTS = {
    "PASSED": ("✔", "green"),
    "FAILED": ("✘", "bold red"),
    "INCONCLUSIVE": ("?", "magenta"),
}
_WIDE = 116
_ROOMY = 34
_REFRESH_PER_S = 4


class LiveView:
    """The screen while the demo runs.

    Example:
        >>> from console.live_model import Picture
        >>> with LiveView(Console(width=60, force_terminal=False)) as view:
        ...     view.show(Picture(run_id="fs3fa9c1", headline="Routers start", elapsed_s=3))
        [0:03] Routers start
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: Picture | None = None
        self._live: Live | None = None
        self._spinner = Spinner("dots", style="cyan")

    def __enter__(self) -> Self:
        # FORCE_COLOR, common in CI, makes rich call a pipe a terminal: ask the file itself.
        if self._console.is_interactive and self._console.file.isatty():
            self._live = Live(
                console=self._console,
                get_renderable=self._frame,
                refresh_per_second=_REFRESH_PER_S,
                vertical_overflow="crop",
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, picture: Picture) -> None:
        """Make this the picture on the screen, or log what it changed."""
        if self._live is None:
            for line in changes(self._shown, picture):
                self.print(line)
        self._shown = picture

    def print(self, line: str) -> None:
        """Say something that stays: above the view on a terminal, in order elsewhere."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _frame(self) -> RenderableType:
        if self._shown is None:
            return Text("")
        return frame(self._shown, *self._console.size, spinner=self._spinner)


def frame(
    picture: Picture, width: int, height: int, *, spinner: RenderableType = "●"
) -> RenderableType:
    """One picture as a full view.

    Args:
        picture: What to draw.
        width: Columns of the terminal; from 116 on, stages and chart stand side by side.
        height: Rows of the terminal; on a low one the stages that are over share a line.
        spinner: The sign of a running stage.
    """
    is_wide = width >= _WIDE
    is_roomy = is_wide or height >= _ROOMY
    left = (width - 4) * 11 // 20 if is_wide else width
    stages = _stages(picture, spinner) if is_roomy else _stages_in_brief(picture, spinner)
    chart = _chart(picture, width - left - 4 if is_wide else width, 9 if is_roomy else 5)
    body: list[RenderableType] = [_side_by_side(stages, chart, left)] if is_wide else [stages]
    if not is_wide and chart is not None:
        body += ["", chart] if is_roomy else [chart]
    if picture.waves:
        body += ["", _waves(picture, len(picture.waves) if is_roomy else 4)]
    if picture.lines:
        body += ["", _lines(picture, 5 if is_roomy else 2)]
    return Group(_head(picture, width), "" if is_roomy else Text(end=""), *body)


def _head(picture: Picture, width: int) -> RenderableType:
    moment = Text(f"{_clock(picture.elapsed_s)} elapsed", style="dim")
    if picture.event_time is not None:
        moment = Text.assemble(f"{picture.event_time:%Y-%m-%d %H:%M} UTC  ", moment)
    if picture.is_standing_still:
        moment = Text.assemble((" replay stands still ", "reverse"), "  ", moment)
    name = Table.grid(expand=True)
    name.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    name.add_column(no_wrap=True, justify="right", min_width=moment.cell_len)
    name.add_row(
        Text.assemble(("Foreshadow ", "bold cyan"), (picture.run_id, "dim")),
        moment,
    )
    top = Group(name, Text(arrow(picture.headline), style="bold"))
    if picture.history_share is None or picture.history_share >= 1:
        return top
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text("history", style="dim"),
        ProgressBar(
            total=1.0,
            completed=picture.history_share,
            width=max(10, min(60, width - 20)),
            style="dim",
            complete_style="cyan",
        ),
        f"{picture.history_share:4.0%}",
    )
    return Group(top, bar)


def _stages(picture: Picture, spinner: RenderableType) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    _stage_columns(table, picture)
    for stage in picture.stages:
        table.add_row(_sign(stage, spinner), *_words(stage))
    return table


def _stages_in_brief(picture: Picture, spinner: RenderableType) -> RenderableType:
    """Stages at work in full; those over and those to come in a line each."""
    over, ahead = Text(), Text(style="dim")
    for stage in picture.stages:
        if stage.status == "held":
            over.append("✔ ", "green").append(f"{stage.name}  ")
        elif stage.status == "waiting":
            ahead.append(f"· {stage.name}  ")
    at_work = tuple(stage for stage in picture.stages if stage.status not in {"held", "waiting"})
    table = Table.grid(padding=(0, 1))
    _stage_columns(table, picture)
    for stage in at_work:
        table.add_row(_sign(stage, spinner), *_words(stage))
    return Group(
        *([over] if over else []), *([table] if at_work else []), *([ahead] if ahead else [])
    )


def _stage_columns(table: Table, picture: Picture) -> None:
    table.add_column(min_width=1)
    table.add_column(min_width=max((len(stage.name) for stage in picture.stages), default=0))
    table.add_column(overflow="ellipsis")


def _sign(stage: StageLine, spinner: RenderableType) -> RenderableType:
    if stage.status == "running":
        return spinner
    return Text(*_GLYPHS.get(stage.status, ("?", "magenta")))


def _words(stage: StageLine) -> tuple[Text, Text]:
    quiet = "dim" if stage.status == "waiting" else ""
    loud = "bold" if stage.status == "running" else quiet
    at_work = stage.status in {"running", "broken"}
    return Text(stage.name, style=loud), Text(
        arrow(stage.says),
        style=quiet,
        no_wrap=not at_work,
        overflow="fold" if at_work else "ellipsis",
    )


def _chart(picture: Picture, width: int, height: int) -> RenderableType | None:
    if not picture.band:
        return None
    latest = picture.band[-1]
    now = "bold red" if latest.now_pct >= picture.limit_pct else "bold"
    upper = "bold red" if latest.upper_pct >= picture.limit_pct else "bold"
    title = Text.assemble(
        (arrow(picture.watched), "bold"),
        "  ",
        (f"{latest.now_pct:.1f} %", now),
        " now, up to ",
        (f"{latest.upper_pct:.1f} %", upper),
        " ahead",
        overflow="fold",
    )
    plot = load_chart(picture.band, picture.limit_pct, width, height)
    return Group(title, plot, legend(picture.limit_pct))


def _side_by_side(left: RenderableType, right: RenderableType | None, width: int) -> RenderableType:
    if right is None:
        return left
    table = Table.grid(padding=(0, 4, 0, 0))
    table.add_column(width=width)
    table.add_column()
    table.add_row(left, right)
    return table


def _waves(picture: Picture, most: int) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    shown = picture.waves[-most:]
    for width in (
        6,
        5,
        max(len(wave.step) for wave in shown),
        5 * max(len(w.gates) for w in shown),
    ):
        table.add_column(min_width=width, no_wrap=True)
    table.add_column(overflow="ellipsis")
    for wave in shown:
        table.add_row(
            f"wave {wave.number}",
            f"{wave.affected_pct:3.0f} %",
            Text(wave.step, style=_step_style(wave)),
            _gates(wave),
            Text(arrow(wave.says), style="dim", no_wrap=True, overflow="ellipsis"),
        )
    title = Text.assemble(
        ("Rollout ", "bold"),
        (picture.waves[-1].txn, "dim"),
        ("  share of the affected traffic, step, gates", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )
    return Group(title, table)


def _gates(wave: WaveLine) -> Text:
    line = Text()
    for gate, verdict in wave.gates:
        sign, style = _VERDICTS.get(verdict, ("·", "dim"))
        line.append(f"{gate} ").append(f"{sign} ", style)
    return line


def _step_style(wave: WaveLine) -> str:
    if wave.step in {"confirmed", "complete"}:
        return "green"
    return "bold red" if wave.step in {"reverting", "reverted", "revert-failed"} else "cyan"


def _lines(picture: Picture, most: int) -> RenderableType:
    return Group(
        *(
            Text(arrow(line), style="dim", no_wrap=True, overflow="ellipsis")
            for line in picture.lines[-most:]
        )
    )


def _clock(elapsed_s: float) -> str:
    minutes, seconds = divmod(int(elapsed_s), 60)
    return f"{minutes}:{seconds:02d}"
