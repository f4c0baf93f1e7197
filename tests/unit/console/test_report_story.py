"""The sentences of a report."""

import pytest

from console import report_story
from console.report_story import StageState
from tests.fakes.sample_report import broken_report, sample_report


def test_verdict_of_a_whole_run_says_that_all_stages_held() -> None:
    """The first line of a good run."""
    assert report_story.verdict(sample_report()) == "All eleven stages held."
    assert report_story.missing(sample_report()) == ()
    assert report_story.reasons(sample_report()) == ()


def test_verdict_of_a_broken_run_names_what_broke() -> None:
    """How many held, which did not and why, how many the run never reached."""
    report = broken_report()

    assert report_story.verdict(report) == "3 of 11 stages held; forecast did not, 7 not reached."
    assert report_story.reasons(report) == ("forecast: No warning within 3 h of the failure.",)


def test_stages_never_reached_are_not_held() -> None:
    """A stage without a record counts as not reached, never as held."""
    states = [row.state for row in report_story.stage_rows(broken_report())]

    assert states == [
        *([StageState.HELD] * 3),
        StageState.BROKEN,
        *([StageState.NOT_REACHED] * 7),
    ]


def test_story_compares_the_load_with_and_without_the_policy() -> None:
    """Time, failure, link, both loads and the limit are in the two sentences."""
    story = report_story.story(sample_report())

    for fact in (
        "2004-03-11 20:10 UTC",
        "CHINng-NYCMng",
        "ATLAng → IPLSng",
        "101.1 %",
        "73.8 %",
        "85 %",
    ):
        assert fact in story


def test_missing_names_each_part_a_broken_run_lacks() -> None:
    """Nothing is left out in silence, and nothing that is there is called missing."""
    gaps = " ".join(report_story.missing(broken_report()))

    for part in ("forecast", "triage", "candidate", "rolled out", "rollback", "dead-man", "map"):
        assert part in gaps
    assert "synchronisation" not in gaps
    assert "fidelity" not in gaps


def test_digest_that_differs_after_a_rollback_is_alarming() -> None:
    """A rollback to another RIB is shown as bad, not as done."""
    report = sample_report(
        rollback={"gate_to_reverted_s": 1.0, "rib_digest_before": "a", "rib_digest_after": "b"}
    )

    (rollback,) = (f for f in report_story.run_figures(report) if f.label == "Rollback")

    assert rollback.tone == "bad"
    assert "differs" in rollback.says


@pytest.mark.parametrize(
    ("value", "text"), [(0.21, "210 ms"), (1.38, "1.4 s"), (10.0, "10 s"), (600.0, "10 min 00 s")]
)
def test_seconds_are_precise_where_they_are_short(value: float, text: str) -> None:
    """Milliseconds below a second, minutes above a hundred seconds."""
    assert report_story.seconds(value) == text


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 B"), (1_912_300, "1.9 MB"), (2_500_000_000, "2.5 GB")]
)
def test_size_is_in_decimal_units(count: int, text: str) -> None:
    """Bytes as network people count them."""
    assert report_story.size(count) == text


def test_saving_is_not_measured_without_sync() -> None:
    """No figures, no claim."""
    assert report_story.sync_saving(sample_report(sync=None)) == "not measured"
    assert report_story.sync_saving(sample_report()) == "111 times less than full state"
