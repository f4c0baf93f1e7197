"""The final report on the screen."""

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from console.report_model import STAGE_NAMES, Report
from console.report_text import render_text
from tests.fakes.sample_report import broken_report, sample_report


def shown(report: Report, width: int = 120) -> str:
    """The report as a pipe gets it."""
    console = Console(file=io.StringIO(), force_terminal=False, width=width)
    with console.capture() as capture:
        console.print(render_text(report, html_path=Path("out/report.html")))
    return capture.get()


def test_report_begins_with_the_verdict() -> None:
    """The first line says whether the run held."""
    assert shown(sample_report()).startswith("✔ All eleven stages held.")
    assert shown(broken_report()).startswith("✘ 3 of 11 stages held; forecast did not")


def test_report_has_the_numbers_that_matter() -> None:
    """Loads, sync, fidelity, rollback, dead-man, times of both profiles, notes, where HTML lies."""
    text = shown(sample_report())

    for fact in (
        *("24.4 %", "101.1 %", "73.8 %"),
        *("3,704 messages", "212.4 MB", "100.0 %"),
        *("1.4 s", "10.3 s", "production's defaults", "5 min 00 s"),
        *("all six prefixes at NYCMng", "over the limit of 85 %", "estimated only"),
        *("G1 ✘", "20 of 24 best-path changes were not predicted"),
        *("laptop", "out/report.html"),
    ):
        assert fact in text
    for name in STAGE_NAMES:
        assert name in text


def test_report_shows_the_five_worst_failures() -> None:
    """Triage is cut after five on the screen."""
    text = shown(sample_report())

    assert "ATLAng-WASHng" in text
    assert "HSTNng-LOSAng" not in text


def test_report_of_a_broken_run_says_what_is_missing() -> None:
    """A run that broke at stage 4 renders and names what it did not get to."""
    text = shown(broken_report())

    assert "forecast: No warning within 3 h of the failure." in text
    assert "What this run did not get to" in text
    assert "Nothing was rolled out." in text
    assert text.count("not reached") == 8


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("report", [sample_report(), broken_report()], ids=["whole", "broken"])
def test_report_fits_the_screen(report: Report, width: int) -> None:
    """No row is wider than the terminal."""
    assert max(cell_len(row) for row in shown(report, width).splitlines()) <= width


def test_report_prints_markup_as_it_is() -> None:
    """A sentence with brackets from a device is text, not markup."""
    text = shown(sample_report(notes=("route-map [bold]FS[/bold] was there before",)))

    assert "route-map [bold]FS[/bold] was there before" in text
