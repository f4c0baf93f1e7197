"""What could not be used, and why: the dead-letter topic for people."""

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from foreshadow.bus import Bus
from foreshadow.clock import from_ns
from foreshadow.codec import from_json
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from ingest.rejects import ReasonLine, RejectBook

_POLL_S = 0.2
_SHOWN = 200


def read_rejects(bus: Bus, *, since: datetime | None = None) -> RejectBook:
    """Everything on the dead-letter topic, by reason.

    Args:
        bus: Where.
        since: Passes over what is older.

    Raises:
        BrokerUnreachable: No broker answers, or there is no such topic.
    """
    book = RejectBook()
    with closing(bus.subscribe(Topic.REJECT)) as subscription:
        while not subscription.is_caught_up():
            for record in subscription.poll(_POLL_S):
                at = from_ns(record.at_ns) if record.at_ns else None
                if since is not None and at is not None and at < since:
                    continue
                try:
                    book.take(from_json(record.value, Rejected), at)
                except msgspec.DecodeError as error:
                    unreadable = Rejected(
                        origin=record.origin,
                        reason=f"not even a dead letter: {error}",
                        sample=record.value[:_SHOWN],
                    )
                    book.take(unreadable, at)
    return book


def rendered(book: RejectBook, lines: Iterable[ReasonLine]) -> RenderableType:
    """Reasons with counts and times, and the latest sample of each."""
    found = tuple(lines)
    if not found:
        return Text("nothing was refused")
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("count", justify="right")
    grid.add_column("last, UTC")
    grid.add_column("reason, origin and latest sample", overflow="fold")
    for line in found:
        latest = line.specimens[-1]
        what = Text(latest.reason)
        what.append(f"\n{latest.origin}", style="dim")
        what.append(f"\n{latest.text[:_SHOWN]}", style="cyan")
        grid.add_row(f"{line.count:,}", _time(line.last_at), what)
    account = f"\n{book.total:,} records were refused, for {len(found)} reasons"
    return Group(grid, Text(account))


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
