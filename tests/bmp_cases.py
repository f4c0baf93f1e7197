"""The BMP decoder for the conformance suite: a session from its first message to its last."""

from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path

from ingest.device_names import DeviceNames
from ingest.sources.bmp_capture import pieces
from ingest.sources.bmp_decoder import BmpDecoder
from ingest.sources.bmp_framing import BmpFraming
from tests import bmp_messages as made
from tests.decoder_case import DecoderCase, Hoard

_SAMPLES = (
    made.initiation(),
    made.peer_up(),
    made.announcing("203.0.113.0/24", "198.51.100.0/25"),
    made.end_of_rib(),
    made.withdrawing("203.0.113.0/24"),
    made.peer_up(made.loc_rib_header()),
    made.announcing("203.0.113.0/24", header=made.loc_rib_header()),
    made.end_of_rib(made.loc_rib_header()),
    made.statistics(),
    made.mirroring(),
    made.peer_down(),
    made.termination(),
)


def _decoder() -> BmpDecoder:
    return BmpDecoder(DeviceNames(["R1"], default="R1"))


def _small() -> BmpDecoder:
    names = DeviceNames(["R1"], default="R1")
    return BmpDecoder(names, most_peers=20, most_paths=100)


def _messages(path: Path) -> Iterable[bytes]:
    framing = BmpFraming()
    return [raw for piece in pieces(path) for raw in framing.feed(piece.octets)]


def _new_thing(number: int) -> bytes:
    """Ever new peers that send paths with ids, ever new paths, ever new peers that are down."""
    header = made.peer_header(peer=str(IPv4Address(0x0A000000 + number // 4)))
    match number % 4:
        case 0:
            return made.peer_up(header, we_add=1, they_add=2)
        case 1:
            lost = made.peer_header(peer=str(IPv4Address(0x0B000000 + number)))
            return made.peer_down(lost)
        case _:
            prefix = made.nlri(f"{IPv4Address(0x14000000 + number)}/32", path_id=number)
            return made.routes(made.update(made.attributes(), prefix), header)


CASE = DecoderCase(
    name="bmp",
    decoder=_decoder,
    samples=_SAMPLES,
    shared=("pcap_bmp/*.pcap",),
    messages=_messages,
    hoard=Hoard(decoder=_small, message=_new_thing, full_after=400),
)
