"""The owner of the state as it really runs, for a test that kills it: a process of a test.

python killed_owner.py BOOTSTRAP PREFIX FOLDER
"""

import sys
import threading
from pathlib import Path

from console.kafka_bus import KafkaBus
from foreshadow.clock import SystemClock
from foreshadow.settings import BusSettings, IngestSettings
from ingest.app import run


def main(arguments: list[str]) -> None:
    """Own the state until killed."""
    bootstrap, prefix, folder = arguments
    run(
        KafkaBus(BusSettings(bootstrap=bootstrap, topic_prefix=prefix)),
        # Without a deadband: what arrives is compared with what was told to the last digit.
        IngestSettings(
            heartbeat_s=0.2,
            report_s=60,
            checkpoint_s=0.05,
            demand_deadband=0,
            demand_deadband_floor=0,
        ),
        SystemClock(),
        threading.Event(),
        epoch_file=Path(folder) / "owner.epoch",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
