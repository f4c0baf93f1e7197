"""What could not be used, put together by reason: the dead-letter topic as a person can read it.

The book is bounded whatever is sent: so many reasons, and of each the first and last time, a count
and the latest few samples. What stands in for a reason is its sentence without its particulars.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from foreshadow.telemetry import Rejected

_MOST_REASONS = 500
_SAMPLES = 3
_LONGEST = 160
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One record that was refused.

    Attributes:
        at: When the broker got it; None where it does not say.
        origin: Topic, partition and offset, or file and line, or peer.
        reason: The whole sentence.
        sample: The record, cut.
    """

    at: datetime | None
    origin: str
    reason: str
    sample: bytes

    @property
    def text(self) -> str:
        """The sample for a terminal: text where it is text, else hexadecimal."""
        try:
            shown = self.sample.decode()
        except UnicodeDecodeError:
            return self.sample.hex(" ")
        return shown if shown.isprintable() else repr(shown)[1:-1]


@dataclass(slots=True)
class ReasonLine:
    """All records that were refused for one reason."""

    reason: str
    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    specimens: deque[Specimen] = field(default_factory=lambda: deque(maxlen=_SAMPLES))


class RejectBook:
    """Counts by reason, latest reason last."""

    def __init__(self) -> None:
        """Begin with nothing refused."""
        self._lines: OrderedDict[str, ReasonLine] = OrderedDict()
        self.total = 0
        self.forgotten = 0
        """Records of reasons that had to make room for newer ones."""

    def take(self, rejected: Rejected, at: datetime | None = None) -> None:
        """Enter one record."""
        self.total += rejected.count
        reason = plain_reason(rejected.reason)
        line = self._lines.pop(reason, None) or ReasonLine(reason=reason)
        self._lines[reason] = line
        line.count += rejected.count
        line.first_at, line.last_at = line.first_at or at, at or line.last_at
        line.specimens.append(
            Specimen(at=at, origin=rejected.origin, reason=rejected.reason, sample=rejected.sample)
        )
        if len(self._lines) > _MOST_REASONS:
            _, oldest = self._lines.popitem(last=False)
            self.forgotten += oldest.count

    def lines(self, containing: str = "") -> Iterator[ReasonLine]:
        """The reasons, the most frequent first; those that contain a text."""
        wanted = containing.casefold()
        for line in sorted(self._lines.values(), key=lambda line: -line.count):
            if wanted in line.reason.casefold() or any(
                wanted in it.origin.casefold() for it in line.specimens
            ):
                yield line

    def as_plain(self, containing: str = "") -> dict[str, Any]:
        """The book as JSON has it; of the reasons those that contain a text."""
        return {
            "total": self.total,
            "forgotten": self.forgotten,
            "reasons": [
                {
                    "reason": line.reason,
                    "count": line.count,
                    "first_at": line.first_at,
                    "last_at": line.last_at,
                    "specimens": [
                        {"at": it.at, "origin": it.origin, "reason": it.reason, "sample": it.text}
                        for it in line.specimens
                    ],
                }
                for line in self.lines(containing)
            ],
        }


def plain_reason(text: str) -> str:
    """A reason without its particulars: numbers and what is quoted differ from record to record."""
    return _NUMBER.sub("N", _QUOTED.sub("...", text))[:_LONGEST]
