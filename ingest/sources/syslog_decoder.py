"""Syslog lines, from whatever carried them, as incidents."""

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from foreshadow.incident import LONGEST_TEXT, Incident
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from foreshadow.topology import NodeId
from ingest.device_names import DeviceNames, host_of, unknown_sender
from ingest.heard import LARGEST_INPUT_BYTES, Heard, Refused
from ingest.sources.gnmi_decoder import Framing
from ingest.sources.syslog_coalescing import MOST_OPEN, Coalescing
from ingest.sources.syslog_events import event_in
from ingest.sources.syslog_line import SyslogLine, parse_line
from ingest.sources.syslog_time import event_ns

SOURCE = "syslog"
_ROUTING_ENGINES = ("re0-", "re1-", "re0.", "re1.")
"""Junos may put before its host name which of its two routing engines speaks."""


class SyslogDecoder:
    """Finds the lines that tell of failures; the many others are counted."""

    name = SOURCE
    framing: Framing = "lines"

    def __init__(
        self,
        names: DeviceNames,
        *,
        zone: ZoneInfo,
        coalesce_s: float = 10.0,
        most_open: int = MOST_OPEN,
    ) -> None:
        """Begin.

        Args:
            names: Devices by what they call themselves and by their addresses.
            zone: Where the devices' clocks are, for lines that do not say.
            coalesce_s: How long after an incident the same are counted rather than told.
            most_open: How many subjects are counted at a time.
        """
        self._names, self._zone = names, zone
        self._coalescing = Coalescing(coalesce_s, most_open=most_open)
        self.lines: Counter[str] = Counter()
        """Lines by what became of them: `incident`, `other`, `refused`."""

    def decode(self, raw: bytes, *, origin: str, received_ns: int) -> Iterator[Heard]:
        """What one line says; never raises on its content."""
        if len(raw) > LARGEST_INPUT_BYTES:
            yield self._refused(f"longer than {LARGEST_INPUT_BYTES} octets", raw, origin)
        elif (line := parse_line(raw)) is None:
            reason = "no syslog: neither a priority nor a time where one belongs"
            yield self._refused(reason, raw, origin)
        elif (event := event_in(line.text)) is None:
            self.lines["other"] += 1
        elif (device := self._device(line, origin)) is None:
            self.lines["refused"] += 1
            sample = raw[:DEAD_LETTER_SAMPLE_BYTES]
            yield unknown_sender(origin, line.host, _sender(origin), sample=sample)
        else:
            self.lines["incident"] += 1
            incident = Incident(
                device=device,
                what=event.what,
                subject=event.subject,
                at_ns=event_ns(line.stamp, zone=self._zone, received_ns=received_ns),
                heard_at_ns=received_ns,
                source=SOURCE,
                text=line.text[:LONGEST_TEXT],
            )
            yield from self._coalescing.take(incident, event.mnemonic)

    def due(self, now_ns: int) -> Iterator[Heard]:
        """What is to be told by the clock: how often an incident was repeated."""
        yield from self._coalescing.due(now_ns)

    def finish(self) -> Iterator[Heard]:
        """What has not been told, where no more lines come."""
        yield from self._coalescing.end()

    def _device(self, line: SyslogLine, origin: str) -> NodeId | None:
        """Whose line it is: by the name in it, also without engine and domain, or by address."""
        host = line.host
        for prefix in _ROUTING_ENGINES:
            host = host.removeprefix(prefix)
        return self._names.of(line.host, host, host.partition(".")[0], _sender(origin))

    def _refused(self, reason: str, raw: bytes, origin: str) -> Refused:
        self.lines["refused"] += 1
        return Refused(reason=reason, sample=raw[:DEAD_LETTER_SAMPLE_BYTES], origin=origin)


def _sender(origin: str) -> str:
    """The address that sent a line; none where the origin is a file and a line of it."""
    address = host_of(origin)
    try:
        return str(ip_address(address))
    except ValueError:
        return ""
