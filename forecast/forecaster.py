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
from forecast.model import PeakModel, Prediction
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
        self._known: set[DemandKey] = set()
        self._past: deque[tuple[datetime, Array]] = deque(maxlen=self._depth)
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
        return self._past[-1][0] if self._past else None

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
        """Take the next interval; None while there is not enough history for a forecast.

        Intervals that are missing before it count as the one before them; after more than a day of
        silence the past is forgotten, and learning starts over.
        """
        self.steps_seen += 1
        matrix = self._aligned(matrix)
        for at in self._missing_before(matrix.at):
            self._take(at, self._past[-1][1])
        predictions = self._take(matrix.at, matrix.vector())
        if predictions is None or self._watched is None:
            return None
        longest = self._terms.horizons[-1]
        return Outlook(
            terms=self._terms,
            matrix=matrix,
            watched=self._watched,
            now=self._projection @ self._past[-1][1],
            predictions=predictions,
            yesterday=self._history.window(self._day_steps - longest, longest),
        )

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

    def _take(self, at: datetime, rates: Array) -> dict[int, Prediction] | None:
        self._past.append((at, rates))
        if self._watched is None:
            return self._begin()
        return self._advance(at, rates)

    def _begin(self) -> dict[int, Prediction] | None:
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
        predictions = None
        for at, rates in self._past:
            predictions = self._advance(at, rates)
        return predictions

    def _advance(self, at: datetime, rates: Array) -> dict[int, Prediction] | None:
        self._history.append(self._projection @ rates)
        predictions = {m.horizon_steps: m.step(self._history, at) for m in self._models}
        known = {steps: found for steps, found in predictions.items() if found is not None}
        return known if len(known) == len(predictions) else None

    def _missing_before(self, at: datetime) -> list[datetime]:
        newest = self.newest
        if newest is None or at - newest <= self._terms.step:
            return []
        if at - newest > timedelta(days=1):
            self._past.clear()
            self._watched = None
            return []
        count = round((at - newest) / self._terms.step) - 1
        return [newest + number * self._terms.step for number in range(1, count + 1)]

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

    def _aligned(self, matrix: DemandMatrix) -> DemandMatrix:
        """The interval over every demand ever seen; one that is not there is 0, then as now."""
        if matrix.keys == self._keys:
            return matrix
        if not self._known.issuperset(matrix.keys):
            before = self._keys
            self._known |= set(matrix.keys)
            self._keys = tuple(sorted(self._known))
            column = {key: index for index, key in enumerate(before)}
            places = [column.get(key, len(before)) for key in self._keys]
            grown = [(at, np.append(rates, 0.0)[places]) for at, rates in self._past]
            self._past = deque(grown, maxlen=self._depth)
            if self._routing is not None and self._watched is not None:
                self._project(self._routing, self._watched)
        rates = tuple(matrix.aligned(self._keys).tolist())
        return DemandMatrix(at=matrix.at, keys=self._keys, rates_bps=rates)
