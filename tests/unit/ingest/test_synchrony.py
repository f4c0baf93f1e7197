"""Everything that can go wrong at once: sources, owners, copies and the channels between them.

One stream is told by a source that reconnects and loses what it says, owned by processes that die
anywhere and live on as zombies, and followed by copies that die too, over a channel that loses,
repeats and reorders. At every moment a copy that believes itself holds its owner's map at that
number, and has done nothing twice; when the channel behaves again, everybody holds the same.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import hypothesis.strategies as st
import msgspec
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from foreshadow.bus import Record
from foreshadow.checkpoint import Checkpoint, checkpoint
from foreshadow.control import ResyncRequest, decode_control
from foreshadow.delta import Effect, Op, StateDelta
from foreshadow.follower import Follower
from foreshadow.observed import Interface, Stream, encode
from foreshadow.telemetry import Patch, TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.intake import Intake
from ingest.owner import Published, StateOwner
from ingest.repairs import Repairs
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock

R1 = NodeId("R1")
PLACE = (R1, Stream.INTERFACE)
COPIES = 2
_names = st.sampled_from("abcdefgh")
_maps = st.dictionaries(_names, st.booleans(), max_size=8)
_copies = st.integers(0, COPIES - 1)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StateDelta)

Position = tuple[int, int]


class Died(Exception):
    """The owner was killed in the middle of what it was about to publish."""


def _values(ports: dict[str, bool]) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (name, encode(Interface(name=name, is_admin_up=True, is_oper_up=is_up)))
        for name, is_up in ports.items()
    )


@dataclass
class Oracle:
    """What a map is after each number, by the definition of the operations and nothing else."""

    values: dict[str, bytes]
    aside: dict[str, bytes] | None = None

    def take(self, delta: StateDelta) -> None:
        """Apply one delta of the one owner that this follows without a gap."""
        if delta.op is Op.SNAPSHOT_BEGIN:
            self.aside = {}
        target = self.values if self.aside is None else self.aside
        for key in delta.deletes:
            target.pop(key, None)
        target.update(delta.upserts)
        if delta.op is Op.SNAPSHOT_END and self.aside is not None:
            self.values, self.aside = self.aside, None


@dataclass
class Owner:
    """One process that owns the state, until it dies; and what it would publish if it lived on."""

    core: StateOwner
    intake: Intake
    lives: list[int]
    """How many publications are left to it; below 0 there is no end."""
    read: int = 0
    repairs: Repairs = field(default_factory=Repairs)
    asked: int = 0


@dataclass
class Copy:
    """A consumer with the ledger of what it did, and its last checkpoint."""

    follower: Follower
    at: int = 0
    ledger: Counter[Position] = field(default_factory=Counter)
    saved: tuple[Checkpoint, int, Counter[Position]] | None = None


class Synchrony(RuleBasedStateMachine):
    """The stream, its owners and its copies."""

    def __init__(self) -> None:
        """Nothing has happened."""
        super().__init__()
        self.clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.bus = MemoryBus()
        self.telemetry: list[Record] = []
        self.state: list[Record] = []
        self.maps: dict[Position, dict[str, bytes]] = {}
        self.epoch = 0
        self.saved: tuple[Checkpoint, int, int] | None = None
        self.zombies: list[Owner] = []
        self.source_epoch, self.source_seq = 1, 0
        self.truth: dict[str, bool] | None = None
        """What the source knows; none while it has not told everything."""
        self.copies = [self._fresh(number) for number in range(COPIES)]
        self.owner = self._succeed(uses_checkpoint=False, lives=-1)

    # --- the source ---------------------------------------------------------------------------

    def _say(self, encoding: str, body: object) -> None:
        self.source_seq += 1
        sample = TelemetrySample(
            device=R1,
            stream=Stream.INTERFACE,
            source="s",
            epoch=self.source_epoch,
            seq=self.source_seq,
            observed_at_ns=self.clock.now().timestamp().__int__() * 1_000_000_000,
            encoding=encoding,  # type: ignore[arg-type]
            body=_encoder.encode(body),
        )
        self._log(self.telemetry, Topic.TELEMETRY, _encoder.encode(sample))

    @rule(ports=_maps, is_heard=st.booleans())
    def told_whole(self, ports: dict[str, bool], *, is_heard: bool) -> None:
        """The source reads everything at once."""
        self._say("state", _values(ports))
        self.truth = ports
        if is_heard:
            self.owner_reads()

    @rule(ports=_maps, is_new=st.booleans(), is_heard=st.booleans())
    def told_in_parts(
        self, ports: dict[str, bool], *, is_new: bool, is_heard: bool = False
    ) -> None:
        """The source connects, perhaps anew, and tells everything bit by bit."""
        if is_new:
            self.source_epoch, self.source_seq = self.source_epoch + 1, 0
        self._say("patch", Patch(phase="begin"))
        for name, is_up in ports.items():
            self._say("patch", Patch(phase="part", upserts=_values({name: is_up})))
        self._say("patch", Patch(phase="end"))
        self.truth = ports
        if is_heard:
            self.owner_reads()

    @precondition(lambda self: self.truth is not None)
    @rule(
        ports=_maps,
        deletes=st.lists(_names, max_size=2),
        subtree=st.sampled_from(["", "a"]),
        is_heard=st.booleans(),
    )
    def changed(
        self, ports: dict[str, bool], deletes: list[str], subtree: str, *, is_heard: bool
    ) -> None:
        """The source tells differences."""
        subtrees = (subtree,) if subtree else ()
        patch = Patch(
            phase="change", upserts=_values(ports), deletes=tuple(deletes), subtrees=subtrees
        )
        self._say("patch", patch)
        left = {
            name: is_up
            for name, is_up in (self.truth or {}).items()
            if name not in deletes and not name.startswith(subtrees)
        }
        self.truth = {**left, **ports}
        if is_heard:
            self.owner_reads()

    @rule()
    def lost_at_the_source(self) -> None:
        """Something the source said never arrived."""
        self.source_seq += 1
        self.truth = None

    @rule()
    def said_again(self) -> None:
        """Telemetry comes twice."""
        self.telemetry += self.telemetry[-2:]

    # --- the owner ----------------------------------------------------------------------------

    def _succeed(self, *, uses_checkpoint: bool, lives: int = -1) -> Owner:
        past, read, told = Published(), 0, 0
        saved = self.saved if uses_checkpoint else None
        if saved is not None:
            past.resume(saved[0].streams)
            _, read, told = saved
        for record in self.state[told:]:
            past.take(_decoder.decode(record.value))
        self.epoch = max(self.epoch, past.epoch) + 1
        inherited = past.inherited(self.epoch)
        before = dict(inherited[PLACE].values) if PLACE in inherited else {}
        core, oracle, left = StateOwner(self.epoch, inherited), Oracle(before), [lives]

        def emit(topic: Topic, _key: str, value: bytes) -> None:
            if topic is not Topic.STATE:
                return
            if left[0] == 0:
                raise Died
            left[0] -= 1
            delta = _decoder.decode(value)
            oracle.take(delta)
            self.maps[delta.epoch, delta.seq] = dict(oracle.values)
            self._log(self.state, Topic.STATE, value)

        owner = Owner(core, Intake(core, emit, clock=self.clock), left, read=read)
        owner.asked = self.bus.end(Topic.CONTROL)
        try:
            if saved is not None:
                owner.intake.resume(saved[0])
            self._read(owner)
            owner.intake.go_live()
            self._read(owner)
        except Died:
            return self._succeed(uses_checkpoint=uses_checkpoint)
        return owner

    def _read(self, owner: Owner) -> None:
        for record in self.telemetry[owner.read :]:
            owner.read += 1
            owner.intake.take(record)
        if self.truth is not None and owner.intake.is_live:
            assert dict(owner.core.stream(PLACE).values) == dict(_values(self.truth))

    @rule()
    def owner_reads(self) -> None:
        """The owner publishes what it has heard."""
        self._while_it_lives(lambda: self._read(self.owner))

    @rule(lives=st.integers(0, 6))
    def owner_will_die(self, lives: int) -> None:
        """The owner has so many publications left, whatever it is in the middle of then."""
        self.owner.lives[0] = lives

    @rule(uses_checkpoint=st.booleans(), lives=st.integers(-1, 6))
    def owner_is_replaced(self, *, uses_checkpoint: bool, lives: int) -> None:
        """Another takes over, and may die soon; the one before does not know of it."""
        self.owner.lives[0] = -1
        self.zombies.append(self.owner)
        self.owner = self._succeed(uses_checkpoint=uses_checkpoint, lives=lives)

    def _while_it_lives(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Died:
            self.owner = self._succeed(uses_checkpoint=True)

    @rule()
    def owner_saves(self) -> None:
        """The owner takes a checkpoint."""
        taken = checkpoint({}, self.owner.core.checkpoint(), own=self.owner.intake.checkpoint())
        self.saved = (taken, self.owner.read, len(self.state))

    @precondition(lambda self: self.zombies)
    @rule(data=st.data())
    def zombie_goes_on(self, data: st.DataObject) -> None:
        """An owner that was replaced does not know it."""
        zombie = data.draw(st.sampled_from(self.zombies))
        self._read(zombie)
        zombie.intake.heartbeat(0)

    @rule()
    def owner_vouches(self) -> None:
        """A heartbeat."""
        self._while_it_lives(lambda: self.owner.intake.heartbeat(0))

    @rule()
    def owner_answers(self) -> None:
        """What copies asked for is sent."""
        self._while_it_lives(self._answer)

    def _answer(self) -> None:
        owner, end = self.owner, self.bus.end(Topic.CONTROL)
        for record in self.bus.read(Topic.CONTROL, owner.asked, end - owner.asked):
            message = decode_control(record.value)
            if isinstance(message, ResyncRequest):
                owner.repairs.take(message, self.clock.monotonic_s())
        owner.asked = end
        for place, digests in owner.repairs.due(self.clock.monotonic_s()):
            owner.intake.resync(place, digests)

    # --- the copies ---------------------------------------------------------------------------

    def _fresh(self, number: int) -> Copy:
        # One compares its buckets as soon as it has any, the other asks for everything.
        compared_from = 1 if number else 1000
        follower = Follower(
            f"copy-{number}",
            self.bus.publisher(),
            self.clock,
            resync_pause_s=0.5,
            compared_from=compared_from,
        )
        return Copy(follower)

    def _hear(self, copy: Copy, record: Record) -> None:
        followed = copy.follower.take(record)
        assert followed is not None
        if followed.effect is Effect.APPLIED and followed.delta.op is not Op.HEARTBEAT:
            copy.ledger[followed.delta.epoch, followed.delta.seq] += 1

    @rule(which=_copies, count=st.integers(1, 8))
    def copy_reads(self, which: int, count: int) -> None:
        """A copy takes what comes next."""
        copy = self.copies[which]
        for record in self.state[copy.at : copy.at + count]:
            copy.at += 1
            self._hear(copy, record)

    @rule(which=_copies)
    def copy_reads_all(self, which: int) -> None:
        """A copy takes everything there is."""
        self.copy_reads(which, len(self.state))

    @precondition(lambda self: any(copy.at < len(self.state) for copy in self.copies))
    @rule()
    def copies_miss(self) -> None:
        """A record never arrives."""
        for copy in self.copies:
            copy.at = min(copy.at + 1, len(self.state))

    @rule(which=_copies, back=st.integers(1, 6))
    def copy_hears_again(self, which: int, back: int) -> None:
        """Records arrive twice."""
        copy = self.copies[which]
        copy.at = max(0, copy.at - back)

    @precondition(lambda self: self.state)
    @rule(which=_copies, data=st.data())
    def copy_hears_late(self, which: int, data: st.DataObject) -> None:
        """Any record at all arrives, out of its order."""
        self._hear(self.copies[which], data.draw(st.sampled_from(self.state)))

    @rule(which=_copies)
    def copy_saves(self, which: int) -> None:
        """State, offset and ledger of one moment."""
        copy = self.copies[which]
        copy.saved = (copy.follower.checkpoint({}), copy.at, copy.ledger.copy())

    @rule(which=_copies)
    def copy_dies(self, which: int) -> None:
        """It goes on from its checkpoint, or from nothing."""
        dead, copy = self.copies[which], self._fresh(which)
        if dead.saved is not None:
            saved, copy.at, ledger = dead.saved
            copy.follower.resume(saved)
            copy.ledger, copy.saved = ledger.copy(), dead.saved
        self.copies[which] = copy

    @rule(seconds=st.sampled_from([0.3, 1.5]))
    def time_passes(self, seconds: float) -> None:
        """Pauses end."""
        self.clock.sleep(seconds)

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def who_believes_itself_is_right(self) -> None:
        """A copy that is not stale holds its owner's map at that number."""
        for copy in self.copies:
            held = copy.follower.state.copy_of(*PLACE)
            if held.is_synced:
                assert dict(held.values) == self.maps[held.position]

    @invariant()
    def nothing_is_done_twice(self) -> None:
        """Each number has its effect once, over all deaths."""
        for copy in self.copies:
            assert set(copy.ledger.values()) <= {1}

    def teardown(self) -> None:
        """The source tells everything, the channel behaves: everybody holds the same."""
        self.owner.lives[0] = -1
        self.told_in_parts({"a": True, "z": False}, is_new=True)
        self._read(self.owner)
        for _ in range(12):
            self.clock.sleep(61)
            self.owner.intake.heartbeat(0)
            for which in range(COPIES):
                self.copy_reads(which, len(self.state))
            self._answer()
        owned = self.owner.core.stream(PLACE)
        assert dict(owned.values) == dict(_values({"a": True, "z": False}))
        for copy in self.copies:
            held = copy.follower.state.copy_of(*PLACE)
            assert held.is_synced
            assert held.position == (owned.epoch, owned.seq)
            assert dict(held.values) == dict(owned.values)
            assert held.values.root() == owned.values.root()
        self.who_believes_itself_is_right()
        self.nothing_is_done_twice()

    @staticmethod
    def _log(log: list[Record], topic: Topic, value: bytes) -> None:
        log.append(Record(topic=topic, key=R1, value=value, partition=0, offset=len(log)))


TestSynchrony = Synchrony.TestCase
TestSynchrony.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
