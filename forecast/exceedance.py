"""How likely a limit is passed, read off a few quantiles of what is to come.

The quantiles are points of the distribution function; between and beyond them it is taken to be
straight on normal probability paper (so a normal distribution would be met exactly).
"""

import numpy as np
from scipy.special import ndtr, ndtri

from forecast.history import Array

_LEAST_SPREAD = 1e-3
"""Log units between two quantiles at least: a model that has not erred yet is not certain."""
LEAST, MOST = 1e-4, 1 - 1e-4
"""No window of past errors can show a chance nearer to 0 or 1."""


def exceedance(levels: tuple[float, ...], values: Array, limit: Array | float) -> Array:
    """The chance that what is to come is above the limit.

    Args:
        levels: Of the quantiles, two or more, ascending.
        values: The quantiles, ascending with the level, shape (n_levels, n_series).
        limit: In the same unit, one or one per series.

    Returns:
        Shape (n_series,), from `LEAST` to `MOST`.
    """
    scores = ndtri(np.asarray(levels))
    spread = np.maximum(np.diff(values, axis=0), _LEAST_SPREAD)
    points = np.vstack([values[:1], values[:1] + np.cumsum(spread, axis=0)])
    segment = np.clip((points < limit).sum(axis=0) - 1, 0, len(levels) - 2)
    slope = np.diff(scores)[segment] / np.take_along_axis(spread, segment[np.newaxis], axis=0)[0]
    start = np.take_along_axis(points, segment[np.newaxis], axis=0)[0]
    score = scores[segment] + (limit - start) * slope
    chance: Array = np.clip(1 - ndtr(score), LEAST, MOST)
    return chance
