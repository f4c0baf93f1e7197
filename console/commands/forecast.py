"""`foreshadow forecast`: what the forecast is worth."""

from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson

_PIPED_WIDTH = 120
"""Columns of a table that goes into a file."""

forecast_app = typer.Typer(help="What the forecast is worth.", no_args_is_help=True)


@forecast_app.callback()
def forecast() -> None:
    """What the forecast is worth."""


@forecast_app.command()
def backtest(  # noqa: PLR0913 - one argument is one option
    file: Annotated[Path, typer.Argument(help="CSV (.gz) of a series or of traffic matrices.")],
    *,
    topology: Annotated[
        Path | None,
        typer.Option(help="Judge every link of it, the matrices routed by its metrics."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(help="Length of an interval, 5m; longer than the file's: its means."),
    ] = None,
    horizons: Annotated[str, typer.Option(help="How far ahead, ascending.")] = "1h,3h,6h",
    column: Annotated[str | None, typer.Option(help="One column or demand by name.")] = None,
    warm_up: Annotated[
        str | None,
        typer.Option(help="Not judged; else the first half, 14 days at most."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (PNG).")] = None,
    as_json: AsJson = False,
) -> None:
    """Live through a past: predict, wait, learn, and compare with the naive forecasts."""
    from rich.console import Console  # noqa: PLC0415 - loaded by those who draw

    from console.backtest_plot import in_terminal, write_png  # noqa: PLC0415 - seconds of imports
    from console.backtest_run import Wishes, run_backtest  # noqa: PLC0415
    from console.backtest_text import json_lines, tables  # noqa: PLC0415

    wishes = Wishes(
        file=file,
        topology=topology,
        step=step,
        horizons=horizons,
        column=column,
        warm_up=warm_up,
    )
    judged = run_backtest(wishes, console=Console(stderr=True))
    if plot is not None:
        write_png(judged, plot)
    if as_json:
        for line in json_lines(judged):
            typer.echo(line)
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    console.print(*tables(judged), sep="\n")
    typer.echo(in_terminal(judged, width=min(console.width, 120)))
