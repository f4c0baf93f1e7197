"""What is watched, and the projection that makes series of demand."""

from datetime import UTC, datetime, timedelta

import numpy as np

from forecast.watch import DEMAND_SCALE_BPS, choose, projection
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands
from tests.planned_network import planned
from tests.production_state import ABILENE, abilene


def _week_start() -> DemandSeries:
    until = datetime(2004, 3, 1, tzinfo=UTC) + timedelta(hours=20)
    profile = ABILENE.with_name("abilene_profile.yaml")
    return demands(profile_matrices(profile, abilene(), until=until), abilene())


def test_the_pairs_that_can_hurt_are_watched() -> None:
    """The story's pair is first under failure, the fullest intact link leads, numbers are kept."""
    series, network = _week_start(), planned(abilene())
    watched = choose(network, series.keys, series.rates_bps, pairs=6, demands=3)

    assert len(watched.links) == 6
    assert len(watched.demands) == 3
    assert watched.links[0].under_failure is None
    assert (str(watched.links[1].link), watched.links[1].under_failure) == (
        "ATLAng->IPLSng",
        "CHINng-NYCMng",
    )


def test_projected_demand_is_load_ratios_and_gigabits() -> None:
    """A row per watched link agrees with the walk, a row per demand with the matrix."""
    series, network = _week_start(), planned(abilene())
    watched = choose(network, series.keys, series.rates_bps, pairs=4, demands=2)
    matrix = series.matrix(7)
    values = projection(network, watched, series.keys) @ matrix.vector()
    loads = [network.under(p.cut, series.keys).load_ratios(matrix)[p.link] for p in watched.links]
    rates = dict(zip(matrix.keys, matrix.rates_bps, strict=True))

    assert np.allclose(values[:4], loads)
    assert np.allclose(values[4:] * DEMAND_SCALE_BPS, [rates[key] for key in watched.demands])
