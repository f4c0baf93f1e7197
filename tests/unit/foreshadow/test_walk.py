"""Loads over capacities, also where nobody has said what a link can carry."""

import math

import numpy as np

from foreshadow.walk import load_ratios


def test_a_link_of_unknown_capacity_is_empty_or_over_every_limit() -> None:
    """Never NaN: that compares as under every limit and hides the fullest link."""
    ratios = load_ratios(np.array([5e8, 0.0, 1.0]), np.array([1e9, 0.0, 0.0]))

    assert ratios.tolist() == [0.5, 0.0, math.inf]
