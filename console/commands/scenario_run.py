"""`foreshadow scenario run`: one scenario, drilled once."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson


def run(  # noqa: PLR0913 - one argument is one option
    scenario: Annotated[str, typer.Argument(help="Scenario file, or a name of the library.")],
    *,
    network: Annotated[Path | None, typer.Option(help="Network file.")] = None,
    lab: Annotated[
        str | None, typer.Option(help="A lab that --keep left running, instead of a new one.")
    ] = None,
    demand: Annotated[
        Path | None,
        typer.Option(help="Matrix CSV (.gz) or profile YAML; none for a gravity model."),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"],
            help="Interval of --demand, UTC; none for the one with most traffic.",
        ),
    ] = None,
    growth: Annotated[
        float, typer.Option(min=0.01, max=1_000, help="Factor on that traffic.")
    ] = 1.0,
    load_limit: Annotated[
        float, typer.Option(min=0.01, help="Load ratio no link may exceed, unless a check says.")
    ] = 0.85,
    seed: Annotated[int, typer.Option(help="For everything that is drawn.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Folder to copy evidence, HTML and JUnit reports to.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab running.")] = False,
    as_json: AsJson = False,
) -> None:
    """Break what the scenario says in a lab, measure, undo, and say what held."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports nobody else needs

    from console.configuration import load_settings  # noqa: PLC0415
    from console.drill_run import DrillWish, run_drill  # noqa: PLC0415
    from console.drill_text import exit_status, print_result  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    wish = DrillWish(
        scenario=scenario,
        network=network,
        lab=lab,
        traffic=demand,
        at=at,
        growth=growth,
        load_limit=load_limit,
        seed=seed,
        report=report,
        keeps=keep,
    )
    answer = run_drill(wish, load_settings(), Console(stderr=True))
    if as_json:
        typer.echo(to_json(answer.brief()))
    else:
        print_result(Console(), answer.result, where=str(answer.folder))
        if answer.kept_lab:
            typer.echo(
                f"The lab runs on: --lab {answer.kept_lab} drills on it again, "
                f"`foreshadow lab down {answer.kept_lab}` removes it."
            )
    raise typer.Exit(exit_status(answer.result.verdict))
