"""`foreshadow ingest`: what telemetry says, and what could not be used of it."""

from pathlib import Path
from typing import Annotated

import typer

from console.command_line import AsJson

ingest_app = typer.Typer(help="What telemetry says, and what is refused.", no_args_is_help=True)


@ingest_app.command("decode")
def decode(
    file: Annotated[Path, typer.Argument(help="Plain or .gz; - for standard input.")],
    *,
    spelling: Annotated[
        str, typer.Option("--as", help="gnmi, gnmic-json, gnmic-event or mdt.")
    ] = "gnmi",
    device: Annotated[
        str, typer.Option(help="Whose a record is that does not say so itself.")
    ] = "device",
    limit: Annotated[int, typer.Option(min=1, help="Print at most this many lines.")] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Say what a file of telemetry means in our words, and refuse by line what it does not.

    Ends with status 1 where anything was refused.
    """
    from console.decoding import decode_file  # noqa: PLC0415 - pulls in every decoder

    raise typer.Exit(decode_file(file, spelling, device=device, limit=limit, as_json=as_json))
