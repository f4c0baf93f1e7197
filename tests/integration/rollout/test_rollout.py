"""Rollouts on real routers over SSH: one that holds, one that harms, one that a person stops."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import rollout.app
from foreshadow.bus import Bus
from foreshadow.clock import SystemClock
from foreshadow.control import RolloutCommand
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import RolloutSettings, Settings
from rollout.journal import Journal
from tests.fakes.bus import MemoryBus
from tests.integration.rollout.ring import BORDER, Board, Ring, disguise, propose, telemetry

S = RolloutStep
ENDS = (S.COMPLETE, S.REVERTED, S.REVERT_FAILED, S.REFUSED)
GOOD_DAY = [
    S.LOCKED,
    S.STAGED,
    S.ARMED,
    S.FLIPPED,
    S.SETTLING,
    S.SOAKING,
    S.GATE_PASSED,
    S.CONFIRMED,
]

pytestmark = [pytest.mark.netns, pytest.mark.device, pytest.mark.slow]


@contextmanager
def _controller(bus: Bus, ring: Ring, directory: Path) -> Iterator[None]:
    """The rollout process, in a thread."""
    stop = threading.Event()
    thread = threading.Thread(
        target=rollout.app.run,
        args=(bus, _settings(directory), SystemClock(), stop),
        kwargs={"inventory": ring.inventory},
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _settings(directory: Path) -> Settings:
    mine = RolloutSettings(
        profile="demo", may_configure=True, allow_override=True, moved_traffic_cap=0.6
    )
    return Settings(run_dir=directory, rollout=mine)


def test_good_candidate_goes_out_in_three_waves_and_can_be_taken_back(
    ring: Ring, tmp_path: Path
) -> None:
    """Every wave takes every step; afterwards the NOC rolls the whole change back."""
    prefixes, before = ring.prefixes, ring.digest()
    config = ring.production.running_config(BORDER)
    candidate = propose(ring, "good", [prefixes[3:], prefixes[2:], prefixes[1:]])
    bus = MemoryBus()
    board = Board(bus, candidate.id)

    with telemetry(ring, bus, tmp_path), _controller(bus, ring, tmp_path):
        board.submit(candidate)
        end = board.until(*ENDS)
        during = ring.digest()
        board.command(RolloutCommand(txn=candidate.id, do="roll-back", asked_by="the NOC"))
        back = board.until(S.REVERTED, S.REVERT_FAILED)

    assert end.step is S.COMPLETE
    assert [board.steps(wave)[: len(GOOD_DAY)] for wave in (1, 2, 3)] == [GOOD_DAY] * 3
    assert during != before
    assert back.step is S.REVERTED
    assert ring.digest() == before
    assert ring.production.running_config(BORDER) == config


def test_harmful_candidate_fails_its_gate_and_nothing_of_it_is_left(
    ring: Ring, tmp_path: Path
) -> None:
    """Its gates compare with what the proven candidate did: G1 fails, the RIBs are as before."""
    prefixes, before = ring.prefixes, ring.digest()
    proven = propose(ring, "proven", [prefixes[3:], prefixes[2:], prefixes[1:]])
    harmful = propose(ring, "harmful", [prefixes[3:], prefixes[:1] + prefixes[3:], prefixes])
    candidate = disguise(harmful, proven, override="a drill of the way back")
    bus = MemoryBus()
    board = Board(bus, candidate.id)

    with telemetry(ring, bus, tmp_path), _controller(bus, ring, tmp_path):
        board.submit(candidate)
        end = board.until(*ENDS)

    reverting = next(event for event in board.seen if event.step is S.REVERTING)
    failed = {gate.gate for gate in reverting.gates if gate.verdict is Verdict.FAILED}
    assert end.step is S.REVERTED
    assert S.CONFIRMED in board.steps(1)
    assert S.CONFIRMED not in board.steps(2)
    assert "G1" in failed
    assert end.facts is not None
    assert end.facts["rib_digest_after"] == end.facts["rib_digest_before"] == before
    assert end.facts["gate_to_reverted_s"] < 5
    assert ring.digest() == before
    assert "a drill of the way back" in board.seen[0].says
    with Journal(tmp_path / "journal.sqlite") as journal:
        calls = journal.calls(candidate.id)
    assert all(outcome is not None and not outcome.error for _, outcome in calls)


def test_candidate_measured_on_another_configuration_is_refused(ring: Ring, tmp_path: Path) -> None:
    """The precondition binds the proof to the configuration it was made on; nothing is touched."""
    candidate = propose(ring, "outdated", [ring.prefixes[3:]])
    comment = "neighbor IBGP description changed-by-somebody"
    bus = MemoryBus()
    board = Board(bus, candidate.id)

    ring.production.apply_config(BORDER, f"router bgp 65001\n {comment}\nexit\n")
    try:
        with telemetry(ring, bus, tmp_path), _controller(bus, ring, tmp_path):
            board.submit(candidate)
            end = board.until(*ENDS)
    finally:
        ring.production.apply_config(BORDER, f"router bgp 65001\n no {comment}\nexit\n")

    assert end.step is S.REFUSED
    assert f"configuration of {BORDER} has changed" in end.says


def test_hold_lets_the_dead_man_run_and_the_wave_goes_back(ring: Ring, tmp_path: Path) -> None:
    """A hold stops the way forward and never extends a dead-man."""
    before = ring.digest()
    candidate = propose(ring, "held", [ring.prefixes[3:], ring.prefixes[2:]])
    bus = MemoryBus()
    board = Board(bus, candidate.id)

    with telemetry(ring, bus, tmp_path), _controller(bus, ring, tmp_path):
        board.submit(candidate)
        board.until(S.SOAKING, wave=1)
        board.command(RolloutCommand(txn=candidate.id, do="hold", asked_by="the NOC"))
        held = board.until(S.HELD, wave=1)
        end = board.until(*ENDS)

    assert held.facts is not None
    assert 0 < held.facts["dead_man_left_s"] < 10
    assert end.step is S.REVERTED
    assert ring.digest() == before
