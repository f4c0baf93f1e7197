"""A consumer of the state that keeps a ledger of what it did: a process of a test that kills it.

    python killed_worker.py BOOTSTRAP PREFIX FOLDER

What a delta has done is counted by its number, and by its interval where it completes one. The
ledger is part of the checkpoint: it is saved with the state and the offsets, or not at all.
"""

import sys
from collections import Counter
from pathlib import Path

import msgspec

from console.kafka_bus import KafkaBus
from foreshadow.bus import Record
from foreshadow.checkpoint import reopen, save
from foreshadow.clock import SystemClock
from foreshadow.delta import Effect, Op
from foreshadow.follower import Follower
from foreshadow.settings import BusSettings
from foreshadow.topics import Topic

FILE = "worker.checkpoint"

Ledger = Counter[tuple[str, str, int, int]]
"""How often the delta (device, stream, epoch, seq) had its effect."""


def note(follower: Follower, ledger: Ledger, record: Record) -> None:
    """Apply one record, and count what it did."""
    followed = follower.take(record)
    if (
        followed is not None
        and followed.effect is Effect.APPLIED
        and followed.delta.op is not Op.HEARTBEAT
    ):
        delta = followed.delta
        ledger[delta.device, delta.stream, delta.epoch, delta.seq] += 1


def written(ledger: Ledger) -> bytes:
    """The ledger as it is saved."""
    return msgspec.msgpack.encode(tuple((*place, count) for place, count in ledger.items()))


def read(raw: bytes) -> Ledger:
    """The ledger as it was saved."""
    rows = msgspec.msgpack.decode(raw, type=tuple[tuple[str, str, int, int, int], ...])
    return Counter({(device, stream, epoch, seq): n for device, stream, epoch, seq, n in rows})


def main(arguments: list[str]) -> None:
    """Follow the state until killed."""
    bootstrap, prefix, folder = arguments
    file = Path(folder) / FILE
    bus = KafkaBus(BusSettings(bootstrap=bootstrap, topic_prefix=prefix))
    subscription, saved = reopen(bus, file, Topic.STATE)
    publisher = bus.publisher()
    follower, ledger = Follower("worker", publisher, SystemClock(), resync_pause_s=0.2), Ledger()
    if saved is not None:
        follower.resume(saved)
        ledger = read(saved.own)
    while True:
        for record in subscription.poll(0.05, 50):
            note(follower, ledger, record)
        publisher.flush()
        save(file, follower.checkpoint(subscription.positions(), own=written(ledger)))


if __name__ == "__main__":
    main(sys.argv[1:])
