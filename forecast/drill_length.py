"""How long a drill takes: the least lead time with which a warning is of any use."""

import math
from collections import deque

_REMEMBERED = 20
_LONG = 0.9
"""Share of drills that are to be over in time."""


class DrillLength:
    """Learns from drills; until there were some, the setting says."""

    def __init__(self, setting_s: float) -> None:
        """Begin without drills.

        Args:
            setting_s: What the operator expects.
        """
        self._setting_s = setting_s
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)

    def hear(self, took_s: float) -> None:
        """Take note of a drill that was run."""
        if math.isfinite(took_s) and took_s > 0:
            self._took_s.append(took_s)

    @property
    def typical_s(self) -> float:
        """Nine of ten recent drills took no longer."""
        if not self._took_s:
            return self._setting_s
        ordered = sorted(self._took_s)
        return ordered[math.ceil(_LONG * len(ordered)) - 1]
