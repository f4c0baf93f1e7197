"""The shadow without labs: follows production and says what it would do to a mirror.

The plan is worked out against the mirror that would be there if every plan so far had been carried
out, by the same reconciler and at the same moments.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing

import structlog

from foreshadow.bus import Bus
from foreshadow.clock import Clock
from foreshadow.errors import ConfigError
from foreshadow.settings import Settings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from shadow.coalescing import Coalescing
from shadow.emulation.lab import LabSpec
from shadow.lab_change import LabChange, Rebuild
from shadow.production_view import ProductionView
from shadow.reconcile import plan

_POLL_S = 0.02

log = structlog.get_logger(__name__)

Say = Callable[[Sequence[LabChange]], None]


def follow(
    bus: Bus,
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
    *,
    routers: Sequence[NodeId],
    say: Say,
) -> None:
    """Tell every plan until `stop` is set; no lab is made or touched.

    Args:
        bus: State comes from it; resync requests go to it.
        settings: How the mirror follows.
        clock: Time.
        stop: Ends it.
        routers: The first plan is made when the whole state of all of these is known.
        say: Is told each plan.

    Raises:
        BrokerUnreachable: Kafka does not answer.
    """
    publisher = bus.publisher()
    view = ProductionView("shadow-dry-run", publisher, clock, settings, routers=routers)
    pace = Coalescing(settings.shadow.coalesce_s)
    mirror: LabSpec | None = None
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        while not stop.is_set():
            for record in subscription.poll(_POLL_S):
                if view.take(record):
                    pace.note()
            is_ready = subscription.is_caught_up() and view.is_whole()
            if is_ready and pace.take(clock.monotonic_s()):
                mirror = _told(mirror, view.picture().spec, say)
            publisher.flush()


def _told(mirror: LabSpec | None, wanted: LabSpec, say: Say) -> LabSpec | None:
    try:
        changes = (
            (Rebuild(wanted=wanted, reason="there was none"),)
            if mirror is None
            else plan(mirror, wanted)
        )
    except ConfigError as error:
        log.warning("no_plan", reason=str(error))
        return mirror
    if changes:
        say(changes)
    return wanted
