"""How one process of the house is doing, in numbers: what Prometheus scrapes, told on the bus."""

from datetime import datetime

import msgspec


class ProcessStatus(
    msgspec.Struct, frozen=True, kw_only=True, tag="process-status.v1", tag_field="kind"
):
    """A process's account of itself, said every few seconds.

    Attributes:
        process: `ingest`, `forecast`...
        host: Where it runs.
        pid: Its process number there.
        started_at: When it began.
        at: When this was said.
        every_s: How often it says this; three times that in silence means it is gone.
        metrics: (metric name with its labels as Prometheus writes them, value), sorted.
    """

    process: str
    host: str
    pid: int
    started_at: datetime
    at: datetime
    every_s: float
    metrics: tuple[tuple[str, float], ...] = ()
