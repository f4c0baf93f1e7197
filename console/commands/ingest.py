"""`foreshadow ingest`: what telemetry says, and what could not be used of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console.command_line import AsJson
from foreshadow.codec import to_json

ingest_app = typer.Typer(help="What telemetry says, and what is refused.", no_args_is_help=True)


@ingest_app.command("decode")
def decode(
    file: Annotated[Path, typer.Argument(help="Plain or .gz; - for standard input.")],
    *,
    spelling: Annotated[
        str,
        typer.Option(
            "--as",
            help="gnmi, gnmi-proto, gnmic-json, gnmic-event, mdt, cisco-csv, bmp, syslog.",
        ),
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


@ingest_app.command("rejects")
def rejects(
    *,
    reason: Annotated[str, typer.Option(help="Only what contains this, in reason or origin.")] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what could not be used, by reason, with samples: the dead-letter topic."""
    from console import rejects as dead_letters  # noqa: PLC0415 - only this command needs them
    from console.configuration import load_settings  # noqa: PLC0415
    from console.kafka_bus import KafkaBus  # noqa: PLC0415

    after = since.replace(tzinfo=UTC) if since else None
    book = dead_letters.read_rejects(KafkaBus(load_settings().bus), since=after)
    if as_json:
        typer.echo(to_json(book.as_plain(reason)))
    else:
        Console().print(dead_letters.rendered(book, book.lines(reason)))
