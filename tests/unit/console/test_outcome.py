"""What a whole run comes to."""

from console.report_model import outcome
from foreshadow.experiment import Verdict
from tests.fakes.sample_report import broken_report, sample_report


def test_outcome_of_eleven_held_stages_is_passed() -> None:
    """Everything was seen to hold."""
    assert outcome(sample_report()) is Verdict.PASSED


def test_outcome_of_a_stage_seen_to_fail_is_failed() -> None:
    """Bad evidence fails the run, whatever else was not reached."""
    assert outcome(broken_report()) is Verdict.FAILED


def test_outcome_without_evidence_is_inconclusive() -> None:
    """A stage that was not seen neither holds nor fails, and what came after was not reached."""
    report = broken_report()
    blind = report.stages[-1].model_copy(update={"unseen": True})

    found = outcome(report.model_copy(update={"stages": (*report.stages[:-1], blind)}))

    assert found is Verdict.INCONCLUSIVE


def test_outcome_of_a_run_that_reached_too_little_is_inconclusive() -> None:
    """All stages so far held, and some were not reached."""
    report = sample_report()
    short = report.model_copy(update={"held": False, "stages": report.stages[:4]})

    assert outcome(short) is Verdict.INCONCLUSIVE
