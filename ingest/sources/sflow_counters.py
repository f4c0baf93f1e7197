"""Interface counters in sFlow: the load of every port, told with the flows.

Source: "sFlow Version 5", structures `if_counters` and `port_name`.
"""

import struct
from dataclasses import dataclass

from ingest.heard import Counters
from ingest.sources.sflow_xdr import Reader

_IF_COUNTERS = struct.Struct(">IIQIIQIIIIIIQIIIIII")
_NOT_COUNTED_32, _NOT_COUNTED_64 = (1 << 32) - 1, (1 << 64) - 1
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCounters:
    """What one port has counted so far.

    Attributes:
        index: SNMP index.
        counters: Under the name the agent gives the port; empty where it gives none.
    """

    index: int
    counters: Counters


def port_counters(reader: Reader, count: int) -> PortCounters | None:
    """The counters in the records of a counter sample; None where it has no such record.

    Raises:
        Malformed: A record ends before it should.
    """
    values: tuple[int, ...] | None = None
    name = ""
    for _ in range(count):
        kind, record = reader.numbers(1)[0], Reader(reader.opaque())
        match kind:
            case 1:
                values = _IF_COUNTERS.unpack(record.take(_IF_COUNTERS.size))
            case 1005:
                name = record.opaque()[:_LONGEST_NAME].decode(errors="replace").strip()
            case _:  # Ethernet, VLAN, processor, vendors' own.
                pass
    if values is None:
        return None
    index, _, speed_bps, _, _, in_octets = values[:6]
    in_discards, in_errors, out_octets = values[9], values[10], values[12]
    out_discards, out_errors = values[16], values[17]
    return PortCounters(
        index=index,
        counters=Counters(
            interface=name if name.isprintable() else "",
            in_octets=None if in_octets == _NOT_COUNTED_64 else in_octets,
            out_octets=None if out_octets == _NOT_COUNTED_64 else out_octets,
            in_errors=_narrow(in_errors),
            out_errors=_narrow(out_errors),
            in_discards=_narrow(in_discards),
            out_discards=_narrow(out_discards),
            capacity_bps=float(speed_bps) if 0 < speed_bps < _NOT_COUNTED_64 else None,
        ),
    )


def _narrow(value: int) -> int | None:
    return None if value == _NOT_COUNTED_32 else value
