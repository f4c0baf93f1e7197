"""The `rollout` process: one controller, one journal, one candidate at a time."""

from collections.abc import Callable
from threading import Event

import structlog

from foreshadow.bus import Bus
from foreshadow.clock import Clock
from foreshadow.inventory import InventoryFile
from foreshadow.settings import RolloutSettings
from rollout.controller import Controller
from rollout.crew import OpenSession
from rollout.devices.fleet import Fleet
from rollout.journal import Journal
from rollout.lookout import Lookout

_log = structlog.get_logger()
_POLL_S = 0.1


def run_rollout(
    bus: Bus,
    settings: RolloutSettings,
    clock: Clock,
    stop: Event,
    *,
    open_session: OpenSession,
) -> None:
    """Roll candidates out until `stop` is set; first go on with what was left in the middle.

    Args:
        bus: Candidates, state, orders and forecasts in; rollout events and feedback out.
        settings: The journal's place and the profile of times.
        clock: Time.
        stop: Ends the process; an armed wave is left to its dead-man.
        open_session: The way into a device, e.g. `Fleet(inventory).session`.

    Raises:
        JournalUnwritable: Nothing more is done to any device; what is armed goes back by itself.
        InvariantViolated: Our bug.
    """
    publisher = bus.publisher()
    with Journal(settings.journal) as journal:
        lookout = Lookout(bus, publisher, clock)
        controller = Controller(
            journal=journal,
            lookout=lookout,
            publisher=publisher,
            open_session=open_session,
            clock=clock,
            times=settings.times,
            stop=stop,
        )
        _log.info(
            "rollout_started",
            journal=str(settings.journal),
            profile=settings.times.name,
            known=len(journal.transactions()),
        )
        try:
            _until(stop, lookout.is_caught_up, lookout)
            controller.take_up()
            while not stop.is_set():
                lookout.poll(_POLL_S)
                controller.begin_next()
            publisher.flush()
        finally:
            lookout.close()


def run_rollout_over_ssh(
    bus: Bus, settings: RolloutSettings, clock: Clock, stop: Event, inventory: InventoryFile
) -> None:
    """`run_rollout` on the devices of an inventory."""
    fleet = Fleet(inventory, password=settings.ssh_password)
    try:
        run_rollout(bus, settings, clock, stop, open_session=fleet.session)
    finally:
        fleet.close()


def _until(stop: Event, holds: Callable[[], bool], lookout: Lookout) -> None:
    while not (stop.is_set() or holds()):
        lookout.poll(_POLL_S)
