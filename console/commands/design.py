"""`foreshadow design`: other ways to route a network."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson, Exit

design_app = typer.Typer(help="Other ways to route a network.", no_args_is_help=True)


@design_app.command()
def compare(  # noqa: PLR0913 - one argument is one option
    network: Annotated[Path, typer.Argument(help="Network file.")],
    *,
    variants: Annotated[
        Path | None, typer.Option(help="Variants file; none for those that ship.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Try this variant alone; repeatable.")
    ] = None,
    cut: Annotated[
        list[str] | None, typer.Option(help="A link that fails, A-B; repeatable.")
    ] = None,
    cuts: Annotated[int, typer.Option(min=1, max=50, help="So many of the worst single cuts.")] = 3,
    demand: Annotated[
        Path | None, typer.Option(help="Matrix CSV (.gz) or profile YAML; none for gravity.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="Interval of --demand, UTC."),
    ] = None,
    growth: Annotated[float, typer.Option(min=0.01, max=1_000, help="Factor on it.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Run the network's own design and its variants as labs, fail the same links, compare."""
    from rich.console import Console  # noqa: PLC0415 - seconds of imports nobody else needs

    from console.configuration import load_settings  # noqa: PLC0415
    from console.design_compare import VARIANTS, CompareWish, run_comparison  # noqa: PLC0415
    from console.design_table import comparison_text  # noqa: PLC0415
    from foreshadow.codec import to_json  # noqa: PLC0415

    wish = CompareWish(
        network=network,
        variants=variants or VARIANTS,
        only=tuple(only or ()),
        cuts=tuple(cut or ()),
        count=cuts,
        traffic=demand,
        at=at,
        growth=growth,
    )
    found = run_comparison(wish, load_settings(), Console(stderr=True))
    if as_json:
        typer.echo(to_json(found))
    else:
        Console().print(comparison_text(found))
    raise typer.Exit((Exit.PASSED, Exit.INCONCLUSIVE, Exit.FAILED)[found.verdict])
