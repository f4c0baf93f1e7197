"""Durations, shares and rates: what people write, and what they read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.authoring.quantities import (
    parse_duration,
    parse_factor,
    parse_rate,
    parse_ratio,
    say_duration,
    say_rate,
    say_ratio,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("5s", 5), ("1m30s", 90), ("1.5h", 5400), ("2d", 172_800), ("0s", 0)],
)
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    """Any of ms, s, m, h, d, w, and several of them."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["5", 5, 2.5, "", "5 s", "-5s", "s", "5mm", True, None, "1..5s"])
def test_what_has_no_unit_is_no_duration(text: object) -> None:
    """A bare number could be anything; the error says how it is written."""
    with pytest.raises(ValueError, match=r"write 5|no unit|Invalid"):
        parse_duration(text)


@given(st.integers(1, 10**9))
def test_a_duration_survives_being_said(milliseconds: int) -> None:
    """What is printed can be pasted back into a file."""
    assert parse_duration(say_duration(milliseconds / 1e3)) == pytest.approx(milliseconds / 1e3)


@given(st.integers(0, 10_000))
def test_a_share_survives_being_said(basis_points: int) -> None:
    """To a hundredth of a percent."""
    assert parse_ratio(say_ratio(basis_points / 1e4)) == pytest.approx(basis_points / 1e4)


@pytest.mark.parametrize("text", ["101%", 1.1, -0.1, "85 %", "half", True, None])
def test_a_share_is_between_none_and_all(text: object) -> None:
    """85% and 0.85 are the two ways to write one."""
    with pytest.raises(ValueError, match=r"85%|between"):
        parse_ratio(text)


def test_rates_and_factors() -> None:
    """Gbps is not Gb, and x3 is three times."""
    assert parse_rate("2.5Gbps") == 2.5e9
    assert parse_rate(say_rate(1e8)) == 1e8
    assert say_rate(12.0) == "12bps"
    assert parse_factor("x1.5") == parse_factor(1.5) == 1.5
    with pytest.raises(ValueError, match="100Mbps"):
        parse_rate("100Mb")
    with pytest.raises(ValueError, match="x3"):
        parse_factor("3 times")
