"""`foreshadow demo`: checks, plays, writes the report, cleans up."""

import os
from pathlib import Path

from rich.console import Console

from console.clean import remove_run
from console.configuration import load_settings, wish
from console.demo.director import play
from console.demo.opening import Wishes, write_script
from console.doctor import require
from console.interruption import interruptible
from console.live import LiveView
from console.ownership import claim_run
from console.report_html import render_html
from console.report_model import Report
from console.report_text import render_text
from foreshadow.clock import SystemClock
from foreshadow.errors import ConfigError


def run_demo(wishes: Wishes, *, report_dir: Path, console: Console) -> Report:
    """Play the demo and write its report.

    Args:
        wishes: What the user chose.
        report_dir: Where `report.json` and `report.html` go; made if missing.
        console: Where the live view and the final report go.

    Raises:
        ConfigError: A file, value or directory will not do; nothing was started.
        EnvironmentUnfit: The host lacks something; nothing was started.
        Interrupted: Ctrl-C, say; everything is taken down.
    """
    settings, clock = load_settings(), SystemClock()
    script = write_script(wishes)
    wanted = wish(settings)
    require(wanted)
    _require_writable(report_dir)
    with interruptible(console.print) as interruption:
        run = claim_run(settings.run_dir, pid=os.getpid(), command="demo", clock=clock)
        try:
            with LiveView(console) as view:
                view.print(f"run {run.run_id}: logs and files in {run.directory} while it runs")
                report = play(
                    run,
                    script,
                    view=view,
                    clock=clock,
                    interruption=interruption,
                    given_broker=wanted.broker,
                )
        finally:
            remove_run(run, clock=clock, security=settings.bus.security)
    _write(report, report_dir)
    console.print(render_text(report, html_path=report_dir / "report.html"))
    return report


def _write(report: Report, directory: Path) -> None:
    (directory / "report.json").write_text(report.model_dump_json(indent=2) + "\n")
    (directory / "report.html").write_text(render_html(report))


def _require_writable(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"the report cannot be written here ({error.strerror}); choose another REPORT",
            path=directory,
        ) from error
