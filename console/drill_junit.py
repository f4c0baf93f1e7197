"""A drill as JUnit XML: each check is a test case, so that a CI shows which one did not hold."""

from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from foreshadow.experiment import CheckFinding, ExperimentResult, Verdict
from scenarios.drills.evidence import Evidence


def write_junit(result: ExperimentResult, evidence: Evidence, path: Path) -> Path:
    """Write the drill's suite to a file and return it."""
    suite = TestSuite(f"foreshadow.{evidence.scenario or 'experiment'}")
    suite.timestamp = evidence.began_at.strftime("%Y-%m-%dT%H:%M:%S")
    suite.hostname = "localhost"
    for finding in result.findings:
        suite.add_testcase(_case(finding, evidence))
    suite.add_testcase(_undo(result, evidence))
    if result.verdict is Verdict.INCONCLUSIVE:
        suite.add_testcase(_doubt(result, evidence))
    for name, value in _properties(result, evidence):
        suite.add_property(name, value)
    suite.update_statistics()  # type: ignore[no-untyped-call]
    whole = JUnitXml("foreshadow")
    whole.add_testsuite(suite)
    whole.update_statistics()  # type: ignore[no-untyped-call]
    # The drill took this long as a whole; its checks share it.
    suite.time = whole.time = round(result.took_s, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.write(str(path), pretty=True)
    return path


def _case(finding: CheckFinding, evidence: Evidence) -> TestCase:
    case = TestCase(f"{finding.moment} {finding.check}", classname=_class(evidence))
    case.system_out = finding.detail
    if finding.verdict is Verdict.FAILED:
        case.result = [Failure(finding.detail, finding.check)]
    elif finding.verdict is Verdict.INCONCLUSIVE:
        case.result = [Skipped(finding.detail)]
    return case


def _undo(result: ExperimentResult, evidence: Evidence) -> TestCase:
    case = TestCase("everything injected is undone", classname=_class(evidence))
    if not result.undo_verified and result.convergence is not None:
        case.result = [Failure("; ".join(result.reasons), "undo")]
    elif not result.undo_verified:
        case.result = [Skipped("nothing was injected")]
    return case


def _doubt(result: ExperimentResult, evidence: Evidence) -> TestCase:
    """What makes the drill prove nothing: an error of the test, not a failure of the network."""
    case = TestCase("the drill is conclusive", classname=_class(evidence))
    case.result = [Error("; ".join(result.reasons), "inconclusive")]
    return case


def _properties(result: ExperimentResult, evidence: Evidence) -> tuple[tuple[str, str], ...]:
    return (
        ("drill", result.id),
        ("verdict", result.verdict.name),
        ("seed", str(evidence.seed)),
        ("plan_sha256", evidence.plan_sha256),
        ("evidence_sha256", evidence.sha256),
        ("frr", evidence.host.frr),
        ("kernel", evidence.host.kernel),
    )


def _class(evidence: Evidence) -> str:
    return f"foreshadow.{evidence.scenario or 'experiment'}"
