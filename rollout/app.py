"""The `rollout` process: one controller, one journal, one candidate at a time."""

from contextlib import ExitStack, closing
from threading import Event

import structlog

from foreshadow.bus import Bus
from foreshadow.clock import Clock
from foreshadow.errors import BrokerUnreachable
from foreshadow.inventory import InventoryFile
from foreshadow.settings import Settings
from rollout.controller import Controller
from rollout.devices.fleet import Fleet
from rollout.journal import Journal
from rollout.lookout import Lookout
from rollout.orphans import take_back_orphans
from rollout.rules import Rules

_log = structlog.get_logger()
_POLL_S = 0.1


def run(
    bus: Bus, settings: Settings, clock: Clock, stop: Event, *, inventory: InventoryFile
) -> None:
    """Roll candidates out onto the devices of an inventory until `stop` is set.

    Args:
        bus: Candidates, state, orders and forecasts in; rollout events and feedback out.
        settings: The journal's place (below `run_dir` where it is relative), times, login.
        clock: Time.
        stop: Ends the process; an armed wave is left to its dead-man.
        inventory: The only devices that can be configured.

    Raises:
        BrokerUnreachable: Whatever was on trial was taken back first.
        JournalUnwritable: Nothing more is done to any device; what is armed goes back by itself.
        InvariantViolated: Our bug.
    """
    fleet = Fleet(inventory, password=settings.rollout.ssh_password)
    publisher = bus.publisher()
    try:
        with Journal(settings.run_dir / settings.rollout.journal) as journal, ExitStack() as stack:
            times, rules = settings.rollout.times, Rules.of(settings)
            try:
                lookout = stack.enter_context(closing(Lookout(bus, publisher, clock)))
            except BrokerUnreachable:
                if rules.may_configure:
                    take_back_orphans(journal, fleet.session, clock, times)
                raise
            controller = Controller(
                journal=journal,
                lookout=lookout,
                publisher=publisher,
                open_session=fleet.session,
                clock=clock,
                times=times,
                rules=rules,
                stop=stop,
            )
            serve(controller)
    finally:
        fleet.close()


def serve(controller: Controller) -> None:
    """First go on with what was left in the middle, then take one candidate after the other."""
    lookout, stop = controller.lookout, controller.stop
    known = controller.journal.transactions()
    _log.info(
        "rollout_started",
        profile=controller.times.name,
        known=len(known),
        may_configure=controller.rules.may_configure,
    )
    while not (stop.is_set() or lookout.is_caught_up()):
        lookout.poll(_POLL_S)
    controller.take_up()
    while not stop.is_set():
        lookout.poll(_POLL_S)
        controller.begin_next()
    controller.publisher.flush()
