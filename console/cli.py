"""The commands. Each one parses, calls and renders; what it does lies in the module it calls.

Standard output is the result, standard error the story. Exit codes: 0 passed, 1 failed, 2 usage or
configuration, 3 inconclusive, 4 the environment lacks something, 70 a bug of ours, 128 and more
stopped by a signal.
"""

import json
import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console import doctor as diagnosis
from console.clean import clean as clean_runs
from console.command_line import AsJson, Exit
from console.commands.design import design_app
from console.commands.drill import drill_app
from console.commands.forecast import forecast_app
from console.commands.ingest import ingest_app
from console.commands.lab import lab_app
from console.commands.scenario import scenario_app
from console.commands.topology import topology_app
from console.commands.whatif import whatif
from console.configuration import load_settings, wish
from console.host import examine
from console.interruption import Interrupted, leave_at_once
from console.report_model import Report, outcome
from foreshadow.clock import SystemClock
from foreshadow.codec import to_json
from foreshadow.errors import (
    BrokerUnreachable,
    ConfigError,
    EnvironmentUnfit,
    ForeshadowError,
    InvariantViolated,
)
from foreshadow.experiment import Verdict

app = typer.Typer(
    help="A running copy of your network that fails first.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="The settings in force.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(design_app, name="design")
app.add_typer(drill_app, name="drill")
app.add_typer(forecast_app, name="forecast")
app.add_typer(ingest_app, name="ingest")
app.add_typer(lab_app, name="lab")
report_app = typer.Typer(help="The report of a run.", no_args_is_help=True)
app.add_typer(report_app, name="report")
app.add_typer(scenario_app, name="scenario")
app.add_typer(topology_app, name="topology")
app.command()(whatif)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say what this host can do, what it lacks, and the remedy for each."""
    findings = examine(wish(load_settings()))
    if as_json:
        typer.echo(to_json(diagnosis.as_json(findings)))
    else:
        Console().print(diagnosis.table(findings), "", diagnosis.verdict(findings), sep="\n")
    raise typer.Exit(Exit.PASSED if diagnosis.is_fit(findings) else Exit.ENVIRONMENT)


@app.command()
def clean(
    run_id: Annotated[str | None, typer.Argument(help="One run; none for every dead one.")] = None,
    *,
    is_everything: Annotated[bool, typer.Option("--all", help="Stop live runs too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what dead runs left behind: processes, namespaces, topics and files."""
    settings = load_settings()
    cleaning = clean_runs(
        settings.run_dir,
        clock=SystemClock(),
        run_id=run_id,
        is_everything=is_everything,
        engine=settings.shadow.engine,
        security=settings.bus.security,
    )
    typer.echo(to_json(cleaning) if as_json else str(cleaning))


@app.command()
def demo(  # noqa: PLR0913 - one argument is one option
    *,
    traffic: Annotated[
        Path | None, typer.Option(help="Matrix CSV (.gz); none for the built-in profile.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Folder for report.json and report.html.")] = Path(
        "report"
    ),
    network: Annotated[Path | None, typer.Option(help="Network file; none for Abilene.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Traffic profile of that network, instead of a CSV.")
    ] = None,
    growth: Annotated[float, typer.Option(min=0.01, max=1_000, help="Factor on traffic.")] = 2.5,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The story's day.")
    ] = None,
    cut: Annotated[str | None, typer.Option(help="The link that fails, A-B.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play the whole loop once on emulated production: warn, drill, prove, roll out, roll back."""
    from console.demo.command import run_demo  # noqa: PLC0415 - seconds of imports nobody else needs
    from console.demo.opening import DEMO_CUT, DEMO_NETWORK, DEMO_PROFILE, Wishes  # noqa: PLC0415

    wishes = Wishes(
        network=network or DEMO_NETWORK,
        traffic=traffic,
        profile=profile or DEMO_PROFILE,
        growth=growth,
        day=day.date() if day else None,
        cut=DEMO_CUT if cut is None else cut,
    )
    found = run_demo(wishes, report_dir=report, console=Console(stderr=as_json))
    if as_json:
        typer.echo(found.model_dump_json())
    raise typer.Exit(
        {
            Verdict.PASSED: Exit.PASSED,
            Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
            Verdict.FAILED: Exit.FAILED,
        }[outcome(found)]
    )


@app.command()
def up(
    network: Annotated[Path, typer.Option(help="Network file.")],
    *,
    is_sure: Annotated[
        bool, typer.Option("--yes", help="Let policies onto the inventory's devices.")
    ] = False,
) -> None:
    """Run every process on this machine until stopped; production is emulated unless listed."""
    from console.up import run_up  # noqa: PLC0415 - seconds of imports nobody else needs

    run_up(network, console=Console(), is_sure=is_sure)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="ingest, forecast, shadow, ...")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Shadow: say what would be done to the mirror.")
    ] = False,
) -> None:
    """Run one process of the house until stopped."""
    from console.serve import serve  # noqa: PLC0415 - seconds of imports nobody else needs

    serve(name, load_settings(), SystemClock(), is_dry_run=dry_run)


@app.command()
def status(
    *,
    is_long: Annotated[bool, typer.Option("--all", help="Every number, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how every process is doing: alive, behind, stale, wrong by how much."""
    from console.house import PROCESSES  # noqa: PLC0415 - only this command needs them
    from console.kafka_bus import KafkaBus  # noqa: PLC0415
    from console.status import read_status, rendered  # noqa: PLC0415

    found = read_status(KafkaBus(load_settings().bus), expected=PROCESSES, now=SystemClock().now())
    if as_json:
        typer.echo(to_json(found))
    else:
        Console().print(rendered(found, is_long=is_long))
    raise typer.Exit(Exit.PASSED if found.is_well else Exit.FAILED)


@report_app.command("schema")
def report_schema() -> None:
    """Print the JSON Schema of report.json."""
    typer.echo(json.dumps(Report.model_json_schema(), indent=2, sort_keys=True))


@config_app.command("show")
def config_show() -> None:
    """Print every setting as it is in force, secrets hidden."""
    typer.echo(load_settings().model_dump_json(indent=2))


def main() -> None:
    """Run the command line and end the process with the status of `Exit`."""
    leave_at_once()
    try:
        app()
    except ConfigError as exc:
        _leave(exc, Exit.USAGE)
    except (EnvironmentUnfit, BrokerUnreachable) as exc:
        _leave(exc, Exit.ENVIRONMENT)
    except InvariantViolated as exc:
        logging.getLogger(__name__).exception("invariant violated")
        _leave(exc, Exit.BUG)
    except ForeshadowError as exc:
        _leave(exc, Exit.FAILED)
    except Interrupted as stopped:
        typer.echo(f"foreshadow: stopped by {stopped.signal}", err=True)
        raise


def _leave(error: ForeshadowError, status: Exit) -> None:
    typer.echo(f"foreshadow: {error}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
