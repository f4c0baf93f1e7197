"""`foreshadow scenario`, as a shell sees it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.cli import app
from foreshadow.errors import ConfigError
from tests.production_state import ABILENE
from tests.scenario_files import SQUARE, text_of

SOUND = """
select: {ring: {links: "*", count: 1}}
steps: [{inject: link-down, on: ring, for: 5s}]
checks: {during: {no_loop: true}}
"""


def _call(*words: object) -> Result:
    return CliRunner().invoke(app, ["scenario", *map(str, words)], env={"COLUMNS": "200"})


def _json(*words: object) -> object:
    done = _call(*words, "--json")
    assert done.exit_code in (0, 1, 2), done.output
    return json.loads(done.stdout)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound scenario file."""
    path = tmp_path / "test.yaml"
    path.write_text(text_of(SOUND))
    return path


def test_list_shows_the_library_or_a_folder(file: Path) -> None:
    """Name, faults, time, and the first sentence of why."""
    shown = _call("list")
    assert shown.exit_code == 0
    assert "busiest-link-down" in shown.stdout
    assert "Started by the forecast." in " ".join(shown.stdout.split())
    (one,) = json.loads(_call("list", file.parent, "--json").stdout)

    assert (one["name"], one["faults"], one["takes_s"]) == ("test", ["link-down"], 5)


def test_lint_ends_with_2_and_one_line_a_problem(file: Path) -> None:
    """file:line:column, so that an editor can jump there; 0 where all is well."""
    assert _call("lint", file).exit_code == 0
    assert _call("lint", "duct-cut", "--network", SQUARE).stdout == "1 file, all sound\n"

    file.write_text(text_of(SOUND).replace("link-down", "link-dwn"))
    done = _call("lint", file)
    assert done.exit_code == 2
    assert done.stdout == (
        f"{file}:5:18: error: steps.0.inject: there is no fault 'link-dwn'; did you mean "
        "'link-down'?\n1 of 1 file cannot be used\n"
    )
    (found,) = json.loads(_call("lint", file, "--json").stdout)
    assert found["problems"][0]["line"] == 5
    assert not found["is_sound"]


def test_plan_shows_targets_timeline_impact_and_undo(file: Path) -> None:
    """And leaves everything as it is; what its limits forbid ends with 1."""
    shown = _call("plan", file, "--network", SQUARE)
    assert shown.exit_code == 0
    for words in ("test on square", "NW-NE down", "fullest link", "Undo", "Blast radius"):
        assert words in shown.stdout
    found = json.loads(_call("plan", file, "--network", SQUARE, "--json").stdout)
    assert found["plan"]["faults"][0]["links"] == ["NW-NE"]
    assert found["undo"] == ["NW-NE down: give both ends their carrier again"]
    assert found["stages"][0]["worst_ratio"] > found["usual"]["worst_ratio"]

    file.write_text(text_of(SOUND + "limits: {never: NW}"))
    refused = _call("plan", file, "--network", SQUARE)
    assert refused.exit_code == 1
    assert "refused: NW-NE down touches NW, which must never be touched" in refused.stdout


def test_plan_takes_measured_traffic() -> None:
    """Of a profile here: at its peak, or at the interval asked for."""
    profile = ABILENE.with_name("abilene_profile.yaml")
    words = ("plan", "busiest-link-down", "--network", ABILENE, "--demand", profile)
    peak = json.loads(_call(*words, "--json").stdout)
    night = json.loads(_call(*words, "--at", "2004-03-02T03:00", "--growth", "2", "--json").stdout)

    assert night["demand"] == "abilene_profile.yaml at 2004-03-02 03:00 UTC, x 2"
    assert sum(night["plan"]["demand"]["rates_bps"]) < 2 * sum(peak["plan"]["demand"]["rates_bps"])


def test_explain_and_schema() -> None:
    """A scenario in words, and the format for editors."""
    told = _call("explain", "duct-cut")
    assert told.exit_code == 0
    assert "What must hold while the faults are in" in told.stdout
    assert json.loads(_call("explain", "duct-cut", "--json").stdout)["name"] == "duct-cut"
    assert json.loads(_call("schema").stdout)["title"] == "Foreshadow scenario, version 1"


def test_calendar_shows_what_comes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order it will happen; blacked-out runs are marked; a folder can be set."""
    file.write_text(
        text_of(
            SOUND + "trigger: {calendar: {cron: '0 1,12 * * *', timezone: Europe/Berlin, "
            "blackout: [{from: 22:00, until: 02:00}]}}"
        )
    )
    found = json.loads(_call("calendar", file, "--next", 4, "--json").stdout)
    assert [run["at"] for run in found] == sorted(run["at"] for run in found)
    assert sorted(run["is_blacked_out"] for run in found) == [False, False, True, True]
    assert "blackout" in _call("calendar", file, "--next", 4).stdout
    assert "weekly-resilience-drill" in _call("calendar", "--library").stdout

    with pytest.raises(ConfigError, match="no scenarios: name files or folders"):
        CliRunner().invoke(app, ["scenario", "calendar"], catch_exceptions=False)
    monkeypatch.setenv("FORESHADOW_SCENARIOS__FOLDER", str(file.parent))
    assert len(json.loads(_call("calendar", "--json").stdout)) == 10


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("explain", "no-such-thing"), "no scenario of that name in the library"),
        (("plan", "duct-cut", "--network", "none.yaml"), "no such network file"),
        (("plan", "./none.yaml", "--network", SQUARE), "no such scenario file"),
        (("lint", "none"), "no scenario of that name"),
        (
            ("plan", "duct-cut", "--network", SQUARE, "--demand", "none.yaml"),
            "no such traffic profile",
        ),
    ],
)
def test_what_is_not_there_is_one_clear_error(words: tuple[object, ...], because: str) -> None:
    """Which the shell sees as status 2."""
    with pytest.raises(ConfigError, match=because):
        CliRunner().invoke(app, ["scenario", *map(str, words)], catch_exceptions=False)
