"""The way back needs no broker, and waits for a device that is at it."""

import threading
from pathlib import Path

import pytest

import rollout.app
from foreshadow.errors import BrokerUnreachable
from foreshadow.inventory import DeviceEntry, InventoryFile
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import REHEARSAL_TIMES, RolloutSettings, Settings
from rollout.devices.session import StillReverting
from rollout.orphans import take_back_orphans
from tests.fakes.clock import FakeClock
from tests.unit.rollout.field import (
    Device,
    FlakyBus,
    S,
    controller,
    journal_at,
    told,
    write_history,
)
from tests.unit.rollout.test_journal import AT

TRIAL = (
    (S.VERIFIED, 0),
    (S.APPROVED, 0),
    (S.LOCKED, 1),
    (S.STAGED, 1),
    (S.ARMED, 1),
    (S.FLIPPED, 1),
)
BACK = [(S.REVERTING, 1), (S.REVERTED, 1)]
REVERT = "revert t.w1 g1"


def test_broker_that_is_away_does_not_stop_the_way_back(tmp_path: Path) -> None:
    """The devices are done, the journal keeps every word, the topic gets them later."""
    bus, device = FlakyBus(), Device()
    with journal_at(tmp_path) as journal:
        write_history(journal, *TRIAL)
        mine = controller(journal, bus, device)
        bus.is_away = True
        mine.take_up()

        assert device.told == [REVERT, "collect g1", "unlock t"]
        assert told(journal, "t")[-3:] == [*BACK, (S.REVERTED, 0)]
        assert bus.steps() == []

        bus.is_away = False
        controller(journal, bus, device).begin_next()
        journal.relay(bus.publisher())
        assert bus.steps() == told(journal, "t")


def test_device_that_is_at_it_is_asked_again(tmp_path: Path) -> None:
    """fs-guard goes on by itself, so the next answer may be that it is done."""
    device = Device(troubles=[StillReverting("A is still at it")] * 3)
    with journal_at(tmp_path) as journal:
        write_history(journal, *TRIAL)
        controller(journal, FlakyBus(), device).take_up()

        assert device.told.count(REVERT) == 4
        assert told(journal, "t")[-1] == (S.REVERTED, 0)


def test_device_that_never_gets_done_calls_a_person(tmp_path: Path) -> None:
    """After a minute, with the device's own words."""
    device = Device(troubles=[StillReverting("A is still at it")] * 1000)
    bus = FlakyBus()
    with journal_at(tmp_path) as journal:
        write_history(journal, *TRIAL)
        mine = controller(journal, bus, device)
        bus.is_away = True
        mine.take_up()
        last = journal.events("t")[-1]

        assert last.step is S.REVERT_FAILED
        assert "A is still at it; wave 1 may still be on it" in last.says
        assert 60 <= mine.clock.monotonic_s() < 62
        assert device.told.count(REVERT) > 60


@pytest.mark.parametrize("tail", [(), ((S.REVERTING, 1),)])
def test_orphan_goes_back_before_there_is_a_broker(
    tmp_path: Path, tail: tuple[tuple[RolloutStep, int], ...]
) -> None:
    """On trial or on its way back; the next controller proves it and says so."""
    device = Device()
    with journal_at(tmp_path) as journal:
        write_history(journal, *TRIAL, *tail)
        take_back_orphans(journal, lambda _: device, FakeClock(AT), REHEARSAL_TIMES)

        assert device.told == [REVERT]
        assert told(journal, "t")[-2:] == BACK

        take_back_orphans(journal, lambda _: device, FakeClock(AT), REHEARSAL_TIMES)
        assert device.told == [REVERT]

        controller(journal, FlakyBus(), device).take_up()
        assert told(journal, "t")[-1] == (S.REVERTED, 0)


@pytest.mark.parametrize("may_configure", [True, False])
def test_process_without_a_broker_sees_to_orphans_first(
    tmp_path: Path, *, may_configure: bool
) -> None:
    """Where it may; its device does not answer, so the wave is left on its way back."""
    with journal_at(tmp_path) as journal:
        write_history(journal, *TRIAL)
    mine = RolloutSettings(profile="rehearsal", may_configure=may_configure)
    (tmp_path / "key").touch()
    nowhere = DeviceEntry(
        name="A", port=1, ssh_key=tmp_path / "key", known_hosts=tmp_path / "known_hosts"
    )

    with pytest.raises(BrokerUnreachable):
        rollout.app.run(
            FlakyBus(is_away=True),
            Settings(run_dir=tmp_path, rollout=mine),
            FakeClock(AT),
            threading.Event(),
            inventory=InventoryFile(version=1, network="one", devices=(nowhere,)),
        )

    with journal_at(tmp_path) as journal:
        verbs = {call.verb for call, _ in journal.calls("t")}
        last = told(journal, "t")[-1]
    assert (last, verbs) == (
        ((S.REVERTING, 1), {"revert"}) if may_configure else ((S.FLIPPED, 1), set())
    )
