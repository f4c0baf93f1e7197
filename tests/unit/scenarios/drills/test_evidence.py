"""Evidence that was changed is no evidence; a replay is asked from it alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from foreshadow.experiment import CheckFinding, ExperimentResult, LinkLoad, Phase, Verdict
from scenarios.drill_plan import decode_plan
from scenarios.drills.evidence import read_bundle
from scenarios.drills.replay import compare, experiment_of
from tests.evidence_sample import write_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed bundle."""
    write_sample(tmp_path)
    return tmp_path


def test_a_bundle_is_read_as_it_was_written(folder: Path) -> None:
    """Plan, lab, result, story and every probe come back."""
    bundle = read_bundle(folder)

    assert bundle.evidence.verdict == bundle.result.verdict.name
    assert bundle.timeline[0].says == "at rest"
    ((name, sent_s, arrived),) = bundle.trails
    assert name == "SE>203.0.113.1"
    assert (len(sent_s), int((~arrived).sum())) == (300, 83)
    assert bundle.changes[0].router == "NE"
    assert {node.id for node in bundle.lab.nodes} >= {"NW", "NE", "SE", "SW"}


@pytest.mark.parametrize(
    "name", ["experiment.json", "lab.json.gz", "result.json.gz", "probes.npz", "timeline.jsonl"]
)
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    """One byte more, and the bundle is refused."""
    with (folder / name).open("ab") as file:
        file.write(b" ")

    with pytest.raises(ConfigError, match=rf"{name}: was changed after it was sealed"):
        read_bundle(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    """A bundle is whole or refused."""
    (folder / "probes.npz").unlink()

    with pytest.raises(ConfigError, match=r"probes\.npz: is missing"):
        read_bundle(folder)


def test_a_verdict_cannot_be_mended(folder: Path) -> None:
    """The seal covers what the bundle says of itself."""
    path = folder / "evidence.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "verdict": "PASSED"}))

    with pytest.raises(ConfigError, match=r"evidence\.json: was changed"):
        read_bundle(folder)


def test_a_whole_number_where_a_fraction_is_meant_is_sealed_all_the_same(tmp_path: Path) -> None:
    """An outage of 0 is written as 0 and read as 0.0; the bundle is not refused for that."""
    finding = CheckFinding(
        moment="during", check="outage", verdict=Verdict.PASSED, detail="", measured=0, limit=1
    )
    write_sample(tmp_path, findings=[finding])

    assert read_bundle(tmp_path).evidence.findings[0].measured == 0.0


def test_a_drill_that_was_cut_short_has_no_evidence(tmp_path: Path) -> None:
    """It says so, and not how a file is missing."""
    with pytest.raises(ConfigError, match="the drill did not come to its end"):
        read_bundle(tmp_path)


def test_a_replay_asks_the_same_under_another_name(folder: Path) -> None:
    """Same faults, checks, demand and seed; the drill it repeats is its cause."""
    bundle = read_bundle(folder)

    again = experiment_of(bundle, name="again")

    then, now = decode_plan(bundle.experiment.drill), decode_plan(again.drill)
    assert (again.id, again.cause, now.id) == ("again", bundle.experiment.id, "again")
    assert replace(now, id=then.id) == then


def _run(verdict: Verdict, ratio: float, loss: float) -> ExperimentResult:
    phase = Phase(
        name="failed",
        loads=(LinkLoad(link="SW->NW", load_bps=2.5e9 * ratio, load_ratio=ratio),),
        lost_bps=0.0,
        rib_digest="d" * 64,
        tables=(),
        settle_ms=80.0,
    )
    found = [
        CheckFinding(
            moment="during", check=check, verdict=Verdict.PASSED, detail="", measured=value, limit=1
        )
        for check, value in (("utilisation", ratio), ("loss", loss))
    ]
    base = datetime(2026, 1, 1, tzinfo=UTC)
    return write_sample(None, at=base, verdict=verdict, phases=(phase,), findings=tuple(found))


def test_a_replay_agrees_on_what_does_not_depend_on_the_host() -> None:
    """The same tables give the same loads; times and losses may differ."""
    then = _run(Verdict.PASSED, 0.5, 0.01)

    assert compare(then, _run(Verdict.PASSED, 0.5, 0.02)).is_reproduced
    assert not compare(then, _run(Verdict.PASSED, 0.51, 0.01)).is_reproduced
    assert not compare(then, _run(Verdict.FAILED, 0.5, 0.01)).is_reproduced
    assert not compare(then, _run(Verdict.INCONCLUSIVE, 0.5, 0.01)).is_conclusive
