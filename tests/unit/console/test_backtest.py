"""`foreshadow forecast backtest`: what it judges, what it prints, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from console.backtest_run import Wishes, duration, run_backtest
from console.cli import app
from console.link_series import link_loads
from console.series_file import read_series
from foreshadow.errors import ConfigError
from ingest.topologies.reading import read_topology

RUNNER = CliRunner()
FIRST = (
    *("series", "step_s", "horizon_s", "n", "wape_pct", "wape_last_value_pct"),
    *("wape_best_naive_pct", "coverage_p95_pct", "pinball_p95"),
)
NUMBERED = """Node_num: 3\tEdge_num: 6
Link_index Source Destination OSPF Capacity(kbps)
0 0 1 1 1000
1 1 0 1 1000
2 1 2 1 1000
3 2 1 1 1000
4 0 2 5 1000
5 2 0 5 1000
"""


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    """Six days of a small matrix, half an hour a line."""
    rng, lines = np.random.default_rng(1), ["timestamp_utc,A->B,A->C,C->A"]
    for number in range(6 * 48):
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=30) * number
        values = (2 + np.sin(2 * np.pi * number / 48)) * np.exp(rng.normal(0, 0.1, 3))
        lines.append(f"{at:%Y-%m-%d %H:%M:%S}," + ",".join(f"{value:.4f}" for value in values))
    path = tmp_path / "matrix.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    """Three routers in a row, with a detour that costs more."""
    path = tmp_path / "net.tsv"
    path.write_text(NUMBERED)
    return path


def _json(*arguments: str) -> list[dict[str, object]]:
    done = RUNNER.invoke(app, ["forecast", "backtest", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_matrix_is_judged_on_its_total(matrix: Path) -> None:
    """One object a horizon, the promised keys first and in order; half of it is warm-up."""
    short, long = _json(str(matrix), "--horizons", "1h,3h")

    assert tuple(short)[: len(FIRST)] == FIRST
    assert (short["series"], short["step_s"], short["warm_up_s"]) == ("total", 1800, 3 * 86400)
    assert (short["horizon_s"], long["horizon_s"]) == (3600, 10800)
    assert (short["n"], long["n"]) == (144 - 2, 144 - 6)


def test_one_demand_and_every_link(matrix: Path, topology: Path) -> None:
    """--column takes a demand, --topology every direction, A->C over the cheaper two hops."""
    (demand,) = _json(str(matrix), "--column", "A->C", "--horizons", "1h")
    links = _json(str(matrix), "--topology", str(topology), "--horizons", "1h")
    names, loads = link_loads(read_series(matrix), read_topology(topology))
    given = read_series(matrix).values

    assert demand["series"] == "A->C"
    assert [link["series"] for link in links] == list(names)
    assert loads[:, names.index("A->B")] == pytest.approx(given[:, 0] + given[:, 1])
    assert loads[:, names.index("B->C")] == pytest.approx(given[:, 1])
    assert loads[:, names.index("A->C")] == pytest.approx(0)
    assert links[list(names).index("A->C")]["wape_pct"] is None


def test_equal_paths_share(tmp_path: Path, matrix: Path) -> None:
    """With the detour at equal cost half goes each way."""
    even = tmp_path / "even.tsv"
    even.write_text(NUMBERED.replace(" 5 ", " 2 "))
    names, loads = link_loads(read_series(matrix), read_topology(even))
    given = read_series(matrix).values

    assert loads[:, names.index("A->C")] == pytest.approx(given[:, 1] / 2)
    assert loads[:, names.index("A->B")] == pytest.approx(given[:, 0] + given[:, 1] / 2)


def test_a_horizon_that_is_too_long_is_left_out(matrix: Path) -> None:
    """Those that fit are judged, and the other is said not to be."""
    done = RUNNER.invoke(
        app, ["forecast", "backtest", str(matrix), "--horizons", "1h,2d", "--json"]
    )

    assert [json.loads(line)["horizon_s"] for line in done.stdout.splitlines()] == [3600]
    assert "too short to judge 2 days" in done.stderr


def test_people_get_tables_a_chart_and_a_picture(matrix: Path, tmp_path: Path) -> None:
    """Errors, spikes with their interval, a terminal chart; the PNG is one."""
    picture = tmp_path / "out.png"
    done = RUNNER.invoke(
        app, ["forecast", "backtest", str(matrix), "--horizons", "1h", "--plot", str(picture)]
    )

    assert done.exit_code == 0
    for words in ("WAPE", "Wilson", "total", "expected"):
        assert words in done.stdout
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"horizons": "soon"}, "no duration"),
        ({"horizons": "45m"}, "no whole number of intervals"),
        ({"horizons": ""}, "1 to 8"),
        ({"horizons": "4d"}, "too few"),
        ({"warm_up": "6d"}, "too few"),
        ({"step": "-5m"}, "more than 0"),
        ({"column": "A->Z"}, "no column"),
        ({"column": "A->B", "topology": Path("x")}, "name one of the two"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    matrix: Path, wishes: dict[str, object], reason: str
) -> None:
    """Each with what is wrong with it."""
    from rich.console import Console  # noqa: PLC0415 - only here

    with pytest.raises(ConfigError, match=reason):
        run_backtest(Wishes(file=matrix, **wishes), console=Console(stderr=True))  # type: ignore[arg-type]


def test_a_matrix_of_other_routers_is_refused(tmp_path: Path, topology: Path) -> None:
    """Four routers do not fit on three, and a series fits on no topology."""
    other = tmp_path / "other.csv"
    other.write_text("t,A->X,B->Y\n2024-01-01,1,2\n2024-01-02,1,2\n")
    series = tmp_path / "series.csv"
    series.write_text("load\n1\n2\n")

    with pytest.raises(ConfigError, match="no router"):
        link_loads(read_series(other), read_topology(topology))
    with pytest.raises(ConfigError, match="no traffic matrix"):
        link_loads(read_series(series), read_topology(topology))


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("1h30m", 5400), ("2d", 172_800)])
def test_durations_read_as_people_write_them(text: str, seconds: int) -> None:
    """Minutes, hours and days."""
    assert duration(text, "--step") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NUMBERED.replace("Edge_num: 6", "Edge_num: 7"), "announces 7 edges"),
        (NUMBERED.replace("2 1 2 1", "2 1 3 1"), "'3' is no router of 3"),
        (NUMBERED.replace("1000\n1", "fast\n1", 1), "expected a number"),
        (NUMBERED + "6 0 1\n", "expected `index"),
    ],
)
def test_a_broken_link_table_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """With file and line."""
    path = tmp_path / "net.tsv"
    path.write_text(text)

    with pytest.raises(ConfigError, match=reason):
        read_topology(path)
