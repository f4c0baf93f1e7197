"""By how much links really carry more or less than the routing model says.

Counters say so for the network as it stands, at every step; feedback says so for the network under
a failure, on the rare day that it comes. Both as a factor per link, near 1 until shown otherwise.
"""

import math
from collections.abc import Mapping

from foreshadow.topology import DirectedLink

_RATE = 0.05
"""Weight of one step's counters."""
_FEEDBACK_RATE = 0.3
_MOST = math.log(2)
"""No link is believed to carry more than twice or less than half of what it should."""
_LEAST_LOAD = 0.01
"""Load ratio below which a comparison says nothing."""


class LinkBias:
    """Factors on projected loads, per link direction."""

    def __init__(self) -> None:
        """Begin with every factor 1."""
        self._standing: dict[str, float] = {}
        self._failed: dict[str, float] = {}

    def __len__(self) -> int:
        """Links with a factor of their own."""
        return len(self._standing.keys() | self._failed.keys())

    def factor(self, link: str, *, is_under_failure: bool) -> float:
        """What a link's projected load is multiplied by."""
        log = self._standing.get(link, 0.0)
        if is_under_failure:
            log += self._failed.get(link, 0.0)
        return math.exp(max(-_MOST, min(_MOST, log)))

    def measure(
        self, measured: Mapping[DirectedLink, float], projected: Mapping[DirectedLink, float]
    ) -> None:
        """Compare load ratios of the same interval, counted and projected."""
        for link, ratio in measured.items():
            _learn(self._standing, str(link), ratio, projected.get(link, 0.0), rate=_RATE)

    def feed_back(self, link: str, observed: float, modelled: float) -> None:
        """Compare load ratios of the same interval under a failure."""
        standing = self.factor(link, is_under_failure=False)
        _learn(self._failed, link, observed, modelled * standing, rate=_FEEDBACK_RATE)


def _learn(
    known: dict[str, float], link: str, observed: float, modelled: float, *, rate: float
) -> None:
    if not (math.isfinite(observed) and math.isfinite(modelled)):
        return
    if min(observed, modelled) < _LEAST_LOAD:
        return
    off = max(-_MOST, min(_MOST, math.log(observed / modelled)))
    before = known.get(link, 0.0)
    known[link] = before + rate * (off - before)
