"""The ingest process of a benchmark: `... benchmarks._ingest_process BOOTSTRAP PREFIX FOLDER`.

It is the real one without sources of its own: telemetry comes over the broker. SIGTERM ends it.
"""

import signal
import sys
import threading
from pathlib import Path

import structlog

import ingest.app
from console.kafka_bus import KafkaBus
from foreshadow.clock import SystemClock
from foreshadow.settings import BusSettings, IngestSettings


def main(bootstrap: str, prefix: str, folder: Path) -> None:
    """Own the state until told to stop."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    bus = KafkaBus(BusSettings(bootstrap=bootstrap, topic_prefix=prefix))
    ingest.app.run(bus, IngestSettings(), SystemClock(), stop, epoch_file=folder / "ingest.epoch")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
