"""What the drills process decided about a scenario at one occasion: its memory across restarts."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Decision(StrEnum):
    """What became of an occasion."""

    WATCHED = "watched"
    """From here on the calendar of this scenario is followed."""
    ASKED = "asked"
    WAITING = "waiting"
    """It will be asked for when the scenario's last drill has its verdict."""
    SKIPPED = "skipped"


class CalendarNote(msgspec.Struct, frozen=True, kw_only=True, tag="calendar.v1", tag_field="kind"):
    """One decision, as it stands on the control topic.

    Attributes:
        scenario: Its name.
        occasion: The due time (ISO 8601, UTC) or the warning's id; the calendar itself where it
            begins to be watched.
        made_at: Wall clock.
        drill: Id of the drill that was asked for.
        because: Why it was skipped.
    """

    scenario: str
    occasion: str
    decision: Decision
    made_at: datetime
    drill: str = ""
    because: str = ""
