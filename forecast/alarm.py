"""When a forecast is worth waking someone: one warning per link and failure per window.

A pair that has been warned of stays quiet until the warned window is over, however its forecast
moves around the limit. Only a forecast that is clearly worse than the one warned of (`ESCALATION`)
is said earlier.
"""

from datetime import datetime

from foreshadow.topology import LinkId
from foreshadow.warning import SpikeWarning

ESCALATION = 0.10
"""Load ratio by which a forecast must exceed the one that was warned of to be said again."""

Pair = tuple[str, LinkId | None]


class Alarm:
    """What has been warned of; rebuilt from published warnings, so a restart repeats nothing."""

    def __init__(self) -> None:
        """Begin with nothing warned of."""
        self._latest: dict[Pair, SpikeWarning] = {}

    def remember(self, warning: SpikeWarning) -> None:
        """Take note of a warning that is out."""
        pair = (warning.link, warning.under_failure)
        known = self._latest.get(pair)
        if known is None or warning.made_at >= known.made_at:
            self._latest[pair] = warning

    def is_due(self, warning: SpikeWarning) -> bool:
        """Whether this warning says something new."""
        known = self._latest.get((warning.link, warning.under_failure))
        if known is None or warning.made_at >= known.window_end:
            return True
        return (
            warning.made_at > known.made_at and warning.upper_ratio > known.upper_ratio + ESCALATION
        )


def warning_id(pair: Pair, made_at: datetime) -> str:
    """The name of a warning: the same forecast always gets the same one."""
    link, under_failure = pair
    return f"w-{made_at:%Y%m%dT%H%M}-{under_failure or 'intact'}-{link.replace('->', '-')}"
