"""The sliding window: what is looked back at is what was put in."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from forecast.history import History


@given(st.integers(1, 6), st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40), st.data())
def test_every_look_back_is_what_was_appended(
    depth: int, values: list[float], data: st.DataObject
) -> None:
    """Lags, windows and peaks agree with the plain list, also after the buffer has wrapped."""
    history = History(1, depth)
    for value in values:
        history.append(np.asarray([value]))
    known = np.log(values[-depth:])
    newest = data.draw(st.integers(0, len(known) - 1))
    length = data.draw(st.integers(1, len(known) - newest))
    window = known[len(known) - newest - length : len(known) - newest]

    assert len(history) == len(known)
    assert history.lag(newest)[0] == known[-1 - newest]
    assert history.window(newest, length)[:, 0].tolist() == window.tolist()
    assert history.peak(newest, length)[0] == window.max()


def test_silence_is_finite() -> None:
    """A load of zero has a logarithm all the same."""
    history = History(1, 3)
    history.append(np.zeros(1))

    assert np.isfinite(history.lag(0)).all()
