"""By how much links carry more or less than the model says."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forecast.bias import LinkBias
from foreshadow.topology import DirectedLink, LinkId, NodeId

LINK = DirectedLink(NodeId("A"), NodeId("B"), LinkId("A-B"))


def test_counters_correct_the_link_as_it_stands_and_under_failures() -> None:
    """A link that always counts a fifth more is believed to carry a fifth more."""
    bias = LinkBias()
    for _ in range(200):
        bias.measure({LINK: 0.6}, {LINK: 0.5})

    assert bias.factor(str(LINK), is_under_failure=False) == pytest.approx(1.2, rel=0.01)
    assert bias.factor(str(LINK), is_under_failure=True) == pytest.approx(1.2, rel=0.01)
    assert bias.factor("B->A", is_under_failure=True) == 1


def test_feedback_corrects_the_link_under_failures_only() -> None:
    """What came on the day says nothing of the days without failure."""
    bias = LinkBias()
    for _ in range(20):
        bias.feed_back(str(LINK), observed=0.4, modelled=0.5)

    assert bias.factor(str(LINK), is_under_failure=False) == 1
    assert bias.factor(str(LINK), is_under_failure=True) == pytest.approx(0.8, rel=0.01)


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=True, allow_infinity=True),
            st.floats(allow_nan=True, allow_infinity=True),
        ),
        max_size=30,
    )
)
def test_nothing_that_is_told_makes_a_link_unbelievable(pairs: list[tuple[float, float]]) -> None:
    """Whatever is compared, a factor stays between a half and two."""
    bias = LinkBias()
    for observed, modelled in pairs:
        bias.measure({LINK: observed}, {LINK: modelled})
        bias.feed_back(str(LINK), observed, modelled)

    assert 0.5 <= bias.factor(str(LINK), is_under_failure=True) <= 2
