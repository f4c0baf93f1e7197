"""From notifications to what the house hears: snapshots, changes, counters and incidents.

A device's stream is complete when every subscription that told of it has said `sync_response`. A
second one, without a new beginning that could be seen, means that the device was subscribed to
again: what was not told since the first is gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from foreshadow import meter as metrics
from foreshadow.meter import Meter
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest.heard import Heard, Phase, Refused, StatePatch
from ingest.rates_block import MOST_INTERFACES
from ingest.sources.gnmi_counters import CounterRows
from ingest.sources.gnmi_device import Change, DeviceTree, TreeMemory
from ingest.sources.gnmi_incidents import incident_of
from ingest.sources.gnmi_notification import Notification, Update, schema_path
from ingest.sources.gnmi_schema import START, Kind, Place, Told, UnknownPath, leaves_of, walk

_AHEAD_NS = 60 * 10**9
"""How far a device's clock may be ahead of ours before its word counts as now."""
_VOUCH_NS = 30 * 10**9
"""How often a device that tells nothing new is said to be there."""
_MOST_SUBSCRIPTIONS = 64
_LONGEST_SUBSCRIPTION = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class GnmiLimits:
    """What a decoder holds at most, whatever it is sent.

    Attributes:
        leaves: Of one device; about 400 bytes each.
        devices: That it tells apart.
        complaints: Different refusals of single paths, each told once.
    """

    leaves: int = 2_000_000
    devices: int = 4_096
    complaints: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a record came, where from, and its beginning: for refusals."""

    origin: str
    received_ns: int
    sample: bytes = b""

    def refuse(self, reason: str) -> Refused:
        """The refusal of what is in it."""
        return Refused(reason=reason[:900], sample=self.sample, origin=self.origin)


@dataclass(slots=True, kw_only=True)
class GnmiTally:
    """Counts of what a decoder met, for metrics."""

    notifications: int = 0
    updates: int = 0
    unused: int = 0
    """Updates of paths that are known and of no use here."""
    unknown: int = 0
    """Updates of paths that nobody knows."""

    def measure(self, meter: Meter, source: str) -> None:
        """Say it to a meter."""
        meter.total(metrics.GNMI_NOTIFICATIONS, self.notifications, source=source)
        used = self.updates - self.unused - self.unknown
        for outcome, count in (("used", used), ("unused", self.unused), ("unknown", self.unknown)):
            meter.total(metrics.GNMI_UPDATES, count, source=source, outcome=outcome)


@dataclass(slots=True)
class _Progress:
    """How far one stream of one device is told, and by which subscriptions."""

    tellers: set[str] = field(default_factory=set)
    is_open: bool = False
    is_ended: bool = False


@dataclass(slots=True)
class _Device:
    """One device: its tree, its counters, and what is told of it."""

    name: NodeId
    tree: DeviceTree
    rows: CounterRows
    first_heard_ns: int
    streams: dict[Stream, _Progress] = field(default_factory=dict)
    synced: dict[str, int] = field(default_factory=dict)
    """How many snapshots each subscription has completed."""
    is_refused: bool = False
    vouched_ns: int = 0

    @property
    def is_overfull(self) -> bool:
        """Whether it told more than is held."""
        return self.tree.is_overfull or self.rows.is_overfull

    def is_told(self, stream: Stream, progress: _Progress) -> bool:
        """Whether a stream that has begun is complete."""
        return (
            progress.is_open
            and progress.tellers <= self.synced.keys()
            and not self.is_overfull
            and (stream is not Stream.FIB or self.tree.is_fib_complete())
        )


class _Memory(msgspec.Struct, array_like=True, kw_only=True):
    """What is saved of one device. Fields are only ever appended, with defaults (ADR 0002)."""

    name: NodeId
    first_heard_ns: int
    synced: dict[str, int]
    tellers: dict[Stream, list[str]]
    leaves: TreeMemory


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Memory])


class GnmiState:
    """What gNMI targets have told, and the way from there to what is heard."""

    def __init__(
        self, source: str, limits: GnmiLimits | None = None, *, instance: str = "default"
    ) -> None:
        """Begin knowing nobody.

        Args:
            source: Its name, for incidents.
            limits: What is held at most.
            instance: The network instance whose sessions and routes are a device's own.
        """
        self._source, self._limits, self._instance = source, limits or GnmiLimits(), instance
        self._devices: dict[NodeId, _Device] = {}
        self._complaints: set[str] = set()
        self.tally = GnmiTally()

    @property
    def devices(self) -> tuple[NodeId, ...]:
        """Who has been heard."""
        return tuple(self._devices)

    def take(
        self, device: NodeId, said: Notification, subscription: str, arrival: Arrival
    ) -> Iterator[Heard]:
        """What one notification of a device means, told under one of its subscriptions."""
        known = self._device(device, arrival)
        if known is None:
            yield from self._once(f"more than {self._limits.devices:,} devices", arrival)
            return
        self.tally.notifications += 1
        at_ns = min(said.at_ns, arrival.received_ns + _AHEAD_NS)
        subscription = subscription[:_LONGEST_SUBSCRIPTION]
        for reason in self._read(known, said, subscription, at_ns):
            yield from self._once(reason, arrival)
        yield from known.rows.readings()
        if known.is_overfull and not known.is_refused:
            known.is_refused = True
            yield arrival.refuse(
                f"{device} has more than {self._limits.leaves:,} leaves: what is beyond them is "
                "not taken, and it is not called synchronised; subscribe to less"
            )
        if not 0 <= arrival.received_ns - known.vouched_ns < _VOUCH_NS:
            yield from self.vouch(device, received_ns=arrival.received_ns)
        if not known.tree.has_news:
            return
        coalesced = sum(max(update.duplicates, 0) for update in said.updates)
        for patch, changes in _patches(known, subscription, at_ns, coalesced):
            yield patch
            if patch.phase is Phase.CHANGE:
                for change in changes:
                    yield from incident_of(
                        change,
                        device=device,
                        source=self._source,
                        at_ns=at_ns,
                        heard_at_ns=arrival.received_ns,
                    )
        yield from _ends(known)

    def sync(self, device: NodeId, subscription: str, arrival: Arrival) -> Iterator[Heard]:
        """A subscription of a device has told everything once."""
        known = self._device(device, arrival)
        subscription = subscription[:_LONGEST_SUBSCRIPTION]
        if known is None or (
            subscription not in known.synced and len(known.synced) >= _MOST_SUBSCRIPTIONS
        ):
            yield from self._once(
                f"more devices or subscriptions of {device} than any has", arrival
            )
            return
        generation = known.synced.get(subscription, 0)
        if generation:
            known.tree.sweep(subscription, generation)
        known.synced[subscription] = generation + 1
        for patch, _ in _patches(known, subscription, 0, 0):
            yield patch
        yield from _begins(known, subscription)
        yield from _ends(known)

    def vouch(self, device: NodeId, *, received_ns: int) -> Iterator[Heard]:
        """What a device that is there says of its streams while nothing changes: that they hold."""
        known = self._devices.get(device)
        if known is not None:
            known.vouched_ns = received_ns
            for stream, progress in known.streams.items():
                if progress.is_ended:
                    yield StatePatch(device=device, stream=stream)

    def restart(self, device: NodeId) -> None:
        """A device is subscribed to anew: everything it tells from here on is a new snapshot."""
        known = self._devices.get(device)
        if known is not None:
            fresh = self._devices[device] = self._fresh(device, known.first_heard_ns)
            fresh.streams = {
                stream: _Progress(tellers=progress.tellers)
                for stream, progress in known.streams.items()
            }

    def remember(self) -> bytes:
        """Everything that later notifications are understood by."""
        return _encoder.encode(
            [
                _Memory(
                    name=known.name,
                    first_heard_ns=known.first_heard_ns,
                    synced=known.synced,
                    tellers={s: sorted(progress.tellers) for s, progress in known.streams.items()},
                    leaves=known.tree.remember(),
                )
                for known in self._devices.values()
            ]
        )

    def recall(self, memory: bytes) -> Iterator[Heard]:
        """Take back what was saved, and tell all of it anew: this is another epoch.

        Raises:
            ValueError: It was saved by nobody like us.
        """
        for saved in _decoder.decode(memory):
            known = self._fresh(saved.name, saved.first_heard_ns)
            known.synced = saved.synced
            known.streams = {s: _Progress(set(tellers)) for s, tellers in saved.tellers.items()}
            known.tree.recall(saved.leaves)
            self._devices[saved.name] = known
            for patch, _ in _patches(known, None, 0, 0):
                yield patch
            for subscription in known.synced:
                yield from _begins(known, subscription)
            yield from _ends(known)

    def finish(self) -> Iterator[Heard]:
        """What is held back for more of it to come, at the end of a file."""
        for known in self._devices.values():
            yield from known.rows.rest()

    def overdue(self, settle_ns: int, received_ns: int) -> list[NodeId]:
        """Devices heard for longer than `settle_ns` that no `sync_response` has come from."""
        return [
            device
            for device, known in self._devices.items()
            if not known.synced and received_ns - known.first_heard_ns >= settle_ns
        ]

    def tellers(self, device: NodeId) -> frozenset[str]:
        """The subscriptions of a device that have told of its state."""
        streams = self._devices[device].streams.values() if device in self._devices else ()
        return frozenset(teller for progress in streams for teller in progress.tellers)

    def _device(self, device: NodeId, arrival: Arrival) -> _Device | None:
        known = self._devices.get(device)
        if known is None and len(self._devices) < self._limits.devices:
            known = self._devices[device] = self._fresh(device, arrival.received_ns)
        return known

    def _fresh(self, device: NodeId, first_heard_ns: int) -> _Device:
        room = self._limits.leaves
        return _Device(
            device,
            DeviceTree(self._instance, room),
            CounterRows(device, min(room, MOST_INTERFACES)),
            first_heard_ns,
            vouched_ns=first_heard_ns,
        )

    def _read(
        self, known: _Device, said: Notification, subscription: str, at_ns: int
    ) -> Iterator[str]:
        """Take everything of a notification; what cannot be taken is given back as a reason."""
        told_in = (subscription, known.synced.get(subscription, 0))
        try:
            below = walk(START, said.prefix)
            _forget(known, said, below, at_ns)
        except ValueError as error:
            self.tally.updates += len(said.updates)
            self.tally.unknown += len(said.updates)
            yield f"{schema_path(said.prefix)[:300]}: {error}"
            return
        for update in said.updates:
            try:
                told = self._told(below, update)
            except ValueError as error:
                yield f"{schema_path(said.prefix, update.path)[:300]}: {error}"
                continue
            for leaf, keys, value in told:
                if leaf.kind is not Kind.COUNTERS:
                    known.tree.set(leaf, keys, value, at_ns=at_ns, told_in=told_in)
                    continue
                try:
                    known.rows.take(keys[0], leaf.field, value, at_ns)
                except ValueError as error:
                    yield f"{leaf.field} of {keys[0]}: {error}"

    def _told(self, below: Place, update: Update) -> list[Told]:
        """The leaves of an update.

        Raises:
            ValueError: Its path is unknown, or names no thing.
        """
        self.tally.updates += 1
        try:
            place = walk(below, update.path)
        except UnknownPath:
            self.tally.unknown += 1
            raise
        told = leaves_of(place, update.value)
        self.tally.unused += not told
        return told

    def _once(self, reason: str, arrival: Arrival) -> Iterator[Refused]:
        """A refusal, unless it was told; beyond the limit only that there are more."""
        most = self._limits.complaints
        if reason in self._complaints or len(self._complaints) > most:
            return
        self._complaints.add(reason)
        if len(self._complaints) > most:
            reason = f"more than {most} different refusals of paths; no more are told"
        yield arrival.refuse(reason)


def _forget(known: _Device, said: Notification, below: Place, at_ns: int) -> None:
    """Take out what a notification says is gone."""
    paths = [()] if said.is_atomic and said.prefix else []
    # A delete of everything is an empty element that some devices put in; none means it.
    for path in [*paths, *(path for path in said.deletes if path or said.prefix)]:
        try:
            place = walk(below, path)
        except UnknownPath:
            continue
        known.tree.delete(place, at_ns)
        known.rows.delete(place)


def _patches(
    known: _Device, subscription: str | None, at_ns: int, coalesced: int
) -> Iterator[tuple[StatePatch, list[Change]]]:
    """What changed, as a patch of each stream; whoever told of it is one of its tellers."""
    by_stream: dict[Stream, list[Change]] = {}
    for change in known.tree.changes():
        by_stream.setdefault(change.stream, []).append(change)
    for stream, changes in by_stream.items():
        progress = known.streams.setdefault(stream, _Progress())
        if subscription is not None and len(progress.tellers) < _MOST_SUBSCRIPTIONS:
            progress.tellers.add(subscription)
        phase = Phase.CHANGE if progress.is_ended else Phase.PART
        if not progress.is_open:
            phase, progress.is_open = Phase.BEGIN, True
        patch = StatePatch(
            device=known.name,
            stream=stream,
            phase=phase,
            upserts={each.key: each.after for each in changes if each.after is not None},
            deletes=tuple(each.key for each in changes if each.after is None),
            at_ns=at_ns,
            coalesced=coalesced,
        )
        yield patch, changes


def _begins(known: _Device, subscription: str) -> Iterator[Heard]:
    """The beginnings of streams of which a subscription told once, and has nothing to tell now."""
    for stream, progress in known.streams.items():
        if subscription in progress.tellers and not progress.is_open:
            progress.is_open = True
            yield StatePatch(device=known.name, stream=stream, phase=Phase.BEGIN)


def _ends(known: _Device) -> Iterator[Heard]:
    """The ends of the streams that are told whole by now."""
    for stream, progress in known.streams.items():
        if not progress.is_ended and known.is_told(stream, progress):
            progress.is_ended = True
            yield StatePatch(device=known.name, stream=stream, phase=Phase.END)
