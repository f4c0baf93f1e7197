"""`foreshadow topology`: networks that others wrote down."""

from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson
from foreshadow.errors import ConfigError

topology_app = typer.Typer(help="Networks that others wrote down.", no_args_is_help=True)


@topology_app.command("import")
def import_topology(  # noqa: PLR0913 - one argument is one option
    file: Annotated[
        Path | None,
        typer.Argument(help="GraphML, SNDlib, Repetita, Rocketfuel, TopoHub, containerlab, ..."),
    ] = None,
    *,
    router: Annotated[
        str | None,
        typer.Option(help="Instead: the database of a running FRR, its pathspace or folder."),
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="If name and content do not tell.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write it as a network file, ready for `lab up`.")
    ] = None,
    capacity_gbps: Annotated[
        float | None, typer.Option(min=1e-6, help="Assumed where the file gives no capacity.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The network's name in the output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a topology, say what is in it and what is not, and make a network file of it."""
    from console.topology_import import imported, summary  # noqa: PLC0415 - networkx is slow to load
    from foreshadow.codec import to_json  # noqa: PLC0415
    from ingest.topologies.lsdb import read_router  # noqa: PLC0415
    from ingest.topologies.reading import read_topology  # noqa: PLC0415

    if output is not None and output.exists() and not output.is_file():
        raise ConfigError("is not a file that can be written", path=output)
    if (file is None) is (router is None):
        raise ConfigError("name a file, or a running router with --router")
    topology = read_topology(file, format_name=format_name) if file else read_router(str(router))
    capacity_bps = None if capacity_gbps is None else capacity_gbps * 1e9
    found = imported(topology, capacity_bps=capacity_bps, name=name, output=output)
    typer.echo(to_json(found) if as_json else summary(found))
