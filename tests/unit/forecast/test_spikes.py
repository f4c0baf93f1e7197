"""Spikes, alarms, and thresholds from the past alone."""

import numpy as np
import pytest

from forecast.spikes import SpikeScore, SpikeTerms, find_spikes, judge, total

TERMS = SpikeTerms(horizon=6, lead=2, quiet=4, trailing=1000)
WARM_UP = 500


def _values(onsets: list[int], n_steps: int = 1500) -> np.ndarray:
    values = np.linspace(1.0, 1.1, n_steps)
    values[:WARM_UP] = np.tile(np.linspace(0.9, 1.2, 50), WARM_UP // 50)
    for onset in onsets:
        values[onset : onset + 3] = 5.0
    return values


def test_a_spike_begins_after_a_quiet_time() -> None:
    """Passing the level begins one, staying above it none, and again only after quiet."""
    spikes = find_spikes(_values([700, 705, 900]), warm_up=WARM_UP, terms=TERMS)

    assert [onset for onset in spikes.onsets if onset >= WARM_UP] == [700, 900]
    assert np.flatnonzero(spikes.is_due)[-5:].tolist() == [894, 895, 896, 897, 898]
    assert not spikes.is_quiet[894:900].any()
    assert spikes.is_quiet[850]


def test_an_oracle_sees_all_and_cries_no_wolf() -> None:
    """A score that rises at the right time: full recall and precision, lead of the horizon."""
    values, score = _values([700, 900, 1200]), np.zeros(1500)
    for onset in (700, 900, 1200):
        score[onset - 6 : onset] = 1.0
    found = judge(
        find_spikes(values, warm_up=WARM_UP, terms=TERMS), score, warm_up=WARM_UP, terms=TERMS
    )

    assert (found.events, found.seen, found.recall) == (3, 3, 1.0)
    assert (found.precision, found.false_alarms) == (1.0, 0)
    assert found.median_lead == 6
    assert found.recall_interval[0] == pytest.approx(0.44, abs=0.01)


def test_an_alarm_that_comes_too_late_does_not_count() -> None:
    """One step before the spike is less than the lead."""
    values, score = _values([700]), np.zeros(1500)
    score[699] = 1.0
    found = judge(
        find_spikes(values, warm_up=WARM_UP, terms=TERMS), score, warm_up=WARM_UP, terms=TERMS
    )

    assert (found.events, found.seen) == (1, 0)


def test_a_useless_score_is_held_to_one_false_alarm_in_a_hundred() -> None:
    """Noise: about one quiet moment in a hundred is alarmed."""
    rng = np.random.default_rng(4)
    values = _values(list(range(1000, 20_000, 500)), n_steps=20_000)
    score = rng.normal(0, 1, 20_000)
    found = judge(
        find_spikes(values, warm_up=WARM_UP, terms=TERMS), score, warm_up=WARM_UP, terms=TERMS
    )

    assert found.false_alarm_share == pytest.approx(0.01, abs=0.005)
    assert found.recall is not None
    assert found.recall < 0.3


def test_the_future_sets_no_threshold() -> None:
    """Whatever the score does later, alarms until then are the same."""
    rng = np.random.default_rng(4)
    values, score = _values([700, 900]), rng.normal(0, 1, 1500)
    spikes = find_spikes(values, warm_up=WARM_UP, terms=TERMS)
    later = score.copy()
    later[1000:] *= 100
    early = slice(0, 1000)
    cut = find_spikes(values[early], warm_up=WARM_UP, terms=TERMS)

    assert judge(cut, score[early], warm_up=WARM_UP, terms=TERMS) == judge(
        cut, later[early], warm_up=WARM_UP, terms=TERMS
    )
    assert judge(spikes, score, warm_up=WARM_UP, terms=TERMS).seen >= 0


def test_series_add_up() -> None:
    """Counts are summed, and nothing is divided by nothing."""
    one = SpikeScore(
        events=2, seen=1, alarms=4, true_alarms=2, quiet=100, false_alarms=2, leads=(3,)
    )

    assert total([one, one]).leads == (3, 3)
    assert total([one, one]).recall == 0.5
    assert total([]).recall is None
    assert total([]).precision is None


def test_a_series_without_values_has_no_spikes() -> None:
    """Nothing is found where nothing was observed."""
    spikes = find_spikes(np.full(100, np.nan), warm_up=50, terms=TERMS)

    assert spikes.onsets == ()
    assert not spikes.is_quiet.any()
