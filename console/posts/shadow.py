"""Owns the labs: the mirror that follows, the bench that is broken."""

from collections.abc import Sequence
from functools import partial

import structlog

import shadow.app
import shadow.dry_run
from console.drill_folders import DRILLS
from console.posts.post import Post
from scenarios.drills.drill import run_experiment
from scenarios.drills.drill_journal import LabName, find_records
from scenarios.drills.drill_room import DrillRoom
from scenarios.drills.recovery import lay_to_rest
from shadow.lab_change import LabChange

log = structlog.get_logger(__name__)


def serve(post: Post) -> None:
    """Run until stopped; first say which drills a predecessor was killed in."""
    room = DrillRoom(
        drills=post.settings.run_dir / DRILLS,
        lab=LabName(run_id=post.settings.run_id, name="bench"),
        place=post.settings.run_dir,
    )
    for record in find_records(room.drills):
        if record.opening.lab == room.lab and not record.is_closed:
            # The labs are removed and built anew below, and what was broken goes with them.
            found = lay_to_rest(record, post.clock)
            log.warning(
                "drill_was_cut_short",
                drill=found.drill,
                in_force=[entry.fault for entry in record.in_force()],
            )
    shadow.app.run(
        post.bus,
        post.settings,
        post.clock,
        post.stop,
        routers=post.routers,
        experiment=partial(run_experiment, room=room, is_over=post.stop.is_set),
        meter=post.meter,
    )


def rehearse(post: Post) -> None:
    """Say on standard output what would be done to the mirror, and make no lab."""

    def say(changes: Sequence[LabChange]) -> None:
        at = post.clock.now()
        for change in changes:
            print(f"{at:%H:%M:%S.%f}  {change}", flush=True)  # noqa: T201 - it is the result

    shadow.dry_run.follow(
        post.bus, post.settings, post.clock, post.stop, routers=post.routers, say=say
    )
