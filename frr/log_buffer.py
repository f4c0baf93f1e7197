"""The log buffers that FRR's daemons keep for a post-mortem, and what is left of them.

Every daemon maps its last log lines to `/var/tmp/frr/<daemon>.<pid>/logbuf.<tid>`, whatever its
`-N`, and removes that when it ends in order. SIGKILL leaves it: some 20 KiB a daemon, for ever.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

LOG_BUFFER_DIR = Path("/var/tmp/frr")  # noqa: S108 - compiled into FRR


def remove_log_buffers(pids: Iterable[int], *, place: Path = LOG_BUFFER_DIR) -> int:
    """Remove what daemons with these process numbers left; for those just killed only.

    Returns:
        How many had left something.
    """
    found = [path for pid in pids for path in place.glob(f"*.{pid}")]
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return len(found)
