"""The chance to fail: what it must never do, and what it learns from a network with a known one."""

from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from forecast.hazard import Hazard, Sign

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

_EVENTS = st.lists(
    st.tuples(
        st.floats(0, 30 * DAY_S), st.sampled_from(["a", "b"]), st.sampled_from([None, *Sign])
    ),
    max_size=60,
)


def _lived(events: Sequence[tuple[float, str, Sign | None]], until_s: float) -> Hazard:
    """A class of two elements after some events; no sign is a failure."""
    hazard, now_s = Hazard(), 0.0
    hazard.add("a")
    hazard.add("b")
    for at_s, name, sign in sorted(events, key=lambda event: event[0]):
        hazard.pass_time(at_s - now_s)
        now_s = at_s
        if sign is None:
            hazard.fail(name)
        else:
            hazard.sign(name, sign)
    hazard.pass_time(until_s - now_s)
    return hazard


@given(_EVENTS, st.floats(1, 7 * DAY_S))
def test_a_chance_is_never_none_and_never_certain(
    events: list[tuple[float, str, Sign | None]], window_s: float
) -> None:
    """Whatever happened, 0 < p < 1, and a longer window is not safer."""
    hazard = _lived(events, 30 * DAY_S)
    short, long = hazard.chances(window_s), hazard.chances(2 * window_s)

    assert ((short > 0) & (short < 1)).all()
    assert (long >= short - 1e-12).all()


@given(st.lists(st.floats(0, HOUR_S), max_size=12), st.floats(0, HOUR_S))
def test_another_flap_within_the_hour_is_no_comfort(flaps: list[float], one_more: float) -> None:
    """More failures of an element lately never lower its chance."""
    fewer = _lived([(at, "a", None) for at in flaps], HOUR_S)
    more = _lived([(at, "a", None) for at in [*flaps, one_more]], HOUR_S)

    assert more.chances(HOUR_S)[0] >= fewer.chances(HOUR_S)[0]


@pytest.mark.parametrize("sign", [*Sign])
def test_what_announces_a_failure_raises_the_chance_and_fades(sign: Sign) -> None:
    """Against a twin that was spared: right after it the chance is highest, weeks later alike."""
    hazard, spared = _lived([], DAY_S), _lived([], DAY_S)
    hazard.sign("a", sign)
    excess = [hazard.chances(HOUR_S)[0] / spared.chances(HOUR_S)[0]]
    for pause_s in (6 * HOUR_S, 14 * DAY_S):
        hazard.pass_time(pause_s)
        spared.pass_time(pause_s)
        excess.append(hazard.chances(HOUR_S)[0] / spared.chances(HOUR_S)[0])

    assert excess[0] > excess[1] > 1
    assert excess[2] == pytest.approx(1, rel=0.02)


def test_an_element_that_fails_more_often_is_trusted_less() -> None:
    """The own past weighs beside the class: weekly failures of one link show months later."""
    weekly = [(week * 7 * DAY_S, "a", None) for week in range(1, 10)]
    hazard = _lived(weekly, 77 * DAY_S)
    a, b = hazard.chances(DAY_S)

    assert a > 2 * b


@pytest.mark.slow
def test_chances_are_calibrated_on_bursts_with_a_known_law() -> None:
    """On a simulated year they predict as many failures as came, and beat the class's rate."""
    rng = np.random.default_rng(5)
    hazard, base_s, follow = Hazard(), 20 * DAY_S, 0.5
    names = [str(number) for number in range(40)]
    for name in names:
        hazard.add(name)
    excitement = np.zeros(len(names))
    step_s, window, told, plain = 900.0, 4, [], []
    fell = np.zeros((365 * 96, len(names)), dtype=bool)
    for step in range(len(fell)):
        rate = 1 / base_s + follow * np.log(2) / HOUR_S * excitement
        fell[step] = rng.random(len(names)) < 1 - np.exp(-rate * step_s)
        excitement = excitement * 0.5 ** (step_s / HOUR_S) + fell[step]
        hazard.pass_time(step_s)
        for row in np.flatnonzero(fell[step]):
            hazard.fail(names[row])
        told.append(hazard.chances(window * step_s))
        plain.append(hazard.base_chance(window * step_s))
    late = range(90 * 96, len(fell) - window)
    came = np.asarray([fell[at + 1 : at + 1 + window].any(axis=0) for at in late])
    chances = np.asarray(told)[late.start : late.stop]
    naive = np.asarray(plain)[late.start : late.stop, np.newaxis]

    assert chances.sum() == pytest.approx(came.sum(), rel=0.25)
    assert ((chances - came) ** 2).mean() < 0.95 * ((naive - came) ** 2).mean()
