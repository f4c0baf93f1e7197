"""From one link's forecast to a demand matrix and a time."""

from datetime import UTC, datetime
from ipaddress import IPv4Network

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from forecast.peak import demand_at_peak, first_excess_step
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.topology import NodeId

AT = datetime(2004, 3, 11, 17, tzinfo=UTC)


@given(
    st.lists(
        st.tuples(st.floats(1e3, 1e9), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=12
    ),
    st.floats(1.0, 3.0),
    st.floats(0.5, 1.2),
)
def test_the_link_carries_exactly_the_forecast(
    demands: list[tuple[float, float]], growth: float, elsewhere: float
) -> None:
    """Whatever the shares, the loads computed from the warning's demand match the warning."""
    keys = tuple(
        DemandKey(ingress=NodeId(f"R{i}"), prefix=IPv4Network("10.0.0.0/8"))
        for i in range(len(demands))
    )
    now = DemandMatrix(at=AT, keys=keys, rates_bps=tuple(rate for rate, _ in demands))
    shares = np.asarray([share for _, share in demands])
    if not shares.any():
        return
    target = growth * float(shares @ now.vector())
    then = demand_at_peak(now, shares=shares, target_bps=target, rest_growth=elsewhere, at=AT)

    assert float(shares @ then.vector()) == pytest.approx(target)
    assert all(rate >= 0 for rate in then.rates_bps)
    untouched = [i for i, share in enumerate(shares) if share == 0]
    assert [then.rates_bps[i] for i in untouched] == pytest.approx(
        [now.rates_bps[i] * elsewhere for i in untouched]
    )


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        ({3: 0.8, 6: 0.84}, None),
        ({3: 0.8, 6: 1.0}, 5),
        ({3: 0.9, 6: 1.0}, 3),
        ({3: 1.7, 6: 1.8}, 1),
    ],
    ids=["never", "after the short horizon", "within it", "at once"],
)
def test_the_window_opens_where_yesterdays_course_says(
    upper: dict[int, float], expected: int | None
) -> None:
    """Scaled to the forecast peak, yesterday's course crosses the limit at that step."""
    shape = np.asarray([5.0, 6.0, 7.0, 8.0, 9.0, 10.0])

    assert first_excess_step(shape, upper, limit=0.85) == expected
