"""A drill's evidence as pages and as JUnit: what is there, and that nothing in it is code."""

from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite

from console.drill_chart import gap_chart
from console.drill_junit import write_junit
from console.drill_report import render_drill_html
from foreshadow.experiment import Verdict
from scenarios.drills.evidence import Bundle, read_bundle
from tests.evidence_sample import write_sample


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A drill that failed."""
    write_sample(tmp_path)
    return read_bundle(tmp_path)


def test_the_page_stands_alone_and_escapes(bundle: Bundle) -> None:
    """No script, no request; verdict, both meters, checks and seal; text is text."""
    page = render_drill_html(bundle)

    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<nobody>" not in page
    assert "&lt;nobody&gt;" in page
    for expected in ("did not hold", "83 ms", "120.0%", bundle.evidence.sha256, "NE-SE down"):
        assert expected in page


def test_the_gap_chart_shows_the_lost_packets_where_they_were_lost(bundle: Bundle) -> None:
    """One gap from the injection on, as long as its probes stand for."""
    chart = gap_chart(bundle)

    assert chart is not None
    (lane,) = chart.lanes
    (gap,) = lane.gaps
    injected = next(mark for mark in chart.marks if mark.label == "injected")
    assert gap.x == pytest.approx(injected.x, abs=2)
    assert lane.says == "83 ms"
    (change,) = chart.changes
    assert change == pytest.approx(gap.x + gap.width, abs=2)


def test_junit_has_a_case_for_each_check(bundle: Bundle, tmp_path: Path) -> None:
    """A failed check fails, one that was not measured is skipped, and the suite took its time."""
    path = write_junit(bundle.result, bundle.evidence, tmp_path / "out" / "junit.xml")

    (suite,) = JUnitXml.fromfile(str(path))
    assert isinstance(suite, TestSuite)
    cases = {case.name: case.result for case in suite}
    assert isinstance(cases["during utilisation"][0], Failure)
    assert isinstance(cases["after latency"][0], Skipped)
    assert cases["everything injected is undone"] == []
    assert (suite.failures, suite.skipped, suite.errors) == (1, 1, 0)
    assert suite.time == pytest.approx(8.0)


def test_an_inconclusive_drill_is_an_error_of_the_test(tmp_path: Path) -> None:
    """Not a failure of the network: CI shows it, and what speaks against it."""
    write_sample(tmp_path, verdict=Verdict.INCONCLUSIVE)
    bundle = read_bundle(tmp_path)

    path = write_junit(bundle.result, bundle.evidence, tmp_path / "junit.xml")

    (suite,) = JUnitXml.fromfile(str(path))
    cases = {case.name: case.result for case in suite}
    assert isinstance(cases["the drill is conclusive"][0], Error)
