"""What the doctor makes of what it finds."""

from pathlib import Path

import pytest
from rich.console import Console

from console.doctor import as_json, is_fit, require, table, verdict
from console.host import PROBES, Finding, Standing, Wish, examine
from foreshadow.errors import EnvironmentUnfit, InvariantViolated
from foreshadow.settings import BusSettings

_FIT = Finding(Standing.FIT, "8.4.4")
_LIMITED = Finding(Standing.LIMITED, "not in this kernel", "a kernel with it")
_UNFIT = Finding(Standing.UNFIT, "no zebra", "make setup (package frr)")

_SILENT = BusSettings(bootstrap="127.0.0.1:1")


def test_host_without_an_optional_thing_is_fit() -> None:
    """Something missing that is done without is said, and stops nobody."""
    findings = {"FRR": _FIT, "link delay (netem)": _LIMITED}

    assert is_fit(findings)
    assert "does without: link delay (netem)" in verdict(findings)


def test_host_without_a_needed_thing_is_not_fit() -> None:
    """Something missing that is needed is named in the verdict."""
    findings = {"root": _FIT, "FRR": _UNFIT}

    assert not is_fit(findings)
    assert verdict(findings) == "This host cannot run Foreshadow yet: FRR."


def test_table_shows_the_remedy_of_what_is_missing() -> None:
    """A stranger sees what helps right below what is missing."""
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table({"root": _FIT, "FRR": _UNFIT}))

    lines = [line.split() for line in capture.get().splitlines()]
    assert lines == [
        ["✓", "root", "8.4.4"],
        ["✗", "FRR", "no", "zebra"],
        ["→", "make", "setup", "(package", "frr)"],
    ]


def test_require_names_each_missing_thing_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing starts on a host that lacks something, and the error is the list of remedies."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EnvironmentUnfit) as caught:
        require(Wish(must_be_kafka=True), "iproute2", "nftables", "network namespaces", "Java")

    lines = str(caught.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == [
        "iproute2",
        "nftables",
        "network namespaces",
        "Java",
    ]
    assert all("remedy: make setup" in line for line in lines)


def test_require_of_an_unknown_probe_is_our_bug() -> None:
    """A misspelt probe does not pass for a fit host."""
    with pytest.raises(InvariantViolated, match="no probe named frrr"):
        require(Wish(), "frrr")


def test_missing_java_is_grave_only_where_kafka_is_demanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Java the embedded broker serves, unless Kafka is demanded or the user's own is."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert examine(Wish(), "Java")["Java"].standing is Standing.LIMITED
    assert examine(Wish(must_be_kafka=True), "Java")["Java"].standing is Standing.UNFIT
    assert examine(Wish(broker=_SILENT), "Java")["Java"].standing is Standing.FIT


@pytest.mark.slow
def test_given_broker_that_is_silent_is_unfit() -> None:
    """An address where nothing listens is found out before anything starts."""
    finding = examine(Wish(broker=_SILENT), "broker")["broker"]

    assert finding.standing is Standing.UNFIT
    assert "127.0.0.1:1" in finding.found
    assert "FORESHADOW_BUS__BOOTSTRAP" in finding.remedy


def test_every_probe_answers_here() -> None:
    """Whatever the host, each probe finds something and names a remedy for what is missing."""
    findings = examine(Wish())

    assert list(findings) == list(PROBES)
    assert all(one.found for one in findings.values())
    assert all(one.remedy for one in findings.values() if one.standing is Standing.UNFIT)


def test_json_carries_what_the_table_does() -> None:
    """A program reads the same findings as a person."""
    assert as_json({"FRR": _UNFIT}) == {
        "is_fit": False,
        "findings": [
            {
                "name": "FRR",
                "standing": "unfit",
                "found": "no zebra",
                "remedy": "make setup (package frr)",
            }
        ],
    }
