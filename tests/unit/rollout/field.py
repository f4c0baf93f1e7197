"""A rollout without a network: real journal, real bus in memory, devices that remember.

Nothing is known of production, so a candidate needs an override to begin: its RIBs are none.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from foreshadow.bus import Positions, Publisher, Record, Subscription
from foreshadow.candidate import Candidate
from foreshadow.codec import from_json, to_json
from foreshadow.errors import BrokerUnreachable
from foreshadow.experiment import DeviceChange
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.routing import rib_digest
from foreshadow.settings import REHEARSAL_TIMES
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from rollout.controller import Controller
from rollout.devices.session import Guard, Readback, TrialReport
from rollout.journal import Journal
from rollout.lookout import Lookout
from rollout.rules import Rules
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock
from tests.unit.rollout.test_journal import AT, candidate
from tests.unit.rollout.triangle import A

S = RolloutStep
RULES = Rules(may_configure=True, allow_override=True, moved_traffic_cap=0.9, load_limit=0.85)


def forced() -> Candidate:
    """A candidate that begins where nothing is known of production."""
    return replace(candidate(), digest_before=rib_digest({}), override="a test")


@dataclass(slots=True)
class Device:
    """Remembers what it was told, and raises what it shall when asked to revert."""

    told: list[str] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    config: str = "0" * 64

    @property
    def device(self) -> NodeId:
        """The one device."""
        return A

    def lock(self, txn: str) -> None:
        """Remember."""
        self.told.append(f"lock {txn}")

    def unlock(self, txn: str) -> None:
        """Remember."""
        self.told.append(f"unlock {txn}")

    def config_sha256(self) -> str:
        """Reads are not told."""
        return self.config

    def stage(self, trial: str, change: DeviceChange) -> None:
        """Remember."""
        self.told.append(f"stage {trial} g{change.generation}")

    def arm(self, trial: str, revert_after_s: float) -> None:
        """Remember."""
        self.told.append(f"arm {trial} {revert_after_s:g}")

    def flip(self, trial: str) -> None:
        """Remember."""
        self.told.append(f"flip {trial}")

    def read_back(self, change: DeviceChange) -> Readback:
        """All in force."""
        return Readback(config_sha256=f"g{change.generation}", missing=())

    def confirm(self, trial: str) -> bool:
        """In time."""
        self.told.append(f"confirm {trial}")
        return True

    def revert(self, trial: str, change: DeviceChange) -> None:
        """Raise the next trouble, or be done."""
        self.told.append(f"revert {trial} g{change.generation}")
        if self.troubles:
            raise self.troubles.pop(0)

    def collect(self, change: DeviceChange) -> None:
        """Remember."""
        self.told.append(f"collect g{change.generation}")

    def soften(self, change: DeviceChange) -> None:
        """Remember."""
        self.told.append(f"soften g{change.generation}")

    def report(self, trial: str, change: DeviceChange) -> TrialReport:
        """Reverted once it was told to."""
        is_reverted = f"revert {trial} g{change.generation}" in self.told
        return TrialReport(
            device=A,
            guard=Guard.REVERTED if is_reverted else Guard.ARMED,
            is_attached=not is_reverted,
            is_reverted=is_reverted,
            reverted_by="controller",
        )

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class FlakyBus:
    """A bus whose broker can go away."""

    memory: MemoryBus = field(default_factory=MemoryBus)
    is_away: bool = False

    def subscribe(self, *topics: Topic, begin: Positions | None = None) -> Subscription:
        """As Kafka: needs the broker."""
        self.check()
        return _FlakySubscription(self, self.memory.subscribe(*topics, begin=begin))

    def ends(self, *topics: Topic) -> Positions:
        """As Kafka: needs the broker."""
        self.check()
        return self.memory.ends(*topics)

    def publisher(self) -> Publisher:
        """As Kafka: connects when first used."""
        return _FlakyPublisher(self, self.memory.publisher())

    def check(self) -> None:
        """Raise while the broker is away."""
        if self.is_away:
            raise BrokerUnreachable("no broker")

    def steps(self) -> list[tuple[RolloutStep, int]]:
        """What the rollout topic has got."""
        records = self.memory.read(Topic.ROLLOUT, 0, 1000)
        events = (from_json(record.value, RolloutEvent) for record in records)
        return [(event.step, event.wave) for event in events]


@dataclass(slots=True)
class _FlakySubscription:
    bus: FlakyBus
    inner: Subscription

    def positions(self) -> Positions:
        """Where reading goes on."""
        return self.inner.positions()

    def lag(self) -> int:
        """What was not read."""
        return self.inner.lag()

    def poll(self, timeout_s: float, max_records: int = 1000) -> Sequence[Record]:
        self.bus.check()
        return self.inner.poll(min(timeout_s, 0.001), max_records)

    def is_caught_up(self) -> bool:
        return self.inner.is_caught_up()

    def close(self) -> None:
        self.inner.close()


@dataclass(slots=True)
class _FlakyPublisher:
    bus: FlakyBus
    inner: Publisher

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        self.bus.check()
        self.inner.publish(topic, key, value)

    def flush(self) -> None:
        self.bus.check()


@dataclass(slots=True)
class Ticking:
    """Passes whenever somebody looks at it, so that no wait is endless."""

    inner: FakeClock = field(default_factory=lambda: FakeClock(AT))

    def now(self) -> datetime:
        """The wall clock."""
        return self.inner.now()

    def monotonic_s(self) -> float:
        """A little later every time."""
        self.inner.sleep(0.05)
        return self.inner.monotonic_s()

    def sleep(self, duration_s: float) -> None:
        """Move on at once."""
        self.inner.sleep(duration_s)


def controller(journal: Journal, bus: FlakyBus, device: Device, rules: Rules = RULES) -> Controller:
    """A controller of the one device, that has read what is on the bus."""
    clock, publisher = Ticking(), bus.publisher()
    lookout = Lookout(bus, publisher, clock)
    lookout.poll(0)
    return Controller(
        journal=journal,
        lookout=lookout,
        publisher=publisher,
        open_session=lambda _: device,
        clock=clock,
        times=REHEARSAL_TIMES,
        rules=rules,
        stop=threading.Event(),
    )


def submit(bus: FlakyBus, proposed: Candidate) -> None:
    """Put a candidate on the bus."""
    bus.memory.publisher().publish(Topic.CANDIDATE, proposed.id, to_json(proposed))


def told(journal: Journal, txn: str) -> list[tuple[RolloutStep, int]]:
    """What the journal says happened."""
    return [(event.step, event.wave) for event in journal.events(txn)]


def write_history(journal: Journal, *steps: tuple[RolloutStep, int]) -> None:
    """What a predecessor left: the forced candidate, proposed and then these steps."""
    journal.keep_candidate(forced())
    for seq, (step, wave) in enumerate(((S.PROPOSED, 0), *steps), 1):
        journal.record(
            RolloutEvent(txn="t", seq=seq, at=AT, step=step, wave=wave, facts={"waves": 1})
        )


def journal_at(directory: Path) -> Journal:
    """The journal of one test."""
    return Journal(directory / "journal.sqlite")
