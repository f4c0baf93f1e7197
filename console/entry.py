"""Where the command begins: before anything is imported that takes time.

The imports of the command line take a good half second. Ctrl-C during that must look like Ctrl-C
at any other moment, so the signals are taken first, with nothing but the standard library.
"""

import os
import signal
import sys
from types import FrameType


def _leave(number: int, _frame: FrameType | None) -> None:
    """End at once: an exception would come up somewhere inside the import of a library."""
    name = signal.Signals(number).name
    os.write(sys.stderr.fileno(), f"foreshadow: stopped by {name}\n".encode())
    os._exit(128 + number)


def main() -> None:
    """Take the signals, then load the command line and run it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)

    from console.cli import main as run  # noqa: PLC0415 - after the signals, see above

    run()


if __name__ == "__main__":
    main()
