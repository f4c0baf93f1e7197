"""What one exporter sends becomes the demand of its device: the decoder of all flow protocols."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from ingest.demand_interval import DeviceDemand
from ingest.heard import LARGEST_INPUT_BYTES, CounterReading, Counters, DemandReading, Refused
from ingest.sources import netflow, sflow
from ingest.sources.flow_export import Export
from ingest.sources.netflow_templates import TemplateLimits

FlowHeard = DemandReading | CounterReading | Refused
"""What may come of flow export."""


@dataclass(slots=True)
class ExporterAccount:
    """What came from one exporter, since the start.

    Attributes:
        datagrams: Received.
        refused: Of them, or of parts of them.
        lost: Exports that never arrived, by the numbers of those that did: datagrams, for IPFIX
            and NetFlow 5 records.
        clocks_off: Datagrams whose clock was wrong by more than a minute; arrival was used instead.
        nameless: Counters of ports whose name nobody knows.
        last_heard_ns: When the last one arrived; 0 before the first.
    """

    datagrams: int = 0
    refused: int = 0
    lost: int = 0
    clocks_off: int = 0
    nameless: int = 0
    last_heard_ns: int = 0


class FlowDecoder:
    """Reads NetFlow 5 and 9, IPFIX and sFlow 5 of one exporter, whichever it speaks.

    Several exporters of one device (line cards, two protocols on different interfaces) share its
    `DeviceDemand`. Demand comes out when an interval closes, not with the datagram it came by.
    """

    name = "flow"

    def __init__(
        self,
        demand: DeviceDemand,
        *,
        limits: TemplateLimits | None = None,
        sampled_one_in: float | None = None,
        interfaces: Mapping[int, str] | None = None,
    ) -> None:
        """Begin with nothing heard.

        Args:
            demand: Of the device.
            limits: What is kept of the exporter's templates.
            sampled_one_in: The sampling, where the exporter does not say.
            interfaces: Names by SNMP index, for counters of ports that the exporter does not name.
        """
        self.account = ExporterAccount()
        self._demand, self._interfaces = demand, interfaces or {}
        self._netflow = netflow.NetflowParser(limits=limits, sampled_one_in=sampled_one_in)
        self._sflow = sflow.SflowParser()

    def decode(self, raw: bytes, *, origin: str, received_ns: int) -> Iterator[FlowHeard]:
        """The intervals one datagram closes, counters in it, and what could not be used of it."""
        self.account.datagrams += 1
        self.account.last_heard_ns = received_ns
        export = self._parse(raw, origin, received_ns)
        self.account.lost += export.lost
        self.account.refused += bool(export.refused)
        self.account.clocks_off = self._netflow.clocks_off
        self._demand.reach(export.at_ns, is_whole=export.is_whole, awaits=export.awaits)
        for flow in export.flows:
            self._demand.take(flow)
        yield from export.refused
        yield from self._demand.readings()
        yield from self._counters(export)

    def _counters(self, export: Export) -> Iterator[CounterReading]:
        """The ports in a datagram that have a name, as one reading."""
        named: dict[str, Counters] = {}
        for port in export.ports:
            if name := self._interfaces.get(port.index, port.counters.interface):
                named[name] = replace(port.counters, interface=name)
            else:
                self.account.nameless += 1
        if named:
            yield CounterReading(
                device=self._demand.device, at_ns=export.at_ns, counters=tuple(named.values())
            )

    def _parse(self, raw: bytes, origin: str, received_ns: int) -> Export:
        if len(raw) > LARGEST_INPUT_BYTES:
            reason = f"longer than {LARGEST_INPUT_BYTES:,} bytes"
        elif raw.startswith(netflow.VERSIONS):
            return self._netflow.parse(raw, origin=origin, received_ns=received_ns)
        elif raw.startswith(sflow.VERSION):
            return self._sflow.parse(raw, origin=origin, received_ns=received_ns)
        else:
            reason = "neither NetFlow 5 or 9, nor IPFIX, nor sFlow 5, by its first bytes"
        refused = Refused(reason=reason, sample=raw[:DEAD_LETTER_SAMPLE_BYTES], origin=origin)
        return Export(at_ns=received_ns, is_whole=False, refused=(refused,))
