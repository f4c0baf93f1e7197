"""The built-in traffic: the same every time, and with the story that the measured one has."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from foreshadow.errors import ConfigError
from foreshadow.whatif import NO_CUT, single_cuts
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, Story, demands
from tests.planned_network import CUT, planned, planned_exits, without_peers
from tests.production_state import ABILENE, abilene

PROFILE = ABILENE.with_name("abilene_profile.yaml")


def _series(growth: float = 2.5) -> DemandSeries:
    matrices = profile_matrices(PROFILE, abilene(), until=datetime(2004, 3, 14, 23, 55, tzinfo=UTC))
    return demands(matrices, abilene(), growth=growth)


def _ratios(series: DemandSeries, cut: frozenset[str] = NO_CUT) -> np.ndarray:
    matrix = planned(abilene()).under(cut, series.keys)  # type: ignore[arg-type]
    return series.rates_bps @ matrix.shares.T / matrix.capacity_bps


def test_mean_utilisation_is_abilenes() -> None:
    """2.7 % before growth, all demand to the sites."""
    network = without_peers(abilene())
    matrices = profile_matrices(PROFILE, network, until=datetime(2004, 3, 14, 23, 55, tzinfo=UTC))
    series = demands(matrices, network, growth=1.0)
    matrix = planned(network).under(NO_CUT, series.keys)
    ratios = series.rates_bps @ matrix.shares.T / matrix.capacity_bps

    assert ratios.mean() == pytest.approx(0.027, abs=0.0005)


def test_the_cut_is_harmless_at_night_and_harmful_on_weekday_afternoons() -> None:
    """Over 85 % in some 4 % of the time, never at weekends or before noon, and worst at 20:10."""
    series = _series()
    worst = _ratios(series, CUT).max(axis=1)
    is_weekday = np.asarray([at.weekday() < 5 for at in series.starts])
    hour = np.asarray([at.hour for at in series.starts])
    night = worst[(hour >= 8) & (hour < 13)]

    assert 0.02 < (worst > 0.85).mean() < 0.06
    assert not (worst > 0.85)[~is_weekday | (hour < 12)].any()
    assert 0.25 < night.min() < night.max() < 0.62
    assert series.starts[int(worst.argmax())] == Story().failure_at
    assert worst.max() == pytest.approx(1.0, abs=0.02)
    assert _ratios(series).max() < 0.35


def test_the_storys_cut_leads_and_moving_prefixes_helps() -> None:
    """At the peak no other single cut passes the limit, and all six prefixes moved keeps it."""
    series = _series()
    demand = series.at(Story().failure_at)
    network = planned(abilene())
    found = {
        "-".join(cut): max(network.under(cut, series.keys).load_ratios(demand).values())
        for cut in single_cuts(network.what_if.topology)
    }
    prefixes = [entry.prefix for peer in abilene().peers for entry in peer.prefixes]
    moved = planned(abilene(), planned_exits(abilene(), moved=prefixes)).under(CUT, series.keys)

    assert found.pop("CHINng-NYCMng") > 0.95
    assert max(found.values()) < 0.85
    assert max(moved.load_ratios(demand).values()) < 0.85


def test_the_same_file_gives_the_same_traffic_whenever_it_ends() -> None:
    """What comes later does not change what came before."""
    first = profile_matrices(PROFILE, abilene(), until=datetime(2004, 3, 2, tzinfo=UTC))
    again = profile_matrices(PROFILE, abilene(), until=datetime(2004, 3, 2, tzinfo=UTC))
    longer = profile_matrices(PROFILE, abilene(), until=datetime(2004, 3, 3, tzinfo=UTC))

    assert np.array_equal(first.rates_mbps, again.rates_mbps)
    assert np.array_equal(first.rates_mbps, longer.rates_mbps[: len(first.starts)])


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("step_minutes: 5", "step_minutes: 0", r":6:15: step_minutes: "),
        ("ATLAM5: 1, ATLAng: 18", "NOWHERE: 1, ATLAng: 18", ": sends: names 'NOWHERE'"),
        ("daily_shape:", "shape:", "daily_shape: is missing"),
        ("begins: 2004", "begins: 2034", ": begins: "),
    ],
)
def test_a_wrong_profile_is_refused_at_its_place(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    """The error names the file, the field and, where it is in the file, the line."""
    path = tmp_path / "profile.yaml"
    path.write_text(PROFILE.read_text().replace(old, new))
    with pytest.raises(ConfigError) as refused:
        profile_matrices(path, abilene(), until=Story().until)

    assert str(path) in str(refused.value)
    assert place in str(refused.value)


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    """One sentence with the path."""
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        profile_matrices(tmp_path / "none.yaml", abilene(), until=Story().until)
