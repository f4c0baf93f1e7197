"""Reads the state topic with faust and prints the seconds it took: what ADR 0005 rests on.

`python -m benchmarks._faust_reader BOOTSTRAP PREFIX COUNT ROUTER...`; the first second counted is
the one the first record comes in, so joining the consumer group is not held against it.
"""

import asyncio
import sys
import tempfile
import time
from itertools import count

import faust

from forecast.intake import Intake
from foreshadow.bus import Record
from foreshadow.clock import SystemClock
from foreshadow.follower import Follower
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from tests.fakes.bus import MemoryBus


def main(bootstrap: str, prefix: str, wanted: int, routers: list[NodeId]) -> None:
    """Consume `wanted` records with one agent that does what `forecast.app` does with each."""
    with tempfile.TemporaryDirectory(prefix="foreshadow-reader-") as directory:
        asyncio.run(_read(_app(bootstrap, prefix, directory), prefix, wanted, routers))


def _app(bootstrap: str, prefix: str, directory: str) -> faust.App:
    return faust.App(
        f"{prefix}-reader",
        broker=f"kafka://{bootstrap}",
        value_serializer="raw",
        key_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        datadir=directory,
        web_enabled=False,
        broker_session_timeout=10,
        broker_heartbeat_interval=3,
    )


async def _read(app: faust.App, prefix: str, wanted: int, routers: list[NodeId]) -> None:
    intake = Intake(Follower("faust", MemoryBus().publisher(), SystemClock()), routers)
    number, first_s, matrices = count(1), 0.0, 0
    done = asyncio.Event()

    @app.agent(app.topic(Topic.STATE.under(prefix)), concurrency=1)
    async def read(stream: "faust.StreamT[bytes]") -> None:
        nonlocal first_s, matrices
        async for value in stream:
            seen = next(number)
            first_s = first_s or time.perf_counter()
            record = Record(topic=Topic.STATE, key="", value=value, partition=0, offset=seen)
            matrices += len(intake.take(record))
            if seen == wanted:
                done.set()

    await app.start()
    await done.wait()
    print(time.perf_counter() - first_s, matrices, flush=True)
    await app.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), [NodeId(name) for name in sys.argv[4:]])
