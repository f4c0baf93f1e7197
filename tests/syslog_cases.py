"""The syslog decoder for the conformance suite: what vendors really write."""

from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from zoneinfo import ZoneInfo

from ingest.device_names import DeviceNames
from ingest.sources.syslog_decoder import SyslogDecoder
from tests.decoder_case import DecoderCase, Hoard

_IOS = (
    b"<189>1432: r1: Jun  1 12:50:26.172: %LINEPROTO-5-UPDOWN: Line protocol on Interface"
    b" FastEthernet0/2, changed state to down"
)
_JUNOS = (
    b"<29>Jun 21 14:03:12  r1 rpd[2902]: RPD_OSPF_NBRDOWN: OSPF neighbor 1.1.1.1 (realm ospf-v2"
    b" ge-0/0/0.0 area 0.0.0.0) state changed from Full to Down due to KillNbr (event reason: x)"
)
_SONIC = (
    b"<166>1 2019-02-20T15:10:35.073589+00:00 r1 bgpd 83 - -  %ADJCHANGE: neighbor 100.67.0.142(x)"
    b" in vrf Default Down Interface down"
)
_IOS_XR = (
    b"RP/0/RP0/CPU0:Sep 19 16:34:43.610 : bgp[1050]: %ROUTING-BGP-5-ADJCHANGE : neighbor"
    b" 172.31.21.0 Down - Peer closing down the session (VRF: default) (AS: 65021) "
)


def _decoder() -> SyslogDecoder:
    return SyslogDecoder(DeviceNames(["r1"], default="r1"), zone=ZoneInfo("UTC"))


def _small() -> SyslogDecoder:
    return SyslogDecoder(DeviceNames(["r1"], default="r1"), zone=ZoneInfo("UTC"), most_open=100)


def _lines(path: Path) -> Iterable[bytes]:
    return path.read_bytes().splitlines()


def _new_peer(number: int) -> bytes:
    peer = IPv4Address(0x0A000000 + number)
    return f"<29>Jun 21 14:03:12 r1 bgpd[1]: %ADJCHANGE: neighbor {peer} Down".encode()


CASE = DecoderCase(
    name="syslog",
    decoder=_decoder,
    samples=(_IOS, _JUNOS, _SONIC, _IOS_XR),
    shared=("syslog_iosxr_*/*.log", "syslog_napalm/eos/BGP_N*/*/syslog.msg"),
    messages=_lines,
    hoard=Hoard(decoder=_small, message=_new_peer),
)
