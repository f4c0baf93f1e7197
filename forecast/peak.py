"""From a forecast of one link to a demand matrix, and to the time the limit is passed."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from forecast.history import Array
from foreshadow.demand import DemandMatrix


def demand_at_peak(
    now: DemandMatrix, *, shares: Array, target_bps: float, rest_growth: float, at: datetime
) -> DemandMatrix:
    """The demand under which one link carries exactly `target_bps`.

    The demands that cross the link grow together, in the shape they have now, until its load is the
    forecast one; all others grow as the network's largest demands are expected to. A demand of
    which the link carries a part grows by that part of the way.

    Args:
        now: The latest matrix.
        shares: Share of each demand on the link, shape (n_demands,), 0 to 1.
        target_bps: The link's forecast load.
        rest_growth: Ratio to now for demands that do not cross it.
        at: Event time of the matrix made.
    """
    rates = now.vector()
    elsewhere = (1 - shares) * rest_growth
    movable = float(shares @ (shares * rates))
    growth = (target_bps - float(shares @ (elsewhere * rates))) / movable if movable > 0 else 1.0
    grown = rates * np.maximum(elsewhere + shares * growth, 0.0)
    return DemandMatrix(at=at, keys=now.keys, rates_bps=tuple(grown.tolist()))


def first_excess_step(
    shape: Array, upper_by_steps: Mapping[int, float], *, limit: float
) -> int | None:
    """How many steps from now the limit is first passed; None if it is not.

    Horizons whose bound keeps the limit push the time out, the first that does not holds it in;
    between the two, yesterday's course of the same hours, scaled to the forecast peak, says when.

    Args:
        shape: Yesterday's course of the longest horizon, any unit, shape (longest horizon,).
        upper_by_steps: Forecast peak per horizon in steps.
        limit: In the unit of the forecast peaks.
    """
    excessive = [steps for steps, upper in upper_by_steps.items() if upper > limit]
    if not excessive:
        return None
    within = min(excessive)
    earliest = max((steps for steps in upper_by_steps if steps < within), default=0) + 1
    course = shape[:within] / max(float(shape[:within].max()), 1e-12) * upper_by_steps[within]
    over = np.flatnonzero(course[earliest - 1 :] > limit)
    first = int(over[0]) if over.size else int(np.argmax(course[earliest - 1 :]))
    return earliest + first
