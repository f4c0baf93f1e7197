"""BGP messages from MRT files (RFC 6396): real ones, with what `bgpdump` made of them beside."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

_BGP4MP, _BGP4MP_ET = 16, 17
_AS_OCTETS = {1: 2, 4: 4, 8: 2, 9: 4}
"""By subtype: BGP4MP_MESSAGE, BGP4MP_MESSAGE_AS4 and both with path ids (RFC 8050)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MrtMessage:
    """One BGP message as a collector took it from a peer."""

    at_s: int
    as_octets: int
    has_path_ids: bool
    peer_as: int
    peer: bytes
    kind: int
    body: bytes


def messages(path: Path) -> Iterator[MrtMessage]:
    """Every BGP message of a file, in its order; other records are passed over."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    at = 0
    while at + 12 <= len(raw):
        seconds, kind, subtype, length = unpack_from(">IHHI", raw, at)
        record = raw[at + 12 : at + 12 + length]
        at += 12 + length
        if kind == _BGP4MP_ET:
            record = record[4:]
        if kind in {_BGP4MP, _BGP4MP_ET} and subtype in _AS_OCTETS:
            yield _message(seconds, subtype, record)


def _message(at_s: int, subtype: int, record: bytes) -> MrtMessage:
    width = _AS_OCTETS[subtype]
    peer_as = int.from_bytes(record[:width])
    address_octets = 4 if unpack_from(">H", record, 2 * width + 2)[0] == 1 else 16
    peer = record[2 * width + 4 :][:address_octets]
    message = record[2 * width + 4 + 2 * address_octets :]
    return MrtMessage(
        at_s=at_s,
        as_octets=width,
        has_path_ids=subtype in {8, 9},
        peer_as=peer_as,
        peer=peer,
        kind=message[18],
        body=message[19:],
    )
