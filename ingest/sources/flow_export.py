"""What one datagram of an exporter says, whatever its protocol."""

from dataclasses import dataclass

from ingest.demand_flow import Flow
from ingest.heard import Refused
from ingest.sources.sflow_counters import PortCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What one datagram of an exporter says.

    Attributes:
        at_ns: When it was sent: no flow in it ends later.
        is_whole: Whether all in it was understood.
        awaits: Whether some of it cannot be understood yet, and may be soon.
        lost: Datagrams or records that the sequence number says are missing before it.
        ports: Counters of interfaces.
        refused: What of it could not be used.
    """

    at_ns: int
    flows: tuple[Flow, ...] = ()
    is_whole: bool = True
    awaits: bool = False
    lost: int = 0
    ports: tuple[PortCounters, ...] = ()
    refused: tuple[Refused, ...] = ()
