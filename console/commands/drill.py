"""`foreshadow drill`: drills that were run, their evidence, and what a killed one left."""

from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson, Exit

drill_app = typer.Typer(
    help="Drills that were run: their evidence, again, and what a killed one left.",
    no_args_is_help=True,
)
_Id = Annotated[str, typer.Argument(metavar="ID", help="The drill's id, or how it begins.")]


@drill_app.command("list")
def list_drills(*, as_json: AsJson = False) -> None:
    """List the drills of this host, the oldest first."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports nobody else needs

    from console.configuration import load_settings  # noqa: PLC0415
    from console.drill_folders import kept_drills  # noqa: PLC0415
    from console.drill_list import rows, table  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = rows(kept_drills(load_settings().run_dir))
    if as_json:
        typer.echo(to_json(found))
    else:
        Console().print(table(found))


@drill_app.command("show")
def show(drill: _Id, *, as_json: AsJson = False) -> None:
    """Show a drill's answer, its evidence checked against its seal."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports nobody else needs

    from console.configuration import load_settings  # noqa: PLC0415
    from console.drill_folders import the_drill  # noqa: PLC0415
    from console.drill_text import print_result  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415
    from scenarios.drills.evidence import read_bundle  # noqa: PLC0415

    bundle = read_bundle(the_drill(load_settings().run_dir, drill).folder)
    if as_json:
        typer.echo(to_json(bundle.evidence))
        return
    console = Console()
    for event in bundle.timeline:
        console.print(
            f"{event.at_s:8.2f} s  {event.step:<10} {event.says}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    print_result(console, bundle.result, where=str(bundle.folder))


@drill_app.command("replay")
def replay(
    drill: _Id,
    *,
    report: Annotated[
        Path | None, typer.Option(help="Folder to copy evidence, HTML and JUnit reports to.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a drill again from its evidence alone, and compare."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports nobody else needs

    from console.configuration import load_settings  # noqa: PLC0415
    from console.drill_folders import the_drill  # noqa: PLC0415
    from console.drill_list import compared  # noqa: PLC0415
    from console.drill_run import replay_drill  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    settings, path = load_settings(), Path(drill)
    folder = path if path.is_dir() else the_drill(settings.run_dir, drill).folder
    answer, found = replay_drill(folder, settings, Console(stderr=True), report=report)
    if as_json:
        typer.echo(to_json(found))
    else:
        Console().print(compared(found), f"\nEvidence: {answer.folder}", soft_wrap=True)
    if not found.is_conclusive:
        raise typer.Exit(Exit.INCONCLUSIVE)
    raise typer.Exit(Exit.PASSED if found.is_reproduced else Exit.FAILED)


@drill_app.command("recover")
def recover(*, as_json: AsJson = False) -> None:
    """Undo and verify what killed drills left in labs that still run."""
    from console.configuration import load_settings  # noqa: PLC0415 - seconds of imports
    from console.drill_recovery import recover_all  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = recover_all(load_settings())
    if as_json:
        typer.echo(to_json(found))
    else:
        typer.echo("\n".join(map(str, found)) or "no drill was cut short")
    raise typer.Exit(Exit.PASSED if all(each.is_whole for each in found) else Exit.FAILED)
