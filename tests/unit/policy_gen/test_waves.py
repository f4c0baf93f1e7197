"""Laws of waves: they grow, they end whole, and everybody moves once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.topology import Prefix
from policy_gen.waves import STEPS, growing_sets, share

rates = st.dictionaries(
    st.integers(0, 255).map(lambda number: Prefix((0xC6336400 + number, 32))),
    st.floats(0, 1e10),
    min_size=1,
    max_size=20,
)
steps = st.sets(st.floats(0.01, 0.99), max_size=5).map(lambda some: (*sorted(some), 1.0))


@given(rates, steps, st.text(max_size=8))
def test_waves_grow_to_the_whole(
    rates_bps: dict[Prefix, float], shares: tuple[float, ...], txn: str
) -> None:
    """Each wave contains the one before and adds to it; the last one is everything."""
    waves = growing_sets(rates_bps, txn, shares)

    assert set(waves[-1]) == set(rates_bps)
    for smaller, larger in pairwise(waves):
        assert set(smaller) < set(larger)


@given(rates, steps, st.text(max_size=8))
def test_there_are_three_waves_where_there_are_three_prefixes(
    rates_bps: dict[Prefix, float], shares: tuple[float, ...], txn: str
) -> None:
    """At least three waves, or one a prefix where there are fewer."""
    assert len(growing_sets(rates_bps, txn, shares)) >= min(3, len(rates_bps))


@given(rates, steps, st.text(max_size=8))
def test_there_are_no_more_waves_than_steps_where_none_are_asked_for(
    rates_bps: dict[Prefix, float], shares: tuple[float, ...], txn: str
) -> None:
    """Each step ends at most one wave; steps that no whole prefix fits into fall away."""
    assert len(growing_sets(rates_bps, txn, shares, least=1)) <= len(shares)


@given(rates, st.text(max_size=8))
def test_order_is_the_same_every_time(rates_bps: dict[Prefix, float], txn: str) -> None:
    """Waves depend on rates and transaction alone, not on the order of the input."""
    backwards = dict(reversed(rates_bps.items()))

    assert growing_sets(rates_bps, txn, STEPS) == growing_sets(backwards, txn, STEPS)


def test_light_prefixes_go_first() -> None:
    """The story's six prefixes: 5 % alone at first, the two heaviest last."""
    weights = (0.30, 0.25, 0.20, 0.12, 0.08, 0.05)
    rates_bps = {Prefix((0xCB007100 + 32 * n, 27)): 1.4e9 * w for n, w in enumerate(weights)}

    waves = growing_sets(rates_bps, "c1", STEPS)

    shares = [round(share(rates_bps, wave), 2) for wave in waves]
    assert shares[:2] == [0.05, 0.25]
    assert shares[-1] == 1.0
    assert len(shares) == 4
