"""Waiting without sleeping: poll a probe until it holds, and report what it saw last."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02


def eventually(probe: Callable[[], T], *, within_s: float, poll_s: float = _POLL_S) -> T:
    """Return the first truthy observation; a probe may also wait by raising AssertionError.

    Args:
        probe: Looks at the system and returns what it saw; a falsy value means "not yet".
        within_s: How long to keep looking.
        poll_s: Pause between two looks.

    Raises:
        AssertionError: It never held; the message carries the last observation.
    """
    deadline = time.monotonic() + within_s
    while True:
        cause: AssertionError | None = None
        last: object
        try:
            seen = probe()
        except AssertionError as exc:
            last, cause = exc, exc
        else:
            if seen:
                return seen
            last = seen
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {last!r}") from cause
        time.sleep(poll_s)
