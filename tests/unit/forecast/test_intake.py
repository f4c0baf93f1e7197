"""From deltas to whole intervals over a whole network."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from forecast.intake import Intake
from foreshadow.bus import Record
from foreshadow.clock import to_ns
from foreshadow.delta import StateDelta
from foreshadow.demand import DemandMatrix
from foreshadow.follower import Follower
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands, flow_samples
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock
from tests.planned_network import planned_deltas
from tests.production_state import ABILENE, abilene

ROUTERS = tuple(NodeId(router.name) for router in abilene().routers)
SERIES_FROM = datetime(2004, 3, 1, tzinfo=UTC)


def _series(length: timedelta) -> DemandSeries:
    profile = ABILENE.with_name("abilene_profile.yaml")
    until = SERIES_FROM + length
    return demands(profile_matrices(profile, abilene(), until=until), abilene())


SERIES = _series(timedelta(minutes=10))


def _demand(series: DemandSeries = SERIES) -> Iterator[StateDelta]:
    owner = StateOwner(1)
    for number, matrix in enumerate(series, start=1):
        for sample in flow_samples(matrix, epoch=1, seq=number, observed_at_ns=to_ns(matrix.at)):
            reading = normalize(sample)
            assert not isinstance(reading, Refused)
            yield from owner.take(reading)


def _taken(intake: Intake, deltas: Sequence[StateDelta]) -> list[DemandMatrix]:
    return [
        matrix
        for offset, delta in enumerate(deltas)
        for matrix in intake.take(
            Record(
                topic=Topic.STATE,
                key=delta.device,
                value=msgspec.msgpack.encode(delta),
                partition=0,
                offset=offset,
            )
        )
    ]


def _intake(clock: FakeClock, routers: Sequence[NodeId] = ROUTERS) -> Intake:
    return Intake(Follower("test", MemoryBus().publisher(), clock), routers)


def test_what_went_in_as_flows_comes_out_as_the_matrix(fake_clock: FakeClock) -> None:
    """Exporters, deltas and assembling change nothing but the order of arrival."""
    out = _taken(_intake(fake_clock), [*planned_deltas(abilene()), *_demand()])

    assert [matrix.at for matrix in out] == list(SERIES.starts)
    assert [matrix.keys for matrix in out] == [SERIES.keys] * len(SERIES)
    for found, sent in zip(out, SERIES, strict=True):
        assert found.rates_bps == pytest.approx(sent.rates_bps)


def test_no_interval_comes_out_before_the_whole_network_is_known(fake_clock: FakeClock) -> None:
    """Topics have partitions: demand may be read long before some router's tables."""
    network, demand = [*planned_deltas(abilene())], [*_demand()]
    intake = _intake(fake_clock)
    early = _taken(intake, [*network[:-1], *demand])
    rest = _taken(intake, network[-1:])

    assert early == []
    assert [matrix.at for matrix in rest] == list(SERIES.starts)


def test_a_router_that_fails_holds_up_nobody_for_long(fake_clock: FakeClock) -> None:
    """Its flow export ends; the others' intervals come out when it is three behind."""
    series = _series(timedelta(minutes=30))
    intake = _intake(fake_clock)
    _taken(intake, [*planned_deltas(abilene())])
    out = _taken(intake, [it for it in _demand(series) if it.device != ROUTERS[0]])
    settled = intake.settle()

    assert out == []
    assert [matrix.at for matrix in settled] == list(series.starts[:-3])
    assert {key.ingress for key in settled[0].keys} == {*ROUTERS[1:]}


def test_without_a_list_the_routers_are_those_heard_of(fake_clock: FakeClock) -> None:
    """Whoever has sent its configuration by the time the topic is read is expected."""
    intake = _intake(fake_clock, ())
    early = _taken(intake, [*planned_deltas(abilene()), *_demand()])

    assert early == []
    assert [matrix.at for matrix in intake.settle()] == list(SERIES.starts)


def test_the_routing_is_the_same_object_until_it_changes(fake_clock: FakeClock) -> None:
    """Demand and heartbeats do not make the forecaster start its projections anew."""
    intake = _intake(fake_clock)
    _taken(intake, [*planned_deltas(abilene())])
    first = intake.routing()
    _taken(intake, [*_demand()])

    assert first is not None
    assert intake.routing() is first


def test_it_says_what_it_waits_for() -> None:
    """First for any router at all, then for what is missing of those there are."""
    intake = Intake(Follower("test", MemoryBus().publisher(), FakeClock(SERIES_FROM)))
    assert "running configuration" in intake.awaited()

    expecting = Intake(
        Follower("test", MemoryBus().publisher(), FakeClock(SERIES_FROM)), (ROUTERS[0],)
    )
    assert expecting.awaited() == f"best-path of {ROUTERS[0]}, whole, and 4 more"

    known = Intake(Follower("test", MemoryBus().publisher(), FakeClock(SERIES_FROM)), ROUTERS)
    _taken(known, [*planned_deltas(abilene())])
    assert known.awaited() == ""
