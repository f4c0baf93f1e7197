"""`foreshadow whatif`: where traffic would go if links, risk groups or routers failed."""

from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson


def whatif(  # noqa: PLR0913 - one argument is one option
    topology: Annotated[
        Path, typer.Argument(help="Network file, or whatever `topology import` reads.")
    ],
    *,
    demand: Annotated[
        Path, typer.Option(help="Matrix CSV (.gz), SNDlib XML, Repetita .demands, or a profile.")
    ],
    at: Annotated[
        list[str] | None,
        typer.Option(help="A time, or P95 of each demand; repeatable, the last one decides."),
    ] = None,
    growth: Annotated[float, typer.Option(min=0.001, max=10_000, help="Factor on traffic.")] = 1.0,
    cut: Annotated[list[str] | None, typer.Option(help="A link, A-B; repeatable.")] = None,
    srlg: Annotated[list[str] | None, typer.Option(help="A risk group; repeatable.")] = None,
    node: Annotated[list[str] | None, typer.Option(help="A router; repeatable.")] = None,
    every: Annotated[
        str | None, typer.Option("--all", help="Try each: n-1, n-2, nodes or srlgs.")
    ] = None,
    limit: Annotated[
        float, typer.Option(min=0.01, max=100, help="Load over capacity that is too much.")
    ] = 1.0,
    top: Annotated[int, typer.Option(min=1, max=100_000, help="Rows shown.")] = 20,
    capacity_gbps: Annotated[
        float | None, typer.Option(min=1e-6, help="Assumed where the file gives no capacity.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Of the topology, if it cannot be told.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the answer as CSV.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the network, coloured by load.")] = None,
    svg: Annotated[Path | None, typer.Option(help="The same as SVG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where traffic would go if links failed, or which failures would hurt most."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports nobody else needs

    from console.whatif_answer import question, write_csv  # noqa: PLC0415
    from console.whatif_ground import demand_at, read_site, read_traffic  # noqa: PLC0415
    from console.whatif_map import draw  # noqa: PLC0415
    from console.whatif_progress import answered  # noqa: PLC0415
    from console.whatif_text import render  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    capacity_bps = None if capacity_gbps is None else capacity_gbps * 1e9
    site = read_site(topology, capacity_bps=capacity_bps, format_name=format_name)
    site, series = read_traffic(demand, site, growth=growth, at=at or ())
    asked = question(
        site.network.what_if.topology,
        cuts=cut or (),
        srlgs=srlg or (),
        nodes=node or (),
        every=every,
        limit_ratio=limit,
        most=top,
    )
    demands = [demand_at(series, each) for each in at or (None,)]
    found = answered(site, demands, asked, Console(stderr=True))
    if csv is not None:
        write_csv(found, csv)
    for picture in (png, svg):
        if picture is not None:
            draw(found, site, picture)
    if as_json:
        typer.echo(to_json(found))
    else:
        Console().print(render(found, most=top))
