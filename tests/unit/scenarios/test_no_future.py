"""Nothing that is forecast, warned of or decided comes from the future: the whole way of a demand.

From the replay to the drill that is asked for, every part is the real one: flow export,
normalisation, differential state, intake, forecaster, triage and dispatch. Only the bus between
them is left out, so that what is said after each interval is known to be said after that interval.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest

from console.demo.opening import read_network
from forecast.forecaster import Forecaster
from forecast.intake import Intake
from foreshadow.bus import Record
from foreshadow.clock import to_ns
from foreshadow.delta import StateDelta
from foreshadow.demand import DemandMatrix
from foreshadow.follower import Follower
from foreshadow.present import present
from foreshadow.settings import ForecastSettings
from foreshadow.topics import Topic
from foreshadow.warning import Forecast, SpikeWarning
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands, flow_samples
from scenarios.dispatch import Asked, Decision, decide
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock
from tests.planned_network import planned_deltas

E2E = Path(__file__).resolve().parents[2] / "e2e"
UNTIL = datetime(2004, 3, 11, 23, tzinfo=UTC)
HOURLY = ForecastSettings(
    horizons_s=(10_800, 21_600),
    step_s=3600,
    residual_window=60,
    watched_pairs=4,
    watched_demands=2,
    warm_up_steps=48,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Everything that is said after one interval."""

    forecasts: tuple[Forecast, ...]
    warnings: tuple[SpikeWarning, ...]
    decisions: tuple[Decision, ...]


@cache
def _replay() -> DemandSeries:
    """The square's profile, one interval in twelve."""
    network = read_network(E2E / "square.yaml")
    profile = profile_matrices(E2E / "square_profile.yaml", network, until=UNTIL)
    series = demands(profile, network)
    return replace(series, starts=series.starts[::12], rates_bps=series.rates_bps[::12])


def _told(series: DemandSeries) -> list[Said]:
    """What forecast and drills say, interval by interval."""
    network = read_network(E2E / "square.yaml")
    follower = Follower("test", MemoryBus().publisher(), FakeClock(UNTIL))
    intake = Intake(follower)
    forecaster = Forecaster(HOURLY, load_limit=0.85)
    asked: list[Asked] = []
    for delta in planned_deltas(network):
        intake.take(_record(delta))
    intake.settle()
    said = []
    for matrix in _arriving(series, intake):
        if (routing := intake.routing()) is not None:
            forecaster.reroute(routing)
        outlook = forecaster.observe(matrix)
        if outlook is None:
            said.append(Said(forecasts=(), warnings=(), decisions=()))
            continue
        warnings, decisions = forecaster.warn(outlook), []
        for warning in warnings:
            standing = present(follower.state)
            assert standing is not None
            decision = decide(warning, standing, now=matrix.at, asked=tuple(asked))
            decisions.append(decision)
            if decision.drill is not None:
                worst = decision.report.rows[0]
                asked.append(
                    Asked(
                        drill=decision.drill.id,
                        failure=worst.failure,
                        worst_ratio=worst.worst_ratio,
                        window_end=warning.window_end,
                    )
                )
        said.append(
            Said(forecasts=outlook.forecasts(), warnings=warnings, decisions=tuple(decisions))
        )
    return said


def _arriving(series: DemandSeries, intake: Intake) -> Iterator[DemandMatrix]:
    """Each interval as the forecast gets it: exported, normalised, differenced, put together."""
    owner = StateOwner(1)
    for number, matrix in enumerate(series, start=1):
        for sample in flow_samples(matrix, epoch=1, seq=number, observed_at_ns=to_ns(matrix.at)):
            reading = normalize(sample)
            assert not isinstance(reading, Refused)
            for delta in owner.take(reading):
                yield from intake.take(_record(delta))


def _record(delta: StateDelta) -> Record:
    value = msgspec.msgpack.encode(delta)
    return Record(topic=Topic.STATE, key=delta.device, value=value, partition=0, offset=0)


@cache
def _as_it_came() -> list[Said]:
    return _told(_replay())


@pytest.mark.parametrize("hours_after_first_drill", [-1, 0, 1])
def test_shuffling_the_future_changes_no_earlier_decision(
    hours_after_first_drill: int, rng: random.Random
) -> None:
    """Forecasts, warnings, rankings and drills up to the present stand, whatever comes after it."""
    series, before = _replay(), _as_it_came()
    first = next(i for i, said in enumerate(before) if any(d.drill for d in said.decisions))
    present_at = first + hours_after_first_drill + 1
    future = list(range(present_at, len(series)))
    rng.shuffle(future)
    after = _told(replace(series, rates_bps=series.rates_bps[[*range(present_at), *future]]))

    assert len(before) == len(after) == len(series)
    assert before[:present_at] == after[:present_at]
    assert before[present_at:] != after[present_at:]


def test_the_decisions_compared_are_those_of_the_story() -> None:
    """The replay leads to warnings and to a drill, so that the law above is about something."""
    said = _as_it_came()
    drills = [d.drill for one in said for d in one.decisions if d.drill is not None]

    assert sum(bool(one.forecasts) for one in said) > 24
    assert drills[0].cut == ("ALPHA-BRAVO",)
    assert drills[0].demand.at > _replay().starts[0]
