"""SNMP walks for the conformance suite of decoders."""

import bz2
from collections.abc import Iterable
from pathlib import Path

from ingest.device_names import DeviceNames
from ingest.sources.snmp_walk import SnmpWalkDecoder, our_part
from tests.decoder_case import DecoderCase

_WALK = b"""\
1.3.6.1.2.1.1.3.0|67|812345
1.3.6.1.2.1.2.2.1.2.1|4|GigabitEthernet0/1
1.3.6.1.2.1.2.2.1.5.1|66|1000000000
1.3.6.1.2.1.2.2.1.7.1|2|1
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.2.2.1.10.1|65|4123456
1.3.6.1.2.1.2.2.1.16.1|65|912
1.3.6.1.2.1.4.20.1.2.10.0.0.1|2|1
1.3.6.1.2.1.4.20.1.3.10.0.0.1|64|255.255.255.252
"""


def _decoder() -> SnmpWalkDecoder:
    return SnmpWalkDecoder(DeviceNames(["r1"], default="r1"))


def _our_part(path: Path) -> Iterable[bytes]:
    return [our_part(bz2.decompress(path.read_bytes()))]


CASE = DecoderCase(
    name="snmp-walk",
    decoder=_decoder,
    samples=(_WALK,),
    shared=("snmprec/cisco-*.bz2",),
    messages=_our_part,
)
