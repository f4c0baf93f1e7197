"""When to act on news that comes in bursts: on the first at once, on what follows together.

A failure seldom comes alone: both ends of a link report it, then the routes that follow. Whoever
waits for the burst to end is late for the first change, whoever acts on each is late for the last.
"""


class Coalescing:
    """Says when it is time to act; what there is to do is not its business."""

    def __init__(self, window_s: float) -> None:
        """Begin with nothing to do.

        Args:
            window_s: News that comes within this time after an action waits for its end.
        """
        self._window_s = window_s
        self._has_news = False
        self._closed_until_s = float("-inf")

    def note(self) -> None:
        """There is something new."""
        self._has_news = True

    def take(self, now_s: float) -> bool:
        """Whether to act now; if so the news is taken and the next window begins.

        Args:
            now_s: By a monotonic clock.
        """
        if not self._has_news or now_s < self._closed_until_s:
            return False
        self._has_news = False
        self._closed_until_s = now_s + self._window_s
        return True

    def put_off(self, until_s: float) -> None:
        """What was taken could not be done: it is news again, but not before `until_s`."""
        self._has_news = True
        self._closed_until_s = until_s
