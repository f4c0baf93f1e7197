"""The owner of everything the forecast remembers: one interval in, one outlook out.

Nothing in it depends on what comes later: what is watched is chosen from the warm-up, models learn
from a peak when it has passed, and warnings compare with earlier warnings only.
"""

from collections import deque
from datetime import datetime, timedelta

import numpy as np

from forecast import features
from forecast.alarm import Alarm
from forecast.history import Array, History
from forecast.model import PeakModel
from forecast.outlook import Outlook, Terms
from forecast.watch import WatchList, choose, projection
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.present import Present
from foreshadow.settings import ForecastSettings
from foreshadow.warning import SpikeWarning


class Forecaster:
    """Watches, predicts and warns; feed it one demand matrix after another."""

    def __init__(self, settings: ForecastSettings, *, load_limit: float) -> None:
        """Begin without routing and without history.

        Args:
            settings: Horizons, quantile, what to watch.
            load_limit: Load ratio a link may reach.
        """
        step = timedelta(seconds=settings.step_s)
        self._settings = settings
        self._terms = Terms(
            step=step,
            horizons=tuple(sorted(seconds // settings.step_s for seconds in settings.horizons_s)),
            quantile=settings.quantile,
            load_limit=load_limit,
        )
        self._day_steps = round(timedelta(days=1) / step)
        self._depth = max(features.DAYS_BACK * self._day_steps + 1, settings.warm_up_steps)
        self._alarm = Alarm()
        self._keys: tuple[DemandKey, ...] = ()
        self._past: deque[tuple[DemandMatrix, Array]] = deque(maxlen=self._depth)
        self._routing: Present | None = None
        self._watched: WatchList | None = None
        self._projection: Array = np.zeros((0, 0))
        self._history = History(0, self._depth)
        self._models: tuple[PeakModel, ...] = ()
        self.steps_seen = 0

    @property
    def watched(self) -> WatchList | None:
        """What has models; None until the warm-up is over and the routing is known."""
        return self._watched

    @property
    def newest(self) -> datetime | None:
        """Start of the latest interval taken."""
        return self._past[-1][0].at if self._past else None

    @property
    def coverage(self) -> dict[int, float]:
        """Share of recent peaks at or below their upper bound, per horizon in seconds."""
        return {m.horizon_steps * self._settings.step_s: m.coverage for m in self._models}

    def remember(self, warning: SpikeWarning) -> None:
        """Take note of a warning that is out already."""
        self._alarm.remember(warning)

    def reroute(self, routing: Present) -> None:
        """Take note of how the network routes from now on.

        The remembered demand is projected anew, so every series reads as if it had always been
        routed like this; models keep what they have learnt, predictions under way are dropped.
        """
        if routing is self._routing:
            return
        self._routing = routing
        if self._watched is not None:
            self._project(routing, self._watched)

    def observe(self, matrix: DemandMatrix) -> Outlook | None:
        """Take the next interval; None while there is not enough history for a forecast."""
        self.steps_seen += 1
        self._realign(matrix.keys)
        self._past.append((matrix, matrix.vector()))
        if self._watched is None:
            return self._begin()
        return self._advance(self._watched, *self._past[-1])

    def warn(self, outlook: Outlook) -> tuple[SpikeWarning, ...]:
        """What must be said now, worst first; each is remembered as said."""
        if self._routing is None:
            return ()
        yesterday = self._yesterday()
        found = [
            outlook.warning(row, self._routing, yesterday)
            for row in range(len(outlook.watched.links))
        ]
        due = [warning for warning in found if warning and self._alarm.is_due(warning)]
        for warning in due:
            self._alarm.remember(warning)
        return tuple(sorted(due, key=lambda warning: -warning.upper_ratio))

    def _begin(self) -> Outlook | None:
        """At the end of the warm-up choose what to watch, and live through the warm-up again."""
        settings, routing = self._settings, self._routing
        if routing is None or len(self._past) < settings.warm_up_steps:
            return None
        self._watched = choose(
            routing,
            self._keys,
            np.asarray([rates for _, rates in self._past]),
            pairs=settings.watched_pairs,
            demands=settings.watched_demands,
        )
        self._models = tuple(
            PeakModel(
                len(self._watched),
                steps,
                step=self._terms.step,
                quantile=settings.quantile,
                window=settings.residual_window,
            )
            for steps in self._terms.horizons
        )
        self._projection = projection(routing, self._watched, self._keys)
        self._history = History(len(self._watched), self._depth)
        outlook = None
        for matrix, rates in self._past:
            outlook = self._advance(self._watched, matrix, rates)
        return outlook

    def _advance(self, watched: WatchList, matrix: DemandMatrix, rates: Array) -> Outlook | None:
        now = self._projection @ rates
        self._history.append(now)
        predictions = {m.horizon_steps: m.step(self._history, matrix.at) for m in self._models}
        known = {steps: found for steps, found in predictions.items() if found is not None}
        if len(known) < len(predictions):
            return None
        longest = self._terms.horizons[-1]
        return Outlook(
            terms=self._terms,
            matrix=matrix,
            watched=watched,
            now=now,
            predictions=known,
            yesterday=self._history.window(self._day_steps - longest, longest),
        )

    def _yesterday(self) -> Array:
        """Demand from this time yesterday to the end of the longest horizon, a row per step."""
        first = len(self._past) - 1 - self._day_steps
        rows = range(first, first + self._terms.horizons[-1] + 1)
        return np.asarray([self._past[row][1] for row in rows])

    def _project(self, routing: Present, watched: WatchList) -> None:
        self._projection = projection(routing, watched, self._keys)
        self._history = History(len(watched), self._depth)
        for _, rates in self._past:
            self._history.append(self._projection @ rates)
        for model in self._models:
            model.forget_pending()

    def _realign(self, keys: tuple[DemandKey, ...]) -> None:
        """Bring the remembered demand into the order of new keys; what was not there is 0."""
        if keys == self._keys:
            return
        self._keys = keys
        kept = [(matrix, matrix.aligned(keys)) for matrix, _ in self._past]
        self._past = deque(kept, maxlen=self._depth)
        if self._routing is not None and self._watched is not None:
            self._project(self._routing, self._watched)
