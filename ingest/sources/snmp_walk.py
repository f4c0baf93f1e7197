"""A walk that was written down: `OID|type|value` lines, as SNMP simulators keep them.

Source: snmpsim, "Data file syntax": the type is the ASN.1 tag, with `x` behind it where the value
is in hexadecimal.
"""

import binascii
from collections.abc import Iterable

from foreshadow.topology import NodeId
from ingest.device_names import DeviceNames, unknown_sender
from ingest.heard import LARGEST_INPUT_BYTES, Heard, Refused
from ingest.sources.snmp_table import (
    ADDRESS_TABLE,
    IF_TABLE,
    IFX_TABLE,
    Oid,
    as_rows,
    heard,
)

_NUMBERS = frozenset({2, 65, 66, 67, 70})
"""INTEGER, Counter32, Gauge32, TimeTicks, Counter64."""
_OCTETS = frozenset({4, 64, 68})
"""OCTET STRING, IpAddress, Opaque."""
_IP_ADDRESS = 64
_MOST_REFUSED = 100
_LONGEST_OID = 128
_OURS = tuple(
    ".".join(map(str, table)).encode() + b"." for table in (IF_TABLE, IFX_TABLE, ADDRESS_TABLE)
)


def our_part(raw: bytes) -> bytes:
    """The lines of a walk that are of our tables: a whole walk is mostly about other things."""
    return b"".join(line for line in raw.splitlines(keepends=True) if line.startswith(_OURS))


class SnmpWalkDecoder:
    """Makes interfaces and counters of a whole walk."""

    name = "snmp-walk"

    def __init__(self, devices: DeviceNames) -> None:
        """Walks do not say whose they are: the default of `devices` is it."""
        self._devices = devices

    def decode(self, raw: bytes, *, origin: str, received_ns: int) -> Iterable[Heard]:
        """What the walk says of interfaces; each line that is none is refused by its number."""
        if len(raw) > LARGEST_INPUT_BYTES:
            yield Refused(
                reason=f"{len(raw)} octets are too many: at most {LARGEST_INPUT_BYTES}",
                sample=raw[:200],
                origin=origin,
            )
            return
        device = self._devices.of("")
        if device is None:
            yield unknown_sender(origin, sample=raw[:200])
            return
        yield from _decoded(device, raw, origin, received_ns)


def _decoded(device: NodeId, raw: bytes, origin: str, received_ns: int) -> Iterable[Heard]:
    found: list[tuple[Oid, int | bytes]] = []
    refused = 0
    for number, line in enumerate(raw.splitlines(), start=1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            row = _row(line)
        except ValueError as error:
            refused += 1
            if refused <= _MOST_REFUSED:
                yield Refused(reason=str(error), sample=line[:200], origin=f"{origin}:{number}")
            continue
        if row is not None:
            found.append(row)
    if refused > _MOST_REFUSED:
        yield Refused(
            reason=f"{refused - _MOST_REFUSED} more lines are no OID|type|value",
            sample=b"",
            origin=origin,
        )
    said = heard(device, as_rows(found), at_ns=received_ns)
    yield from said
    if not said and not refused:
        reason = "nothing in it is of IF-MIB (1.3.6.1.2.1.2.2)"
        yield Refused(reason=reason, sample=raw[:200], origin=origin)


def _row(line: bytes) -> tuple[Oid, int | bytes] | None:
    """One line; None for a type that no column of ours has.

    Raises:
        ValueError: It is no such line; says what is wrong.
    """
    parts = line.split(b"|", 2)
    if len(parts) != 3:
        raise ValueError("no OID|type|value: there are fewer than two bars")
    oid, kind, value = parts
    place = _oid(oid)
    is_hex = kind.endswith(b"x")
    digits = kind.removesuffix(b"x")
    if not digits.isdigit() or len(digits) > 3:
        raise ValueError(f"{kind[:20]!r} is no ASN.1 tag")
    tag = int(digits)
    if tag in _NUMBERS:
        return place, _number(value)
    if tag in _OCTETS:
        return place, _octets(value, tag, is_hex=is_hex)
    return None


def _oid(raw: bytes) -> Oid:
    arcs = raw.strip().split(b".")
    if len(arcs) > _LONGEST_OID or not all(arc.isdigit() and len(arc) < 11 for arc in arcs):
        raise ValueError(f"{raw[:60]!r} is no object identifier")
    return tuple(map(int, arcs))


def _number(value: bytes) -> int:
    text = value.strip()
    if len(text) > 20 or not text.lstrip(b"-").isdigit():
        raise ValueError(f"{value[:30]!r} is no number")
    return int(text)


def _octets(value: bytes, tag: int, *, is_hex: bool) -> bytes:
    if is_hex:
        try:
            return binascii.unhexlify(value.strip())
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"{value[:30]!r} is not hexadecimal") from error
    if tag == _IP_ADDRESS:
        parts = value.strip().split(b".")
        if len(parts) == 4 and all(part.isdigit() and len(part) < 4 for part in parts):
            numbers = [int(part) for part in parts]
            if max(numbers) < 256:
                return bytes(numbers)
        raise ValueError(f"{value[:30]!r} is no IPv4 address")
    return value
