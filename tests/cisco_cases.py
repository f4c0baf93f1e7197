"""The Cisco decoders for the conformance suite, and short messages of each."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ingest.device_names import DeviceNames
from ingest.sources.gnmi_decoder import GnmiDecoder
from tests.decoder_case import DecoderCase, Hoard
from tests.gnmi_cases import SMALL, made

_MOST_LINES = 40
_COUNTERS = (
    "Cisco-IOS-XR-infra-statsd-oper:infra-statistics/interfaces/interface/latest/generic-counters"
)
_BRIEF = "Cisco-IOS-XR-pfi-im-cmd-oper:interfaces/interface-briefs/interface-brief"
_NEIGHBOR = (
    "Cisco-IOS-XR-ipv4-bgp-oper:bgp/instances/instance/instance-active/default-vrf"
    "/neighbors/neighbor"
)


def field(name: str, value: Any) -> dict[str, Any]:
    """A field as GPB-KV has it in JSON."""
    match value:
        case dict():
            return {"name": name, "fields": [field(*each) for each in value.items()]}
        case int():
            return {"name": name, "uint64Value": str(value)}
        case _:
            return {"name": name, "stringValue": value}


def row(keys: dict[str, Any], content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One row of a message."""
    return {"fields": [field("keys", keys), field("content", content)]} | more


def mdt(path: str, *rows: dict[str, Any], node: str = "r1", **more: Any) -> bytes:
    """One message of a router."""
    said = {
        "nodeIdStr": node,
        "subscriptionIdStr": "7",
        "encodingPath": path,
        "msgTimestamp": "1773248400000",
        "dataGpbkv": list(rows),
    }
    return json.dumps(said | more).encode()


def brief(name: str, state: str, **more: Any) -> bytes:
    """The state of an interface of IOS XR."""
    return mdt(_BRIEF, row({"interface-name": name}, {"state": state}), **more)


def counters(name: str, octets: int, **more: Any) -> bytes:
    """The counters of an interface of IOS XR."""
    content = {"bytes-received": octets, "bytes-sent": octets, "input-drops": 0}
    return mdt(_COUNTERS, row({"interface-name": name}, content), **more)


def end(path: str = _BRIEF) -> bytes:
    """The end of a collection."""
    return mdt(path, collectionEndTime="1773248400100")


def neighbor(address: str, state: str) -> bytes:
    """A BGP neighbor of IOS XR."""
    keys = {"instance-name": "default", "neighbor-address": address}
    content = {"connection-state": state, "remote-as": 65_001, "local-as": 65_002}
    return mdt(_NEIGHBOR, row(keys, content))


MDT = (
    brief("HundredGigE0/0/0/1", "im-state-up"),
    counters("HundredGigE0/0/0/1", 10**12),
    neighbor("10.0.0.2", "bgp-st-estab"),
    mdt(_BRIEF, row({"interface-name": "HundredGigE0/0/0/1"}, {}, delete=True)),
    end(),
)

CSV = (
    b",EncodingPath,Producer,interface-name,state\n",
    f"2026-03-11 17:00:00.5+00:00,{_BRIEF},r1,HundredGigE0/0/0/1,im-state-up\n".encode(),
    f"2026-03-11 17:00:10.5+00:00,{_BRIEF},r1,HundredGigE0/0/0/1,im-state-admin-down\n".encode(),
)


def _lines(path: Path) -> Iterable[bytes]:
    with gzip.open(path) as file:
        return [line for line, _ in zip(file, range(_MOST_LINES), strict=False)]


def _csv_hoard(number: int) -> bytes:
    if number == 0:
        return CSV[0]
    at = f"2026-03-11 17:00:00.5+00:00,{_BRIEF}"
    return f"{at},r1,HundredGigE0/0/0/{number},im-state-up\n".encode()


CISCO_CASES = (
    DecoderCase(
        name="cisco-csv",
        decoder=made("cisco-csv"),
        samples=CSV,
        shared=(
            "cisco_mdt_leaf7_20190519/Cisco-IOS-XR-*.csv.gz",
            "cisco_fabric_bgpclear_first/*.csv.gz",
        ),
        messages=_lines,
        hoard=Hoard(
            decoder=lambda: GnmiDecoder("cisco-csv", DeviceNames(["r1"]), limits=SMALL),
            message=_csv_hoard,
        ),
    ),
    DecoderCase(
        name="mdt",
        decoder=made("mdt"),
        samples=MDT,
        is_json=True,
        shared=("cisco_mdt_packets/*/packet.json",),
        hoard=Hoard(
            decoder=made("mdt", SMALL),
            message=lambda number: (
                counters(f"Hu{number}", number)
                if number % 2
                else brief(f"Hu{number}", "im-state-up", subscriptionIdStr=str(number))
            ),
        ),
    ),
)
