"""What a controller may do is the operator's word: dry runs, overrides, and going on afterwards."""

from dataclasses import replace
from pathlib import Path

import pytest

from foreshadow.errors import UnsafeRollout
from foreshadow.settings import RolloutSettings, Settings
from rollout.crew import Crew
from rollout.rules import Rules
from tests.fakes.clock import FakeClock
from tests.unit.rollout.field import (
    RULES,
    Device,
    FlakyBus,
    S,
    controller,
    forced,
    journal_at,
    submit,
    told,
    write_history,
)
from tests.unit.rollout.test_journal import AT, candidate

DRY = replace(RULES, may_configure=False)
APPROVED = [(S.PROPOSED, 0), (S.VERIFIED, 0), (S.APPROVED, 0)]


def test_nothing_is_allowed_unless_said() -> None:
    """Dry run, no override, a tenth of the traffic."""
    rules = Rules.of(Settings(rollout=RolloutSettings()))

    assert not rules.may_configure
    assert not rules.allow_override
    assert rules.traffic_cap(candidate()) == 0.1
    assert rules.limit(replace(candidate(), load_limit=0.99)) == 0.85
    assert rules.limit(replace(candidate(), load_limit=0.5)) == 0.5


def test_dry_run_approves_holds_and_changes_nothing(tmp_path: Path) -> None:
    """It says how to go on, and takes the next candidate."""
    bus, device = FlakyBus(), Device()
    submit(bus, forced())
    submit(bus, replace(forced(), id="u"))
    with journal_at(tmp_path) as journal:
        dry = controller(journal, bus, device, DRY)
        assert dry.begin_next()
        assert dry.begin_next()
        says = journal.events("t")[-1].says

        assert told(journal, "t") == told(journal, "u") == [*APPROVED, (S.HELD, 0)]
        assert "FORESHADOW_ROLLOUT__MAY_CONFIGURE=true" in says
        assert device.told == []
        assert journal.calls("t") == ()


def test_dry_run_is_carried_out_once_that_is_allowed(tmp_path: Path) -> None:
    """From where it stopped; the devices are looked at again first."""
    bus, device = FlakyBus(), Device()
    submit(bus, forced())
    with journal_at(tmp_path) as journal:
        controller(journal, bus, device, DRY).begin_next()
        controller(journal, bus, device).take_up()

        steps = told(journal, "t")
        assert steps[: len(APPROVED) + 3] == [
            *APPROVED,
            (S.HELD, 0),
            (S.APPROVED, 0),
            (S.LOCKED, 1),
        ]
        assert device.told[:2] == ["lock t", "lock t"]


def test_dry_run_whose_ground_has_moved_is_refused_afterwards(tmp_path: Path) -> None:
    """What was verified then is not taken for what is now."""
    bus, device = FlakyBus(), Device()
    submit(bus, forced())
    with journal_at(tmp_path) as journal:
        controller(journal, bus, device, DRY).begin_next()
        device.config = "f" * 64
        controller(journal, bus, device).take_up()

        assert told(journal, "t")[-1] == (S.REFUSED, 0)
        assert "has changed since it was measured" in journal.events("t")[-1].says
        assert device.told == []


def test_dry_run_leaves_a_predecessors_wave_alone(tmp_path: Path) -> None:
    """It has its dead-man; the next controller that may configure takes it up."""
    device = Device()
    with journal_at(tmp_path) as journal:
        write_history(journal, *APPROVED[1:], (S.LOCKED, 1), (S.STAGED, 1), (S.ARMED, 1))
        controller(journal, FlakyBus(), device, DRY).take_up()

        assert told(journal, "t")[-1] == (S.ARMED, 1)
        assert device.told == []


def test_no_hand_moves_in_a_dry_run(tmp_path: Path) -> None:
    """Whoever asks: the crew itself refuses, and the journal has no intent."""
    device = Device()
    with journal_at(tmp_path) as journal:
        crew = Crew(
            "t",
            journal=journal,
            open_session=lambda _: device,
            clock=FakeClock(AT),
            may_configure=False,
        )
        with pytest.raises(UnsafeRollout, match="dry run"):
            crew.lock(candidate().waves[0])

        assert device.told == []
        assert journal.calls("t") == ()


def test_override_is_refused_unless_allowed(tmp_path: Path) -> None:
    """The reason says which setting would let it through."""
    bus, device = FlakyBus(), Device()
    submit(bus, forced())
    with journal_at(tmp_path) as journal:
        controller(journal, bus, device, replace(RULES, allow_override=False)).begin_next()

        assert told(journal, "t") == [(S.PROPOSED, 0), (S.REFUSED, 0)]
        assert "FORESHADOW_ROLLOUT__ALLOW_OVERRIDE" in journal.events("t")[-1].says
        assert device.told == []
