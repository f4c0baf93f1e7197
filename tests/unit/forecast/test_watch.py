"""What is watched, and the projection that makes series of demand."""

from datetime import UTC, datetime, timedelta

import numpy as np

from forecast.watch import DEMAND_SCALE_BPS, choose, projection
from foreshadow.demand import DemandKey
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands
from tests.planned_network import planned
from tests.production_state import ABILENE, abilene


def _week_start() -> DemandSeries:
    until = datetime(2004, 3, 1, tzinfo=UTC) + timedelta(hours=20)
    profile = ABILENE.with_name("abilene_profile.yaml")
    return demands(profile_matrices(profile, abilene(), until=until), abilene())


def test_every_link_and_the_pairs_that_can_hurt_are_watched() -> None:
    """All directions as they stand; under failure the story's pair is first; numbers are kept."""
    series, network = _week_start(), planned(abilene())
    watched = choose(network, series.keys, series.rates_bps, pairs=6, demands=3)

    assert len(watched.intact) == 30
    assert len(watched.pairs) == 6
    assert len(watched.demands) == 3
    assert watched.links == (*watched.intact, *watched.pairs)
    assert (str(watched.pairs[0].link), watched.pairs[0].under_failure) == (
        "ATLAng->IPLSng",
        "CHINng-NYCMng",
    )


def test_a_choice_stands_until_something_is_clearly_worse() -> None:
    """A demand that grows a little past a watched one changes nothing; one that doubles does."""
    series, network = _week_start(), planned(abilene())
    before = choose(network, series.keys, series.rates_bps, pairs=6, demands=3)
    mean = series.rates_bps.mean(axis=0)
    ranked = sorted(range(len(series.keys)), key=lambda column: -mean[column])
    third, fourth = ranked[2], ranked[3]

    def grown(factor: float) -> tuple[DemandKey, ...]:
        rates = series.rates_bps.copy()
        rates[:, fourth] *= factor * mean[third] / mean[fourth]
        return choose(network, series.keys, rates, pairs=6, demands=3, before=before).demands

    assert set(grown(1.05)) == set(before.demands)
    assert set(grown(2.0)) == {*before.demands[:2], series.keys[fourth]}


def test_without_flow_export_the_links_are_watched_all_the_same() -> None:
    """Nothing is known of failures then, nor of demands."""
    watched = choose(planned(abilene()), (), np.zeros((5, 0)), pairs=6, demands=3)

    assert (len(watched.intact), watched.pairs, watched.demands) == (30, (), ())


def test_projected_demand_is_load_ratios_and_gigabits() -> None:
    """A row per watched link agrees with the walk, a row per demand with the matrix."""
    series, network = _week_start(), planned(abilene())
    watched = choose(network, series.keys, series.rates_bps, pairs=4, demands=2)
    matrix = series.matrix(7)
    values = projection(network, watched, series.keys) @ matrix.vector()
    loads = [network.under(p.cut, series.keys).load_ratios(matrix)[p.link] for p in watched.links]
    rates = dict(zip(matrix.keys, matrix.rates_bps, strict=True))

    assert np.allclose(values[:34], loads)
    assert np.allclose(values[34:] * DEMAND_SCALE_BPS, [rates[key] for key in watched.demands])
