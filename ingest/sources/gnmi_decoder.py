"""Notifications in every spelling that collectors give them, as decoders of the house."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from foreshadow.meter import Meter
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from foreshadow.topology import NodeId
from ingest.device_names import DeviceNames, unknown_sender
from ingest.heard import LARGEST_INPUT_BYTES, Heard
from ingest.sources.cisco_csv import CiscoCsv
from ingest.sources.cisco_mdt import parse_mdt
from ingest.sources.gnmi_gnmic import parse_event, parse_gnmic_json, sender_of
from ingest.sources.gnmi_notification import Message, Notification, Synced
from ingest.sources.gnmi_protojson import parse_protojson
from ingest.sources.gnmi_state import Arrival, GnmiLimits, GnmiState

Framing = Literal["json", "lines", "whole"]
"""What a record is in a file: a JSON document, a line, or all of it."""

Parse = Callable[[bytes], Iterable[Message]]


def _protobuf() -> Parse:
    from ingest.sources.gnmi_protobuf import parse_protobuf  # noqa: PLC0415 - only who asks for it

    return parse_protobuf


PARSERS: dict[str, Callable[[], Parse]] = {
    "gnmi": lambda: parse_protojson,
    "gnmi-proto": _protobuf,
    "gnmic-json": lambda: parse_gnmic_json,
    "gnmic-event": lambda: parse_event,
    "mdt": lambda: parse_mdt,
    "cisco-csv": lambda: CiscoCsv().parse,
}
"""By the name that an operator gives the spelling; some remember what a file began with."""

_FRAMINGS: dict[str, Framing] = {"cisco-csv": "lines", "gnmi-proto": "whole"}


class GnmiDecoder:
    """Hears notifications in one of their spellings."""

    def __init__(
        self,
        spelling: str,
        names: DeviceNames,
        *,
        limits: GnmiLimits | None = None,
        instance: str = "default",
        trusted_after_s: float | None = None,
    ) -> None:
        """Begin knowing nobody.

        Args:
            spelling: One of `PARSERS`.
            names: Whose a message is.
            limits: What is held at most.
            instance: The network instance whose sessions and routes are a device's own.
            trusted_after_s: For `gnmic-event`, which says no `sync_response`: what a device has
                told this long after its first word is taken for all of it. None: its streams are
                never synchronised.
        """
        self.name = spelling
        self.framing: Framing = _FRAMINGS.get(spelling, "json")
        self._parse, self._names = PARSERS[spelling](), names
        self._trusted_ns = None if trusted_after_s is None else int(trusted_after_s * 1e9)
        self.state = GnmiState(spelling, limits, instance=instance)

    def decode(self, raw: bytes, *, origin: str, received_ns: int) -> Iterable[Heard]:
        """Everything one record says."""
        return self.decode_from(raw, "", origin=origin, received_ns=received_ns)

    def decode_from(
        self, raw: bytes, key: str, *, origin: str, received_ns: int
    ) -> Iterator[Heard]:
        """Everything one record says.

        Args:
            raw: One document.
            key: What the record came under, where that says who sent it: a Kafka key.
            origin: For people.
            received_ns: When it arrived, by our clock.
        """
        arrival = Arrival(
            origin=origin, received_ns=received_ns, sample=raw[:DEAD_LETTER_SAMPLE_BYTES]
        )
        if len(raw) > LARGEST_INPUT_BYTES:
            yield arrival.refuse(
                f"{len(raw):,} bytes; a message has at most {LARGEST_INPUT_BYTES:,}"
            )
            return
        yield from self._trusted(arrival)
        try:
            for message in self._parse(raw):
                yield from self._take(message, key, arrival)
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            said = "nested too deep" if isinstance(error, RecursionError) else str(error)
            yield arrival.refuse(f"not {self.name}: {said}")

    def finish(self) -> Iterator[Heard]:
        """What is held back for more of it to come, at the end of a file."""
        yield from self.state.finish()

    def measure(self, meter: Meter, source: str) -> None:
        """Say to a meter what was met."""
        self.state.tally.measure(meter, source)

    def remember(self) -> bytes:
        """Everything that later records are understood by."""
        return self.state.remember()

    def recall(self, memory: bytes) -> Iterator[Heard]:
        """Take back what was saved, and tell all of it anew.

        Raises:
            ValueError: It was saved by nobody like us.
        """
        yield from self.state.recall(memory)

    def _take(self, message: Message, key: str, arrival: Arrival) -> Iterator[Heard]:
        sender, subscription = sender_of(key) if key else ("", "")
        sender = message.sender or sender
        subscription = message.subscription or subscription
        target = message.target if isinstance(message, Notification) else ""
        device = self._names.of(target, sender, key)
        if self._names.takes_any and not (target or sender) and len(self.state.devices) == 1:
            # In a file of one device, what names nobody is that device's.
            (device,) = self.state.devices
        if device is None:
            yield unknown_sender(arrival.origin, target, sender, sample=arrival.sample)
            return
        match message:
            case Notification():
                yield from self.state.take(device, message, subscription, arrival)
            case Synced():
                yield from self._synced(device, subscription, arrival)

    def _synced(self, device: NodeId, subscription: str, arrival: Arrival) -> Iterator[Heard]:
        tellers = self.state.tellers(device)
        if subscription or len(tellers) < 2:
            said = subscription or next(iter(tellers), "")
            yield from self.state.sync(device, said, arrival)
        else:
            yield arrival.refuse(
                f"sync_response of {device} does not say of which subscription; "
                "set insert-key: true in gnmic's output"
            )

    def _trusted(self, arrival: Arrival) -> Iterator[Heard]:
        if self._trusted_ns is None:
            return
        for device in self.state.overdue(self._trusted_ns, arrival.received_ns):
            for subscription in sorted(self.state.tellers(device)) or [""]:
                yield from self.state.sync(device, subscription, arrival)
