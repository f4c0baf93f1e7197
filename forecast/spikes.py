"""Whether a forecast sees the beginning of a busy time coming, and how often it cries wolf.

A *spike* begins when a series passes its own level of the warm-up (97.5 in 100 loads were lower)
after it was quiet. An alarm counts for it if it comes at least `lead` before and within the
horizon. The alarm's threshold is set on a trailing window alone: the score that one in a hundred
of the quiet moments of the last two weeks passed without a spike following.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.coverage import wilson
from forecast.history import Array, Mask

_LEVEL = 97.5
FALSE_ALARMS = 0.01
_LEAST_QUIET = 200
"""Quiet moments a threshold needs; before them nothing is alarmed."""
_SETTINGS_A_WINDOW = 300
"""How often the threshold is set anew within one trailing window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeTerms:
    """What counts as a spike and as a timely alarm, all in steps."""

    horizon: int
    lead: int
    quiet: int
    trailing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeScore:
    """How well the spikes of one or more series were seen.

    Attributes:
        events: Spikes that could have been seen.
        seen: Those with an alarm in time.
        alarms: Quiet moments with an alarm after which it is known whether a spike followed.
        true_alarms: Those a spike followed in time.
        quiet: Quiet moments no spike followed.
        false_alarms: Those with an alarm.
        leads: Steps from the first alarm to the spike, of each that was seen.
    """

    events: int = 0
    seen: int = 0
    alarms: int = 0
    true_alarms: int = 0
    quiet: int = 0
    false_alarms: int = 0
    leads: tuple[int, ...] = ()

    def __add__(self, other: "SpikeScore") -> "SpikeScore":
        return SpikeScore(
            events=self.events + other.events,
            seen=self.seen + other.seen,
            alarms=self.alarms + other.alarms,
            true_alarms=self.true_alarms + other.true_alarms,
            quiet=self.quiet + other.quiet,
            false_alarms=self.false_alarms + other.false_alarms,
            leads=self.leads + other.leads,
        )

    @property
    def recall(self) -> float | None:
        """Share of the spikes that were seen; None without spikes."""
        return self.seen / self.events if self.events else None

    @property
    def recall_interval(self) -> tuple[float, float]:
        """The Wilson interval of the recall at 95 %."""
        return wilson(self.seen, self.events)

    @property
    def precision(self) -> float | None:
        """Share of the alarms a spike followed; None without alarms."""
        return self.true_alarms / self.alarms if self.alarms else None

    @property
    def false_alarm_share(self) -> float | None:
        """Share of the quiet moments that were alarmed; None without such."""
        return self.false_alarms / self.quiet if self.quiet else None

    @property
    def median_lead(self) -> float | None:
        """Steps from the first alarm to the spike; None where none was seen."""
        return float(np.median(self.leads)) if self.leads else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spikes:
    """The spikes of one series, and the moments that precede them.

    Attributes:
        onsets: Steps at which one begins.
        is_due: A spike begins within the horizon, and not sooner than the lead.
        is_quiet: It was quiet, and stays so for the horizon.
    """

    onsets: tuple[int, ...]
    is_due: Mask
    is_quiet: Mask


def find_spikes(values: Array, *, warm_up: int, terms: SpikeTerms) -> Spikes:
    """The spikes of one series, shape (n_steps,); NaN is neither high nor low."""
    known = values[:warm_up][np.isfinite(values[:warm_up])]
    n_steps = len(values)
    empty = np.zeros(n_steps, dtype=np.bool_)
    if not known.size:
        return Spikes(onsets=(), is_due=empty, is_quiet=empty)
    is_high = np.nan_to_num(values, nan=-np.inf) > np.percentile(known, _LEVEL)
    highs = np.concatenate([[0], np.cumsum(is_high)])
    steps = np.arange(n_steps)

    def count(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        found: np.ndarray = highs[np.clip(last + 1, 0, n_steps)] - highs[np.clip(first, 0, n_steps)]
        return found

    was_quiet = (count(steps - terms.quiet + 1, steps) == 0) & (steps >= terms.quiet - 1)
    stays_quiet = count(steps + 1, steps + terms.horizon) == 0
    is_whole = steps + terms.horizon < n_steps
    onsets = [int(step) for step in steps[1:][is_high[1:] & was_quiet[:-1]]]
    is_due = empty.copy()
    for onset in onsets:
        is_due[max(0, onset - terms.horizon) : max(0, onset - terms.lead + 1)] = True
    return Spikes(
        onsets=tuple(onsets),
        is_due=is_due & was_quiet,
        is_quiet=was_quiet & stays_quiet & is_whole,
    )


def judge(spikes: Spikes, score: Array, *, warm_up: int, terms: SpikeTerms) -> SpikeScore:
    """How well a score sees the spikes that begin after the warm-up.

    Args:
        spikes: Of one series.
        score: The higher the nearer a spike, known at each step; NaN never alarms.
        warm_up: Steps that are not judged.
        terms: As the spikes were found by.
    """
    is_alarm = score > _thresholds(score, spikes.is_quiet, terms)
    is_judged = np.arange(len(score)) >= warm_up
    quiet, due = spikes.is_quiet & is_judged, spikes.is_due & is_judged
    leads, seen, events = [], 0, 0
    for onset in spikes.onsets:
        first, last = onset - terms.horizon, onset - terms.lead
        if first < warm_up:
            continue
        events += 1
        alarmed = np.flatnonzero(is_alarm[first : last + 1] & spikes.is_due[first : last + 1])
        if alarmed.size:
            seen += 1
            leads.append(onset - first - int(alarmed[0]))
    return SpikeScore(
        events=events,
        seen=seen,
        alarms=int((is_alarm & (quiet | due)).sum()),
        true_alarms=int((is_alarm & due).sum()),
        quiet=int(quiet.sum()),
        false_alarms=int((is_alarm & quiet).sum()),
        leads=tuple(leads),
    )


def total(scores: Sequence[SpikeScore]) -> SpikeScore:
    """Several series as one."""
    return sum(scores, SpikeScore())


def _thresholds(score: Array, is_quiet: Mask, terms: SpikeTerms) -> Array:
    """The threshold in force at each step, from moments whose outcome was known by then."""
    found = np.full(len(score), np.inf)
    every = max(1, terms.trailing // _SETTINGS_A_WINDOW)
    for step in range(0, len(score), every):
        window = slice(max(0, step - terms.horizon - terms.trailing), max(0, step - terms.horizon))
        known = score[window][is_quiet[window]]
        known = known[np.isfinite(known)]
        if known.size >= _LEAST_QUIET:
            found[step : step + every] = np.quantile(known, 1 - FALSE_ALARMS)
    return found
