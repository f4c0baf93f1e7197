"""`foreshadow scenario`: what might happen to a network, written down."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson, Exit
from console.commands.scenario_run import run

scenario_app = typer.Typer(help="Failure scenarios: what might happen.", no_args_is_help=True)
scenario_app.command("run")(run)

Named = Annotated[str, typer.Argument(help="Scenario file, or a name of the library.")]
Network = Annotated[Path, typer.Option(help="Network file to resolve the selectors on.")]
Traffic = Annotated[
    Path | None,
    typer.Option("--demand", help="Matrix CSV (.gz) or profile YAML; none for a gravity model."),
]
At = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"],
        help="Interval of --demand, UTC; none for the one with most traffic.",
    ),
]
Growth = Annotated[float, typer.Option(min=0.01, max=1_000, help="Factor on that traffic.")]


@scenario_app.command("list")
def list_scenarios(
    where: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; none for the library.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List scenarios: what each is about, what it injects, what starts it."""
    from console.scenario_text import listed, listing  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = listed(tuple(where or ()))
    _print(to_json(found) if as_json else listing(found))


@scenario_app.command("lint")
def lint_files(
    files: Annotated[list[str], typer.Argument(help="Scenario files, folders, library names.")],
    *,
    network: Annotated[
        Path | None, typer.Option(help="Also resolve every selector on this network file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with scenario files, where, and the fix; 0 if nothing is."""
    from console.scenario_lint import lint_all, problems_text  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = lint_all(tuple(files), network=network)
    _print(to_json(found) if as_json else problems_text(found), is_for_tools=True)
    raise typer.Exit(Exit.PASSED if all(file.is_sound for file in found) else Exit.USAGE)


@scenario_app.command()
def plan(  # noqa: PLR0913 - one argument is one option
    scenario: Named,
    *,
    network: Network,
    demand: Traffic = None,
    at: At = None,
    growth: Growth = 1.0,
    load_limit: Annotated[
        float, typer.Option(min=0.01, help="Load ratio no link may exceed, unless a check says.")
    ] = 0.85,
    seed: Annotated[int, typer.Option(help="For selectors that draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what a drill would do to a network: targets, timeline, impact, undo. Changes nothing."""
    from console.scenario_plan import PlanWish, plan_text, planned_on  # noqa: PLC0415 - slow imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    wish = PlanWish(
        scenario=scenario,
        network=network,
        traffic=demand,
        at=at,
        growth=growth,
        load_limit=load_limit,
        seed=seed,
    )
    found = planned_on(wish)
    _print(to_json(found) if as_json else plan_text(found))
    raise typer.Exit(Exit.FAILED if found.refusals else Exit.PASSED)


@scenario_app.command()
def explain(scenario: Named, *, as_json: AsJson = False) -> None:
    """Tell a scenario in plain words, field by field."""
    from console.scenario_text import explained, explanation  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = explained(scenario)
    _print(to_json(found) if as_json else explanation(found))


@scenario_app.command()
def schema() -> None:
    """Print the JSON Schema of a scenario file, for editors."""
    import json  # noqa: PLC0415

    from scenarios.authoring.scenario_file import json_schema  # noqa: PLC0415 - seconds of imports

    typer.echo(json.dumps(json_schema(), indent=2, sort_keys=True))


@scenario_app.command()
def calendar(
    where: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; none for the settings' folder.")
    ] = None,
    *,
    library: Annotated[bool, typer.Option("--library", help="The library's too.")] = False,
    count: Annotated[int, typer.Option("--next", min=1, max=1000, help="So many runs.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show the next runs of the calendar, and those a blackout takes away."""
    from console.scenario_calendar import calendar_text, coming  # noqa: PLC0415 - slow imports
    from foreshadow.clock import SystemClock  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = coming(tuple(where or ()), is_library=library, count=count, now=SystemClock().now())
    _print(to_json(found) if as_json else calendar_text(found))


def _print(what: object, *, is_for_tools: bool = False) -> None:
    """JSON as it is, everything else as rich draws it; for tools, one line stays one line."""
    if isinstance(what, bytes):
        typer.echo(what)
        return
    from rich.console import Console  # noqa: PLC0415

    Console().print(what, soft_wrap=is_for_tools)
