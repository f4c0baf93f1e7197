"""What a stated chance is worth: of the times 30 % was said, in how many did it happen?

Chances are sorted into bins, and each bin knows what came of those in it. A chance is then read off
the bins, made ascending (isotonic regression; Zadrozny and Elkan, KDD 2002), each bin held to what
was stated by as much as little is known of it. Old outcomes fade. Both scores are kept, of what was
stated and of what was made of it, so that it shows whether this helps.
"""

import numpy as np
from scipy.optimize import isotonic_regression

from forecast.history import Array
from forecast.score import ScoreKeeper, Scores

_EDGES = np.asarray([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
_BELIEF = 100.0
"""A bin's statement weighs as much as this many outcomes: those of one hour are much alike."""
_FADE = 0.9995
"""Of every earlier outcome, per step of new ones: half after five days of five minutes."""


class Calibration:
    """Maps stated chances to calibrated ones, and learns the map from what came."""

    def __init__(self) -> None:
        """Begin by taking chances as they are stated."""
        self._bins: Array = np.zeros((3, len(_EDGES) + 1))
        """Per bin: how many chances, their sum, and how many of them came true."""
        self._keeper = ScoreKeeper()

    @property
    def scores(self) -> Scores:
        """Of the calibrated chances; the baseline is the chances as they were stated."""
        return self._keeper.scores

    def calibrated(self, stated: Array) -> Array:
        """What the chances are worth, in the same order as stated, shape as given."""
        count, said, came = self._bins[:, self._bins[0] > 0]
        if not count.size:
            return stated
        middle = said / count
        worth = (_BELIEF * middle + came) / (_BELIEF + count)
        rising = isotonic_regression(worth, weights=count).x
        # Towards certainty nothing is changed: the ends of the scale stay where they are.
        chances: Array = np.interp(
            stated, np.concatenate([[0.0], middle, [1.0]]), np.concatenate([[0.0], rising, [1.0]])
        )
        return chances

    def learn(self, stated: Array, calibrated: Array, happened: Array, weight: float = 1.0) -> None:
        """Judge chances by what came.

        Args:
            stated: As they were before calibration.
            calibrated: As they were given.
            happened: 0 or 1 each.
            weight: How many outcomes each counts as.
        """
        fresh = weight * np.vstack([np.ones_like(stated), stated, happened])
        self._bins *= _FADE
        np.add.at(self._bins.T, np.digitize(stated, _EDGES), fresh.T)
        self._keeper.take(calibrated, stated, happened)
