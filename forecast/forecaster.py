"""The owner of everything the forecast remembers: one interval in, one outlook out.

Nothing in it depends on what comes later: what is watched is chosen from the past, models learn
from a peak when it has passed, and warnings compare with earlier warnings only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from forecast.bank import Bank, Terms, joined
from forecast.bias import LinkBias
from forecast.history import Array
from forecast.judgement import HorizonJudge
from forecast.known_events import KnownEvents
from forecast.model import Prediction
from forecast.outlook import Outlook
from forecast.past import Past, Step
from forecast.projected import Projection
from forecast.warner import Warner
from forecast.watch import NOTICEABLE, WatchList, choose
from foreshadow.demand import DemandMatrix
from foreshadow.errors import InvariantViolated
from foreshadow.present import Present
from foreshadow.rollout_event import Feedback
from foreshadow.settings import ForecastSettings
from foreshadow.topology import DirectedLink, LinkId
from foreshadow.warning import SpikeWarning

_NOBODY_COUNTS: Mapping[DirectedLink, float] = {}


class Forecaster:
    """Watches, predicts and warns; feed it one interval after another."""

    def __init__(
        self, settings: ForecastSettings, *, load_limit: float, events: KnownEvents | None = None
    ) -> None:
        """Begin without routing and without history.

        Args:
            settings: Horizons, quantile, what to watch.
            load_limit: Load ratio a link may reach.
            events: What is known in advance.
        """
        step = timedelta(seconds=settings.step_s)
        self._terms = Terms(
            step=step,
            horizons=tuple(sorted(seconds // settings.step_s for seconds in settings.horizons_s)),
            quantile=settings.quantile,
            load_limit=load_limit,
            window=settings.residual_window,
            warm_up=settings.warm_up_steps,
            pairs=settings.watched_pairs,
            demands=settings.watched_demands,
        )
        self.warner = Warner(settings, self._terms, events or KnownEvents())
        self.bias = LinkBias()
        self._past = Past(max(self._terms.depth, settings.warm_up_steps))
        self._routing: Present | None = None
        self._routings = 0
        self._projection: Projection | None = None
        self._banks: tuple[Bank, ...] = ()
        self._chances: dict[int, Array] = {}
        self.judges = tuple(HorizonJudge(n, load_limit) for n in self._terms.horizons)
        self.steps_seen = 0

    @property
    def step(self) -> timedelta:
        """Length of one interval."""
        return self._terms.step

    @property
    def watched(self) -> WatchList | None:
        """What has models; None until the warm-up is over and the routing is known."""
        return self._projection.watched if self._projection else None

    @property
    def newest(self) -> datetime | None:
        """Start of the latest interval taken."""
        return self._past.newest.at if self._past.newest else None

    @property
    def routing(self) -> Present | None:
        """The network as it stands."""
        return self._routing

    @property
    def banks(self) -> tuple[Bank, ...]:
        """The models: of links as the network stands, and of the pairs and demands chosen."""
        return self._banks

    @property
    def coverage(self) -> dict[int, float]:
        """Share of recent peaks at or below their upper bound, per horizon in seconds."""
        return {
            horizon_s: dict(levels)[self._terms.quantile]
            for horizon_s, levels in self.coverages().items()
        }

    def coverages(self) -> dict[int, tuple[tuple[float, float], ...]]:
        """Per horizon in seconds, each quantile with the share of peaks at or below it."""
        found = {}
        for place, steps in enumerate(self._terms.horizons):
            levels: dict[float, list[float]] = {}
            for bank in self._filled():
                for it in bank.models[place].coverages():
                    held = levels.setdefault(it.level, [0.0, 0.0])
                    held[0] += it.share * it.outcomes if it.outcomes else 0.0
                    held[1] += it.outcomes
            found[round(steps * self._terms.step.total_seconds())] = tuple(
                (level, held / of if of else float("nan")) for level, (held, of) in levels.items()
            )
        return found

    def remember(self, warning: SpikeWarning) -> None:
        """Take note of a warning that is out already."""
        self.warner.alarm.remember(warning)

    def feed_back(self, feedback: Feedback) -> None:
        """Take note of what a failure that really came did, against what was said of it."""
        if feedback.shadow_ratio is not None:
            self.bias.feed_back(feedback.link, feedback.observed_ratio, feedback.shadow_ratio)
        failure = LinkId(feedback.under_failure) if feedback.under_failure else None
        said = self.warner.alarm.probability((feedback.link, failure))
        if said is not None:
            happened = feedback.observed_ratio > self._terms.load_limit
            self.judges[-1].feed_back(said, happened=happened)

    def reroute(self, routing: Present) -> None:
        """Take note of how the network routes from now on.

        The remembered demand is projected anew, so every series reads as if it had always been
        routed like this; models keep what they have learnt, predictions under way are dropped. The
        pairs of link and failure that matter are chosen anew. Where only a few prefixes have
        moved that hardly load a link, as they do all day long, nothing is dropped.
        """
        before, self._routing = self._routing, routing
        if before is not None and (before is routing or before.is_as(routing)):
            return
        self.warner.know(routing)
        if before is None or not self._moves_little(before, routing):
            self._routings += 1
            if self._projection is not None:
                self._watch(routing, self._projection)

    def observe(
        self, matrix: DemandMatrix, counted_bps: Mapping[DirectedLink, float] = _NOBODY_COUNTS
    ) -> Outlook | None:
        """Take the next interval; None while there is not enough history for a forecast.

        One that is not newer than the newest says nothing new. Intervals that are missing before
        it teach nothing, and read like the one before them;
        after more than a day of silence the past is forgotten, and learning starts over.

        Args:
            matrix: Demand; no keys where nobody exports flows.
            counted_bps: What links carried, as far as it was counted.
        """
        if self.newest is not None and matrix.at <= self.newest:
            return None
        self.steps_seen += 1
        self._fill_up_to(matrix.at)
        is_other = self.steps_seen % self._terms.day_steps == 0 and self._past.narrow()
        if (self._past.widen(matrix) or is_other) and self._projection and self._routing:
            self._projection = self._projected(self._routing, self._projection.watched)
        matrix = DemandMatrix(
            at=matrix.at,
            keys=self._past.keys,
            rates_bps=tuple(matrix.aligned(self._past.keys).tolist()),
        )
        step = self._step(matrix, counted_bps)
        if self._routing is not None:
            self.warner.pass_to(matrix.at, self._routing)
        predictions = self._take(step)
        if predictions is None or self._projection is None:
            return None
        return self._outlook(matrix, step, predictions)

    def warn(self, outlook: Outlook) -> tuple[SpikeWarning, ...]:
        """What must be said now, dearest first; each is remembered as said."""
        if self._routing is None:
            return ()
        day, longest = self._terms.day_steps, self._terms.horizons[-1]
        yesterday = self._past.rates_from(day, min(longest, day) + 1)
        return self.warner.warn(outlook, self._routing, yesterday)

    def _outlook(
        self, matrix: DemandMatrix, step: Step, predictions: dict[int, Prediction]
    ) -> Outlook:
        projection = self._standing()
        n_links = len(projection.watched.links)
        return Outlook(
            terms=self._terms,
            matrix=matrix,
            watched=projection.watched,
            now=np.nan_to_num(projection.values(step, self.bias)),
            predictions=predictions,
            chances=self._chances,
            yesterday=np.hstack([bank.yesterday() for bank in self._filled()])[:, :n_links],
        )

    def _step(self, matrix: DemandMatrix, counted_bps: Mapping[DirectedLink, float]) -> Step:
        links: tuple[DirectedLink, ...] = ()
        ratios: list[float] = []
        if counted_bps and self._routing is not None:
            capacities = self._routing.what_if.topology.capacities()
            links = tuple(capacities)
            ratios = [
                counted_bps.get(link, np.nan) / capacity if capacity > 0 else np.nan
                for link, capacity in capacities.items()
            ]
        return Step(
            at=matrix.at,
            rates=np.asarray(matrix.rates_bps, dtype=np.float32),
            links=links,
            ratios=np.asarray(ratios, dtype=np.float32),
            routing=self._routings,
        )

    def _take(self, step: Step) -> dict[int, Prediction] | None:
        self._past.append(step)
        if self._projection is None:
            return self._begin()
        if step.ratios.size and step.rates.size and not step.is_missing:
            counted = dict(zip(step.links, step.ratios.tolist(), strict=True))
            self.bias.measure(counted, self._projection.intact(step.rates))
        if self._routing is not None and self.steps_seen % self._terms.day_steps == 0:
            self._watch(self._routing, self._projection)
        return self._advance(step.at, self._standing().values(step, self.bias))

    def _begin(self) -> dict[int, Prediction] | None:
        """At the end of the warm-up choose what to watch, and live through the warm-up again."""
        routing = self._routing
        if routing is None or len(self._past) < self._terms.warm_up:
            return None
        self._projection = self._projected(routing, self._chosen(routing, _NOTHING_WATCHED))
        self._banks = tuple(self._bank(series) for series in self._series())
        predictions = None
        for step, values in self._course():
            predictions = self._advance(step.at, values)
        return predictions

    def _watch(self, routing: Present, before: Projection) -> None:
        """Choose anew what is watched; what stays keeps its models."""
        watched = self._chosen(routing, before.watched)
        self._projection = self._projected(routing, watched)
        old, is_rerouted = before.watched, before.routing != self._routings
        is_same = (
            old.intact == watched.intact,
            (old.pairs, old.demands) == (watched.pairs, watched.demands),
        )
        if all(is_same) and not is_rerouted:
            return
        for judge in self.judges:
            judge.forget_waiting()
        course = [*self._course()]
        self._banks = tuple(
            self._moved(bank, course, series, is_same=same, is_rerouted=is_rerouted)
            for bank, series, same in zip(self._banks, self._series(), is_same, strict=True)
        )

    def _moved(
        self,
        bank: Bank,
        course: list[tuple[Step, Array]],
        series: slice,
        *,
        is_same: bool,
        is_rerouted: bool,
    ) -> Bank:
        """A bank that knows the past of its series, whether they are new or only routed anew."""
        if is_same:
            if is_rerouted:
                bank.reread(values[series] for _, values in course)
            return bank
        fresh = self._bank(series)
        recent = max(0, len(course) - self._terms.warm_up)
        fresh.reread(values[series] for _, values in course[:recent])
        for step, values in course[recent:]:
            fresh.advance(step.at, values[series])
        return fresh

    def _advance(self, at: datetime, values: Array) -> dict[int, Prediction] | None:
        """Take the next step into every bank; what is foreseen of all series together."""
        banks, n_links = self._filled(), len(self._standing().watched.links)
        places = np.cumsum([bank.n_series for bank in banks])[:-1]
        parts = zip(banks, np.split(values, places), strict=True)
        found = [bank.advance(at, part) for bank, part in parts]
        known = [predictions for predictions in found if predictions is not None]
        for judge in self.judges:
            peaks = [bank.peaks(judge.horizon_steps) for bank in banks]
            judge.settle(np.concatenate(peaks)[:n_links])
        if len(known) < len(banks):
            self._chances = {}
            return None
        predictions = {n: joined([each[n] for each in known]) for n in self._terms.horizons}
        self._chances = {
            judge.horizon_steps: judge.promise(predictions[judge.horizon_steps], n_links)
            for judge in self.judges
        }
        return predictions

    def _filled(self) -> tuple[Bank, ...]:
        return tuple(bank for bank in self._banks if bank.n_series)

    def _moves_little(self, before: Present, after: Present) -> bool:
        """Go on under another routing, where no load changes noticeably by it; whether so."""
        known, past = self._projection, self._past
        is_same_network = before.what_if.topology == after.what_if.topology
        if known is None or before.down != after.down or not is_same_network:
            return False
        found = replace(self._projected(after, known.watched), routing=known.routing)
        rates, n_links = past.rates(), len(known.watched.links)
        highest = rates.max(axis=0) if rates.size else np.zeros(len(past.keys))
        off = np.abs((found.shares - known.shares)[:n_links]) @ highest
        if off.max(initial=0.0) > NOTICEABLE:
            return False
        self._projection = found
        return True

    def _chosen(self, routing: Present, before: WatchList) -> WatchList:
        return choose(
            routing,
            self._past.keys,
            self._past.rates(),
            pairs=self._terms.pairs,
            demands=self._terms.demands,
            before=before,
        )

    def _projected(self, routing: Present, watched: WatchList) -> Projection:
        return Projection.of(routing, self._routings, watched, self._past)

    def _standing(self) -> Projection:
        if self._projection is None:
            raise InvariantViolated("a step was taken before anything was watched")
        return self._projection

    def _course(self) -> Iterator[tuple[Step, Array]]:
        return zip(self._past, self._standing().course(self._past, self.bias), strict=True)

    def _series(self) -> tuple[slice, slice]:
        """Which series are links as the network stands, and which were chosen."""
        watched = self._standing().watched
        return slice(0, len(watched.intact)), slice(len(watched.intact), len(watched))

    def _bank(self, series: slice) -> Bank:
        return Bank(series.stop - series.start, self._terms, self.warner.events.live())

    def _fill_up_to(self, at: datetime) -> None:
        """Let the steps pass that nobody told of."""
        newest = self._past.newest
        if newest is None or at - newest.at <= self._terms.step:
            return
        if at - newest.at > timedelta(days=1):
            self._past.forget()
            self._projection, self._banks = None, ()
            for judge in self.judges:
                judge.forget_waiting()
            return
        count = round((at - newest.at) / self._terms.step) - 1
        for number in range(1, count + 1):
            missing = replace(newest, at=newest.at + number * self._terms.step, is_missing=True)
            self._take(missing)


_NOTHING_WATCHED = WatchList(links=(), demands=())
