"""The script: what will not do is refused before anything starts, and history knows no future."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from console.demo.opening import Wishes, read_network, write_script
from console.demo.script import Script
from foreshadow.errors import ConfigError

E2E = Path(__file__).resolve().parents[3] / "e2e"
SQUARE = Wishes(network=E2E / "square.yaml", profile=E2E / "square_profile.yaml", cut="ALPHA-BRAVO")


@pytest.fixture(scope="module")
def script() -> Script:
    """The story on the smallest network."""
    return write_script(SQUARE)


def test_history_ends_before_the_first_live_interval(script: Script) -> None:
    """Nothing live is learnt from beforehand, and no interval is lost or comes twice."""
    history, live = list(script.history()), list(script.live())
    starts = [matrix.at for matrix in (*history, *live)]

    assert history[-1].at < script.story.live_from == live[0].at
    assert live[-1].at == script.story.failure_at
    assert len(history) == script.history_steps
    assert starts == list(script.demand.starts[: len(starts)])


def test_growth_is_a_factor_on_every_rate(script: Script) -> None:
    """Twice the growth, twice the traffic."""
    doubled = write_script(replace(SQUARE, growth=2 * script.growth))

    assert doubled.demand.matrix(0).total_bps == pytest.approx(
        2 * script.demand.matrix(0).total_bps
    )


def test_the_story_can_be_told_on_another_day(script: Script) -> None:
    """At the same times of day."""
    story = write_script(replace(SQUARE, day=date(2004, 3, 10))).story

    assert {at.date() for at in (story.live_from, story.failure_at, story.until)} == {
        date(2004, 3, 10)
    }
    assert story.failure_at.time() == script.story.failure_at.time()


def test_the_cut_may_name_either_end_first() -> None:
    """It is known by the network file's name for it."""
    assert write_script(replace(SQUARE, cut="BRAVO-ALPHA")).cut == "ALPHA-BRAVO"


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        (replace(SQUARE, network=Path("/nowhere.yaml")), "no such network file"),
        (replace(SQUARE, network=E2E), "cannot be read"),
        (replace(SQUARE, profile=Path("/nowhere.yaml")), "no such profile file"),
        (replace(SQUARE, traffic=Path("/nowhere.csv")), "no such file"),
        (replace(SQUARE, cut="ALPHA-DELTA"), "no link 'ALPHA-DELTA' in the network"),
        (replace(SQUARE, cut="ALPHA"), "no link 'ALPHA' in the network"),
        (replace(SQUARE, day=date(2004, 3, 1)), "begins at"),
    ],
)
def test_what_will_not_do_is_refused(wishes: Wishes, says: str) -> None:
    """One error, with the place and what is wrong."""
    with pytest.raises(ConfigError, match=says):
        write_script(wishes)


def test_a_matrix_file_that_ends_before_the_story_is_refused(tmp_path: Path) -> None:
    """The error names the missing interval and what the file has."""
    short = tmp_path / "short.csv"
    short.write_text("timestamp_utc,ALPHA->BRAVO\n2004-03-11 17:00:00,1\n2004-03-11 17:05:00,1\n")

    with pytest.raises(ConfigError, match=r"no interval 2004-03-11 17:10; .* to 2004-03-11 17:05"):
        write_script(replace(SQUARE, traffic=short))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Not a stack trace about code points."""
    binary = tmp_path / "network.yaml"
    binary.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="cannot be read"):
        read_network(binary)
