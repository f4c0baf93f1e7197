"""What the interface tables of SNMP say: rows of object identifiers become interfaces and counters.

Pure; how the rows were fetched is for others. A device may lack any column: an old one has no
64-bit counters, a small one no names, and what it lacks is told as unknown.

Source: RFC 2863 (IF-MIB), RFC 4293 (IP-MIB, the address table that routers still fill), RFC 3418
(sysUpTime).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Interface

from foreshadow.observed import Interface, Stream
from foreshadow.topology import NodeId
from ingest.heard import CounterReading, Counters, Heard, StateReading

Oid = tuple[int, ...]
Rows = Mapping[Oid, int | bytes]
"""Values by object identifier: integers, counters and ticks as numbers, all else as octets."""

UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
IF_TABLE: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IFX_TABLE: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
ADDRESS_TABLE: Oid = (1, 3, 6, 1, 2, 1, 4, 20, 1)
COLUMNS: tuple[Oid, ...] = (
    *((*IF_TABLE, column) for column in (2, 5, 7, 8, 10, 13, 14, 16, 19, 20)),
    *((*IFX_TABLE, column) for column in (1, 6, 10, 15)),
    *((*ADDRESS_TABLE, column) for column in (2, 3)),
)
"""Every column that is read, each by itself: one that is missing costs nothing."""

_UP = 1
_BPS_PER_MBPS = 1e6
_IF_SPEED_FULL = (1 << 32) - 1
"""ifSpeed of an interface that is faster than it can say."""
_LONGEST_NAME = 255
_MOST_INTERFACES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceRow:
    """One row of the interface tables."""

    interface: Interface
    counters: Counters


def heard(device: NodeId, rows: Rows, *, at_ns: int) -> tuple[Heard, ...]:
    """The interfaces of a device and what they have counted; nothing where there are none.

    Args:
        device: Whose rows they are.
        rows: Of `COLUMNS`; others are passed over.
        at_ns: When they were read.
    """
    found = interface_rows(rows)
    if not found:
        return ()
    return (
        StateReading(
            device=device,
            stream=Stream.INTERFACE,
            values={row.interface.name: row.interface for row in found},
            at_ns=at_ns,
        ),
        CounterReading(device=device, at_ns=at_ns, counters=tuple(row.counters for row in found)),
    )


def interface_rows(rows: Rows) -> tuple[InterfaceRow, ...]:
    """Every interface that says whether it is up, by index; names are unique."""
    table = _columns(rows, IF_TABLE)
    extended = _columns(rows, IFX_TABLE)
    addresses = _addresses(rows)
    names = _names(table, extended)
    return tuple(
        InterfaceRow(
            interface=Interface(
                name=name,
                is_admin_up=table[7].get(index) == _UP,
                is_oper_up=table[8].get(index) == _UP,
                addresses=tuple(sorted(addresses[index])),
            ),
            counters=_counters(name, index, table, extended),
        )
        for index, name in names.items()
    )


def _counters(
    name: str, index: int, table: Mapping[int, "_Column"], extended: Mapping[int, "_Column"]
) -> Counters:
    """64-bit octets where both directions have them, else the old 32-bit ones."""
    wide = _number(extended[6], index), _number(extended[10], index)
    is_wide = None not in wide
    octets = wide if is_wide else (_number(table[10], index), _number(table[16], index))
    return Counters(
        interface=name,
        in_octets=octets[0],
        out_octets=octets[1],
        in_errors=_number(table[14], index),
        out_errors=_number(table[20], index),
        in_discards=_number(table[13], index),
        out_discards=_number(table[19], index),
        bits=64 if is_wide else 32,
        capacity_bps=_capacity_bps(_number(extended[15], index), _number(table[5], index)),
    )


def _capacity_bps(high_mbps: int | None, speed_bps: int | None) -> float | None:
    if high_mbps:
        return high_mbps * _BPS_PER_MBPS
    if speed_bps and speed_bps != _IF_SPEED_FULL:
        return float(speed_bps)
    return None


_Column = Mapping[int, int | bytes]


def _columns(rows: Rows, table: Oid) -> Mapping[int, dict[int, int | bytes]]:
    """Values by column and interface index."""
    columns: defaultdict[int, dict[int, int | bytes]] = defaultdict(dict)
    length = len(table)
    for oid, value in rows.items():
        if len(oid) == length + 2 and oid[:length] == table:
            columns[oid[-2]][oid[-1]] = value
    return columns


def _names(table: Mapping[int, _Column], extended: Mapping[int, _Column]) -> Mapping[int, str]:
    """A name per index: ifName, else ifDescr; the index tells two of one name apart."""
    found: dict[int, str] = {}
    taken: set[str] = set()
    for index in sorted(table[8])[:_MOST_INTERFACES]:
        name = _text(extended[1].get(index)) or _text(table[2].get(index)) or f"if{index}"
        if name in taken:
            name = f"{name}#{index}"
        taken.add(name)
        found[index] = name
    return found


def _addresses(rows: Rows) -> Mapping[int, list[IPv4Interface]]:
    """IPv4 addresses by interface index."""
    found: defaultdict[int, list[IPv4Interface]] = defaultdict(list)
    place, length = (*ADDRESS_TABLE, 2), len(ADDRESS_TABLE) + 1
    for oid, index in rows.items():
        if oid[:length] == place and len(oid) == length + 4 and isinstance(index, int):
            mask = rows.get((*ADDRESS_TABLE, 3, *oid[length:]))
            octets = oid[length:]
            if isinstance(mask, bytes) and len(mask) == 4 and max(octets) < 256:
                with suppress(ValueError):
                    dotted = ".".join(map(str, octets))
                    found[index].append(IPv4Interface(f"{dotted}/{'.'.join(map(str, mask))}"))
    return found


def _number(column: _Column, index: int) -> int | None:
    value = column.get(index)
    return value if isinstance(value, int) and value >= 0 else None


def _text(value: int | bytes | None) -> str:
    """What is printable of a name, without the zero that some devices end it with."""
    if not isinstance(value, bytes):
        return ""
    text = value.rstrip(b"\0").decode(errors="replace").strip()
    return text[:_LONGEST_NAME] if text.isprintable() else ""


def as_rows(found: Iterable[tuple[Oid, int | bytes]]) -> Rows:
    """Rows of what a walk gave, the last of two for one identifier."""
    return dict(found)
