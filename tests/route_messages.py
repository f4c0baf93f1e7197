"""Route messages as the kernel would send them, for tests of what reads them."""

import socket
import struct

from shadow.emulation.rtnetlink import Route

_TABLE_COMPAT = 252
_LARGEST_IN_HEADER = 255


def _in_header(table: int) -> int:
    """The header has a byte for the table; larger numbers are in the attribute alone."""
    return table if table <= _LARGEST_IN_HEADER else _TABLE_COMPAT


def _attribute(kind: int, payload: bytes) -> bytes:
    padding = b"\0" * (-len(payload) % 4)
    return struct.pack("=HH", 4 + len(payload), kind) + payload + padding


def encoded(route: Route) -> bytes:
    """The message the kernel would send."""
    body = struct.pack(
        "=BBBBBBBBI",
        socket.AF_INET if route.prefix.version == 4 else socket.AF_INET6,
        route.prefix.prefixlen,
        *(0, 0, _in_header(route.table), route.protocol, 0, route.type, 0),
    )
    if route.prefix.prefixlen:
        body += _attribute(1, route.prefix.network_address.packed)
    body += _attribute(15, struct.pack("=I", route.table))
    if len(route.hops) == 1:
        ((index, gateway),) = route.hops
        body += _attribute(4, struct.pack("=i", index))
        body += _attribute(5, gateway.packed) if gateway else b""
    else:
        hops = b""
        for index, gateway in route.hops:
            inner = _attribute(5, gateway.packed) if gateway else b""
            hops += struct.pack("=HBBi", 8 + len(inner), 0, 0, index) + inner
        body += _attribute(9, hops)
    kind = 25 if route.is_removed else 24
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body
