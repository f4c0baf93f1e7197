"""What was learnt as bytes: the same numbers to the last bit, and nothing but what we wrote."""

import os
import pickle
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from forecast.forecaster import Forecaster
from forecast.memory import Unreadable, freeze, identity, thaw, told_again
from foreshadow.demand import DemandMatrix
from foreshadow.incident import Incident, IncidentKind
from foreshadow.present import Present
from foreshadow.rates import RateFrame
from foreshadow.settings import ForecastSettings
from foreshadow.topology import NodeId
from foreshadow.warning import Forecast, SpikeWarning
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands
from tests.planned_network import CUT, planned
from tests.production_state import ABILENE, abilene

COARSE = ForecastSettings(
    horizons_s=(10_800, 21_600),
    step_s=3600,
    residual_window=60,
    watched_pairs=4,
    watched_demands=2,
    warm_up_steps=48,
    warn_from=datetime(2004, 3, 3, tzinfo=UTC),
)
ME = identity("test")
Said = tuple[tuple[Forecast, ...], tuple[SpikeWarning, ...]] | None


@cache
def _hourly() -> DemandSeries:
    until = datetime(2004, 3, 4, 12, tzinfo=UTC)
    profile = ABILENE.with_name("abilene_profile.yaml")
    series = demands(profile_matrices(profile, abilene(), until=until), abilene())
    return replace(series, starts=series.starts[::12], rates_bps=series.rates_bps[::12])


def _say(forecaster: Forecaster, matrix: DemandMatrix) -> Said:
    outlook = forecaster.observe(matrix)
    return None if outlook is None else (outlook.forecasts(), forecaster.warn(outlook))


def _lived(killed_after: frozenset[int]) -> Iterator[Said]:
    """What is said step by step, when killed and woken after some; a link falls on the way."""
    forecaster = Forecaster(COARSE, load_limit=0.5)
    network = planned(abilene())
    forecaster.reroute(network)
    for number, matrix in enumerate(_hourly()):
        if number == 70:
            forecaster.reroute(Present(what_if=network.what_if, down=CUT))
        yield _say(forecaster, matrix)
        if number in killed_after:
            forecaster = thaw(freeze(forecaster, ME), ME)


@cache
def _uninterrupted() -> list[Said]:
    return [*_lived(frozenset())]


@pytest.mark.slow
def test_killed_at_any_step_it_goes_on_with_the_same_numbers() -> None:
    """Every forecast and warning is bit for bit that of one who was never killed."""
    once = [*_lived(frozenset({47, 48, 60, 69, 70, 71}))]
    always = [*_lived(frozenset(range(200)))]

    assert any(said is not None and said[1] for said in once)
    assert once == _uninterrupted()
    assert always == _uninterrupted()


def test_messages_of_every_kind_that_is_heard_are_remembered() -> None:
    """Incidents and rates are msgspec's, with fields by keyword: a restart keeps them too."""
    incident = Incident(
        device=NodeId("A"),
        what=IncidentKind.LINK_DOWN,
        subject="eth0",
        at_ns=1,
        heard_at_ns=2,
        source="syslog",
        count=3,
    )
    rates = RateFrame(
        device=NodeId("A"),
        epoch=1,
        seq=1,
        observed_at_ns=3,
        is_whole=True,
        interfaces=("eth0",),
        columns=(b"",) * 6,
    )
    heard = {"incident": incident, "sum": incident.what, "rates": rates}

    assert thaw(freeze(heard, ME), ME) == heard


def test_a_memory_cannot_call_what_is_no_message() -> None:
    """The way messages are made leads to nothing else."""

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return told_again, (deque, {"maxlen": 1})

    with pytest.raises(Unreadable, match="is no message"):
        thaw(ME + pickle.dumps(Trap()), ME)


def test_another_version_or_other_settings_are_told_apart() -> None:
    """What was written under another identity is not read."""
    raw = freeze({"a": 1}, ME)

    assert thaw(raw, ME) == {"a": 1}
    with pytest.raises(Unreadable, match="another version"):
        thaw(raw, identity("other settings"))


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo harm",)


@pytest.mark.parametrize(
    "forged",
    [
        pickle.dumps(_Bomb()),
        b"cforecast.memory\nos.system\n(S'x'\ntR.",
        b"cforecast.app\nthreading\n.",
        b"cforeshadow.codec\nfrom_json\n(S'1'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"",
        b"\x80\x05garbage",
    ],
    ids=["system", "dotted", "module", "function", "eval", "empty", "garbage"],
)
def test_nothing_that_is_not_ours_is_ever_built(forged: bytes) -> None:
    """A file can name any function it likes: it is refused, not called."""
    with pytest.raises(Unreadable):
        thaw(ME + forged, ME)


def test_every_cut_and_flipped_byte_is_refused_or_harmless() -> None:
    """Damage never raises anything but `Unreadable`."""
    raw = freeze({"at": datetime(2026, 1, 1, tzinfo=UTC), "for": timedelta(1)}, ME)
    for place in range(len(ME), len(raw)):
        for damaged in (raw[:place], raw[:place] + bytes([raw[place] ^ 0x55]) + raw[place + 1 :]):
            try:
                thaw(damaged, ME)
            except Unreadable:
                continue
