"""`foreshadow lab`: labs of one's own, that stay until they are taken down."""

from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson, Exit

lab_app = typer.Typer(
    help="Labs of one's own: real routers that stay until they are taken down.",
    no_args_is_help=True,
)
_Network = Annotated[Path, typer.Argument(metavar="NETWORK", help="Network file.")]
_Lab = Annotated[
    str | None, typer.Option("--name", help="Which lab; not needed where there is one alone.")
]


@lab_app.command()
def up(
    network: _Network,
    *,
    name: Annotated[str | None, typer.Option(help="Letters and digits; the network's.")] = None,
    backend: Annotated[str, typer.Option(help="netns or containerlab.")] = "netns",
    as_json: AsJson = False,
) -> None:
    """Bring a network up as a lab and leave it running."""
    from console.lab_command import brought_up  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = brought_up(network, name=name, backend=backend)
    typer.echo(to_json(found) if as_json else str(found))


@lab_app.command()
def status(*, as_json: AsJson = False) -> None:
    """List the labs of this host and how they are; 1 where a router is dead."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports

    from console.lab_command import listed, table  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = listed()
    if as_json:
        typer.echo(to_json(found))
    else:
        Console().print(table(found) if found else "There is no lab.")
    is_well = not any(lab.dead or lab.complaint for lab in found)
    raise typer.Exit(Exit.PASSED if is_well else Exit.FAILED)


@lab_app.command()
def plan(
    actual: Annotated[Path, typer.Argument(help="Network file: what is.")],
    wanted: Annotated[Path, typer.Argument(help="Network file: what is to be.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what leads a lab from one network file to another, live. Touches nothing."""
    from console.lab_command import planned_between, told  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    changes = planned_between(actual, wanted)
    typer.echo(to_json(changes) if as_json else told(changes))


@lab_app.command()
def level(
    network: _Network,
    *,
    name: _Lab = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say it, and touch nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lead a running lab to what a network file says, without restarting its routers."""
    from console.lab_command import levelled, told  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    changes = levelled(network, name=name, is_dry_run=dry_run)
    typer.echo(to_json(changes) if as_json else told(changes))


@lab_app.command()
def down(
    name: Annotated[str | None, typer.Argument(help="Which lab; none for the only one.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take a lab down and remove everything it left."""
    from console.lab_command import taken_down  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    removal = taken_down(name)
    typer.echo(to_json(removal) if as_json else str(removal))


@lab_app.command()
def write(
    network: _Network,
    *,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write a network as a containerlab file that runs without us, configurations beside it."""
    from console.lab_file import written  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = written(network, output)
    typer.echo(to_json(found) if as_json else str(found))


@lab_app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A `*.clab.yml` of anybody's.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what of a containerlab file runs here, and what is left out; 2 where it cannot run."""
    from console.lab_file import checked  # noqa: PLC0415 - seconds of imports
    from foreshadow.codec import to_json  # noqa: PLC0415

    found = checked(file)
    typer.echo(to_json(found) if as_json else str(found))
