"""How often something fails: a rate that rests on the past and rises with what announces failures.

Failures of links come in bursts: after a flap the next is near, and much later all is as before. So
each element has a self-exciting rate (Hawkes, Biometrika 58, 1971)

    rate(t) = base + sum over announcements of  follow * decay(age)

where `base` is the element's own, shrunk to that of its class by as much as little is known of it
(gamma prior, Poisson counts), and `follow` says how many failures an announcement of a kind is
followed by, learnt over the whole class: each failure is put down to what could have caused it, in
proportion to what each was worth at that moment (one EM step, online). All memory fades, so nothing
is learnt for good, and everything is in closed form: more announcements never lower the rate, and a
longer window never lowers the chance.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from forecast.history import Array

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


class Sign(StrEnum):
    """What announces a failure."""

    FLAP = "flap"
    """The element failed (and may have come back)."""
    ROUTING = "routing"
    """An adjacency, session or BFD over it was lost."""
    ERRORS = "errors"
    DISCARDS = "discards"
    HARDWARE = "hardware"
    """Power, fan, temperature, optics; a process that died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kernel:
    """How one sign's weight fades, and what is believed of it before anything was seen.

    `follow` failures per sign, believed as strongly as `strength` signs that were watched.
    """

    sign: Sign
    half_life_s: float
    follow: float
    strength: float = 20.0


_KERNELS = (
    _Kernel(sign=Sign.FLAP, half_life_s=_HOUR_S, follow=0.25),
    _Kernel(sign=Sign.FLAP, half_life_s=_DAY_S, follow=0.15),
    _Kernel(sign=Sign.ROUTING, half_life_s=_HOUR_S, follow=0.10),
    _Kernel(sign=Sign.ERRORS, half_life_s=_HOUR_S, follow=0.02),
    _Kernel(sign=Sign.DISCARDS, half_life_s=_HOUR_S, follow=0.002),
    _Kernel(sign=Sign.HARDWARE, half_life_s=_DAY_S, follow=0.20),
)
"""Beliefs, not measurements: nobody publishes per-interface truth. They are given up after some
tens of signs of the network's own."""

_SIGNS = {sign: [k for k, kernel in enumerate(_KERNELS) if kernel.sign is sign] for sign in Sign}
_FOLLOW = np.asarray([kernel.follow for kernel in _KERNELS])
_STRENGTH = np.asarray([kernel.strength for kernel in _KERNELS])
_DECAY_PER_S = math.log(2) / np.asarray([kernel.half_life_s for kernel in _KERNELS])

_FAILURES_PER_S = 1 / (60 * _DAY_S)
"""Prior of a class: once in two months, about what backbone studies see per link (Markopoulou et
al., Characterization of Failures in an Operational IP Backbone, IEEE/ACM ToN 16(4), 2008)."""
_CLASS_SHAPE = 1.0
"""The class prior weighs as much as this many failures."""
_OWN_SHAPE = 0.5
"""The class weighs as much as this many failures of an element's own."""
_MEMORY_S = 90 * _DAY_S
"""Past failures and signs count half after this long."""

LEAST, MOST = 1e-9, 1 - 1e-9
"""A chance is never 0 and never 1."""


class Hazard:
    """The rates of all elements of one class, e.g. every link."""

    def __init__(self) -> None:
        """Begin with the prior and no element."""
        self._rows: dict[str, int] = {}
        self._failures: Array = np.zeros(0)
        """Of each element, put down to its base rate; faded."""
        self._exposure_s: Array = np.zeros(0)
        self._excitement: Array = np.zeros((0, len(_KERNELS)))
        """Signs of late, faded each by its own half-life."""
        self._caused: Array = np.zeros(len(_KERNELS))
        self._watched: Array = np.zeros(len(_KERNELS))
        """Signs whose time to be followed has passed; the share that has, of those it has not."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every element, in the order of `chances`."""
        return tuple(self._rows)

    def add(self, name: str) -> None:
        """Let an element be known; it begins with what its class has taught."""
        if name not in self._rows:
            self._rows[name] = len(self._rows)
            self._failures = np.append(self._failures, 0.0)
            self._exposure_s = np.append(self._exposure_s, 0.0)
            self._excitement = np.vstack([self._excitement, np.zeros((1, len(_KERNELS)))])

    def pass_time(self, elapsed_s: float) -> None:
        """Let every element live through some seconds without failure."""
        if elapsed_s <= 0:
            return
        kept = np.exp(-_DECAY_PER_S * elapsed_s)
        self._watched += self._excitement.sum(axis=0) * (1 - kept)
        self._excitement = self._excitement * kept
        memory = 0.5 ** (elapsed_s / _MEMORY_S)
        self._failures *= memory
        self._exposure_s = (self._exposure_s + elapsed_s) * memory
        self._caused *= memory
        self._watched *= memory

    def sign(self, name: str, sign: Sign, weight: float = 1.0) -> None:
        """Something announced itself on an element now; `weight` such at once."""
        self._excitement[self._rows[name], _SIGNS[sign]] += weight

    def fail(self, name: str) -> None:
        """An element fails now: learn what announced it. It announces more."""
        row = self._rows[name]
        causes = self._follow() * _DECAY_PER_S * self._excitement[row]
        base = float(self._base_per_s()[row])
        total = base + float(causes.sum())
        self._caused += causes / total
        self._failures[row] += base / total
        self.sign(name, Sign.FLAP)

    def chance(self, name: str, window_s: float) -> float | None:
        """As `chances`, of one element; None for one that is not known."""
        row = self._rows.get(name)
        return None if row is None else float(self.chances(window_s)[row])

    def chances(self, window_s: float) -> Array:
        """Of each element, the chance to fail within a window, 0 < p < 1, shape (n_elements,)."""
        shape, rate_s = self._posterior()
        quiet = (rate_s / (rate_s + window_s)) ** shape
        expected = self._excitement @ (self._follow() * (1 - np.exp(-_DECAY_PER_S * window_s)))
        chances: Array = np.clip(1 - quiet * np.exp(-expected), LEAST, MOST)
        return chances

    def base_chance(self, window_s: float) -> float:
        """What the class alone says of any element: the baseline a score is held against."""
        return float(np.clip(1 - math.exp(-self._class_per_s() * window_s), LEAST, MOST))

    def _follow(self) -> Array:
        """Failures each sign is followed by; below 1, or bursts would never end."""
        learnt = (_FOLLOW * _STRENGTH + self._caused) / (_STRENGTH + self._watched)
        follow: Array = np.minimum(learnt, 0.9)
        return follow

    def _class_per_s(self) -> float:
        failures = _CLASS_SHAPE + float(self._failures.sum())
        return failures / (_CLASS_SHAPE / _FAILURES_PER_S + float(self._exposure_s.sum()))

    def _posterior(self) -> tuple[Array, Array]:
        shape = _OWN_SHAPE + self._failures
        return shape, _OWN_SHAPE / self._class_per_s() + self._exposure_s

    def _base_per_s(self) -> Array:
        shape, rate_s = self._posterior()
        return shape / rate_s
