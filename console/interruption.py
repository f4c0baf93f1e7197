"""Ctrl-C and its like: noted at once, obeyed at the next safe point, never amid a clean-up.

An exception out of a signal handler comes at any instruction, also in the middle of the clean-up
that an earlier one began, and what that had still to remove stays. So a signal only leaves a note;
whoever waits for something looks at it, and a clean-up never does.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""From the keyboard, from a supervisor, and from a terminal that was closed."""
_PATIENCE = b"\nforeshadow: everything is being taken down already; this takes some seconds\n"


class Interrupted(SystemExit):
    """The operator stopped it; ends the process with 128 and the signal's number, as shells do."""

    def __init__(self, number: int) -> None:
        """Keep the signal's name for a message."""
        self.signal = signal.Signals(number).name
        super().__init__(128 + number)


@dataclass(slots=True)
class Interruption:
    """Whether the operator wants it to stop.

    Attributes:
        say: Told once, when the wish is about to be obeyed.
    """

    say: Callable[[str], None] = lambda _: None
    _number: int = 0
    _noted: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Go no further if the operator wants it to stop.

        Raises:
            Interrupted: They do.
        """
        if self._number:
            with suppress(OSError):  # The terminal itself may be what has gone.
                self.say("Stopping: everything of this run is taken down")
            raise Interrupted(self._number)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the wish, at most so long; whether it came."""
        return self._noted.wait(timeout_s)

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal; all but the first change nothing."""
        if self._number:
            with suppress(OSError):
                os.write(sys.stderr.fileno(), _PATIENCE)
        else:
            self._number = number
        self._noted.set()


@contextmanager
def interruptible(say: Callable[[str], None]) -> Iterator[Interruption]:
    """Signals are notes for the length of a `with` block; what they did before comes back after."""
    interruption = Interruption(say=say)
    before = {number: signal.signal(number, interruption.note) for number in _SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_at_once() -> None:
    """Where nothing is standing yet, a signal ends the process with its status and no traceback."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    for number in _SIGNALS:
        signal.signal(number, leave)
