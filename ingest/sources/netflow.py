"""NetFlow 5 and 9 and IPFIX: datagrams of one exporter become flows.

`netflume` reads the wire; what it lacks for a port that stands in the open is around it: templates
whose cost is bounded (`netflow_templates`), data that waits for its template (`netflow_held`),
samplers (`netflow_sampling`), and times that survive an exporter whose clock is wrong.
Source: RFC 3954 (NetFlow 9), RFC 7011 (IPFIX), RFC 5103 (flows of two directions).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netflume import Decoder, Message, SequenceWatch
from netflume.events import DecodeError

from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from ingest.demand_flow import Aside, Flow
from ingest.heard import Refused
from ingest.sources.flow_export import Export
from ingest.sources.netflow_held import HeldSets
from ingest.sources.netflow_record import Reading, number
from ingest.sources.netflow_sampling import Samplers
from ingest.sources.netflow_templates import Place, TemplateLimits, Templates

VERSIONS = (b"\x00\x05", b"\x00\x09", b"\x00\x0a")
_MS, _S = 1_000_000, 1_000_000_000
_CLOCKS_AGREE_NS = 60 * _S
"""An exporter whose clock is further from ours has it wrong: only its differences are used."""
_UNKNOWN_SAMPLER = (
    "sampled flows, and the exporter has not said how many packets each stands for; have it send "
    "its sampler options every minute, or set `sampling` of the device"
)
_ONE = "exporter"
"""The decoder keeps exporters apart by a name; each of ours has a decoder of its own."""


class NetflowParser:
    """Reads the datagrams of one exporter; remembers its templates, samplers and numbers."""

    def __init__(
        self, *, limits: TemplateLimits | None = None, sampled_one_in: float | None = None
    ) -> None:
        """Begin without a template.

        Args:
            limits: What is kept.
            sampled_one_in: The sampling, where the exporter does not say.
        """
        self._limits = limits = limits or TemplateLimits()
        self.clocks_off = 0
        """Datagrams whose clock was wrong."""
        self._templates = Templates(limits)
        self._held = HeldSets(limits)
        self._samplers = Samplers(configured=sampled_one_in)
        self._decoder = Decoder(track_sampling=False)
        self._decoder.sequence = SequenceWatch(max_streams=limits.domains)
        self._late_decoder = Decoder(track_sequence=False, track_sampling=False)
        self._decoder.templates = self._late_decoder.templates = self._templates
        self._released_at = 0
        self._booted_ns: dict[int, int] = {}
        self._miscounted: set[int] = set()
        """Observation domains whose last datagram had records that could not be counted."""

    def parse(self, raw: bytes, *, origin: str, received_ns: int) -> Export:
        """What one datagram says; never raises on its content.

        Args:
            raw: The datagram.
            origin: For refusals.
            received_ns: When it arrived, by our clock.
        """
        refused: list[Refused] = []
        reasons, message, missing = self._decode(self._decoder, raw, received_ns)
        refused.extend(_refused(reason, raw, origin) for reason in reasons)
        refused.extend(self._held.expire(received_ns))
        if message is None:
            return Export(at_ns=received_ns, is_whole=False, refused=tuple(refused))
        sent = _Sent.of(message, received_ns)
        self.clocks_off += sent.shift_ns != 0
        flows = list(self._flows(message, sent))
        if missing:
            refused.extend(self._held.hold(raw, missing, received_ns=received_ns, origin=origin))
        if self._held.lacks and self._templates.told != self._released_at:
            flows.extend(self._flows_held())
        if any(flow.aside is Aside.UNKNOWN_SAMPLER for flow in flows):
            refused.append(_refused(_UNKNOWN_SAMPLER, raw, origin))
        return Export(
            at_ns=sent.at_ns + sent.shift_ns,
            flows=tuple(flows),
            is_whole=not reasons and not self._held,
            awaits=bool(self._held),
            lost=self._lost(message, missing),
            refused=tuple(refused),
        )

    def _decode(
        self, decoder: Decoder, raw: bytes, received_ns: int
    ) -> tuple[list[str], Message | None, Counter[Place]]:
        """Why not all of it could be used, what could, and the templates that were missing."""
        templates, stats = self._templates, decoder.stats
        templates.now_ns = received_ns
        templates.missing.clear()
        templates.refused.clear()
        understood, cut_short = templates.told + templates.passed_over, stats["truncated"]
        message = decoder.decode(raw, _ONE)
        reasons = [
            f"NetFlow or IPFIX that does not decode: {event.detail}"
            for event in decoder.take_events()
            if isinstance(event, DecodeError)
        ]
        reasons.extend(templates.refused)
        if stats["truncated"] > cut_short:
            reasons.append("a flow datagram ends before what it announces")
        is_empty = message is not None and not (message.flows or message.options)
        is_empty &= templates.told + templates.passed_over == understood
        if is_empty and not templates.missing and not reasons:
            reasons.append("a flow datagram without a set that could be read")
        return reasons, message, templates.missing.copy()

    def _flows(self, message: Message, sent: "_Sent") -> Iterator[Flow]:
        header = message.header
        domain = header["domain"]
        if header["version"] == 5 and not message.options:
            self._samplers.forget(domain)
        for option in message.options:
            self._samplers.learn(domain, option)
            self._learn_boot(domain, option)
        if (uptime_ms := header["sys_uptime"]) is not None:
            general_ns = sent.at_ns - uptime_ms * _MS
        else:
            general_ns = self._booted_ns.get(domain)
        for record in message.flows:
            reading = Reading.of(tuple(record))
            booted_ms = number(record, "system_init_time_ms")
            yield from reading.flows(
                record,
                one_in=self._samplers.of(domain, record, reading),
                sent_ns=sent.at_ns,
                booted_ns=general_ns if booted_ms is None else booted_ms * _MS,
                shift_ns=sent.shift_ns,
            )

    def _learn_boot(self, domain: int, option: Mapping[str, Any]) -> None:
        """Some exporters of IPFIX give times since they started, and when that was as an option."""
        if (booted_ms := number(option, "system_init_time_ms")) is None:
            return
        if domain not in self._booted_ns and len(self._booted_ns) >= self._limits.domains:
            del self._booted_ns[next(iter(self._booted_ns))]
        self._booted_ns[domain] = booted_ms * _MS

    def _flows_held(self) -> Iterator[Flow]:
        """Those of data that waited, as far as its templates have come."""
        self._released_at = self._templates.told
        known = {(domain, template) for _, domain, template in self._templates.templates}
        for held in self._held.take(known):
            _, message, _ = self._decode(self._late_decoder, held.datagram, held.received_ns)
            if message is not None:
                yield from self._flows(message, _Sent.of(message, held.received_ns))

    def _lost(self, message: Message, missing: Counter[Place]) -> int:
        """What is missing before this datagram, by its number."""
        domain = message.header["domain"]
        lost = 0 if domain in self._miscounted else int(message.gap)
        self._miscounted.discard(domain)
        if missing and len(self._miscounted) < self._limits.domains:
            # IPFIX numbers records, and how many there are in such a set nobody can say.
            self._miscounted.add(domain)
        return lost


def sent_ns(raw: bytes) -> int | None:
    """When a datagram was exported, by its header; None where it has none."""
    at = 4 if raw.startswith(b"\x00\x0a") else 8
    if not raw.startswith(VERSIONS) or len(raw) < at + 4:
        return None
    return int.from_bytes(raw[at : at + 4], "big") * _S


@dataclass(frozen=True, slots=True)
class _Sent:
    """When a datagram was exported.

    Attributes:
        at_ns: By the exporter's clock.
        shift_ns: What to add to its times: nothing, unless that clock is wrong.
    """

    at_ns: int
    shift_ns: int

    @classmethod
    def of(cls, message: Message, received_ns: int) -> "_Sent":
        """The header has whole seconds; where the clocks agree, its arrival says the rest."""
        at_ns = int(message.header["unix_secs"]) * _S
        behind_ns = received_ns - at_ns
        if 0 <= behind_ns < _S:
            return cls(received_ns, 0)
        return cls(at_ns, 0 if abs(behind_ns) <= _CLOCKS_AGREE_NS else behind_ns)


def _refused(reason: str, raw: bytes, origin: str) -> Refused:
    return Refused(reason=reason[:300], sample=raw[:DEAD_LETTER_SAMPLE_BYTES], origin=origin)
