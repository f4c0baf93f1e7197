"""The gNMI decoders for the conformance suite, and short messages of each spelling."""

import json
from collections.abc import Callable
from typing import Any

from google.protobuf.json_format import ParseDict
from pygnmi.spec.v080 import gnmi_pb2

from ingest.device_names import DeviceNames
from ingest.sources.gnmi_decoder import GnmiDecoder
from ingest.sources.gnmi_state import GnmiLimits
from tests.decoder_case import DecoderCase, Hoard

AT_NS = 1_773_248_400_000_000_000
"""2026-03-11 17:00 UTC."""
SMALL = GnmiLimits(leaves=40, devices=3, complaints=10)


def path(*elements: str | tuple[str, dict[str, str]], target: str = "") -> dict[str, Any]:
    """A path as protojson writes it."""
    elem = [
        {"name": each} if isinstance(each, str) else {"name": each[0], "key": each[1]}
        for each in elements
    ]
    return {"elem": elem} | ({"target": target} if target else {})


def notification(
    *updates: tuple[dict[str, Any], dict[str, Any]],
    prefix: dict[str, Any] | None = None,
    at_ns: int = AT_NS,
    **more: Any,
) -> bytes:
    """One `SubscribeResponse` with an update."""
    said = {
        "timestamp": str(at_ns),
        "prefix": prefix or path(target="r1"),
        "update": [{"path": where, "val": value} for where, value in updates],
    }
    return json.dumps({"update": said | more}).encode()


def interface(name: str, *below: str) -> dict[str, Any]:
    """The path of something of an interface."""
    return path("interfaces", ("interface", {"name": name}), *below)


def oper(name: str, status: str, at_ns: int = AT_NS, **more: Any) -> bytes:
    """An interface's operational state."""
    where = interface(name, "state", "oper-status")
    return notification((where, {"stringVal": status}), at_ns=at_ns, **more)


def counters(name: str, at_ns: int = AT_NS, **counts: int) -> bytes:
    """An interface's counters, under one prefix."""
    return notification(
        *[
            (path(column.replace("_", "-")), {"uintVal": str(count)})
            for column, count in counts.items()
        ],
        prefix=interface(name, "state", "counters") | {"target": "r1"},
        at_ns=at_ns,
    )


SYNCED = b'{"syncResponse":true}'

_STATE = {"name": "eth1", "state": {"oper-status": "UP", "admin-status": "UP"}}
PROTOJSON = (
    oper("eth0", "UP"),
    counters("eth0", in_octets=1_000, out_octets=2**40, in_errors=0),
    notification((path("interfaces"), {"json_ietf_val": json.dumps({"interface": [_STATE]})})),
    oper("eth0", "DOWN", AT_NS + 10**9, delete=[interface("eth1")]),
    SYNCED,
)

GNMIC_JSON = (
    json.dumps(
        {
            "source": "r1:57400",
            "subscription-name": "state",
            "timestamp": AT_NS,
            "prefix": "openconfig:/interfaces/interface[name=et-0/0/1]",
            "updates": [
                {"Path": "state/oper-status", "values": {"state/oper-status": "UP"}},
                {"Path": "state/counters", "values": {"x": {"in-octets": "5", "out-octets": 6}}},
            ],
            "deletes": ["state/admin-status"],
        }
    ).encode(),
    b'{"sync-response":true,"source":"r1:57400","subscription-name":"state"}',
)

GNMIC_EVENT = (
    json.dumps(
        [
            {
                "name": "state",
                "timestamp": AT_NS,
                "tags": {"source": "r1:57400", "interface_name": "eth0"},
                "values": {"/interfaces/interface/state/oper-status": "UP"},
            },
            {
                "name": "counters",
                "timestamp": AT_NS,
                "tags": {"source": "r1:57400", "interface_name": "eth0"},
                "values": {
                    "/interfaces/interface/state/counters/in-octets": 5,
                    "/interfaces/interface/state/counters/out-octets": 7,
                },
            },
            {
                "name": "state",
                "timestamp": AT_NS,
                "tags": {"source": "r1:57400", "interface_name": "eth1"},
                "deletes": ["/interfaces/interface"],
            },
        ]
    ).encode(),
)


def made(spelling: str, limits: GnmiLimits | None = None) -> Callable[[], GnmiDecoder]:
    """Makes decoders for a network of r1."""
    return lambda: GnmiDecoder(
        spelling, DeviceNames(["r1"], default="r1"), limits=limits, trusted_after_s=60.0
    )


def _gnmic_hoard(number: int) -> bytes:
    said = json.loads(GNMIC_JSON[0])
    return json.dumps(said | {"prefix": f"interfaces/interface[name=eth{number}]"}).encode()


def _event_hoard(number: int) -> bytes:
    (said, *_) = json.loads(GNMIC_EVENT[0])
    said["tags"]["interface_name"] = f"eth{number}"
    return json.dumps(said | {"name": f"subscription {number}"}).encode()


def _protobuf(raw: bytes) -> bytes:
    """The same response as protobuf."""
    return bytes(ParseDict(json.loads(raw), gnmi_pb2.SubscribeResponse()).SerializeToString())


PROTOBUF = tuple(map(_protobuf, (PROTOJSON[0], PROTOJSON[1], PROTOJSON[3], SYNCED)))

GNMI_CASES = (
    DecoderCase(
        name="gnmi",
        decoder=made("gnmi"),
        samples=PROTOJSON,
        is_json=True,
        shared=("gnmi/*/responses.json",),
        hoard=Hoard(
            decoder=made("gnmi", SMALL),
            message=lambda number: (
                counters(f"eth{number}", AT_NS + number, in_octets=number, out_octets=number)
                if number % 3
                else oper(f"eth{number}", "UP", prefix=path(f"odd{number}"))
            ),
        ),
    ),
    DecoderCase(
        name="gnmi-proto",
        decoder=made("gnmi-proto"),
        samples=PROTOBUF,
        hoard=Hoard(
            decoder=made("gnmi-proto", SMALL),
            message=lambda number: _protobuf(oper(f"eth{number}", "UP")),
        ),
    ),
    DecoderCase(
        name="gnmic-event",
        decoder=made("gnmic-event"),
        samples=GNMIC_EVENT,
        is_json=True,
        hoard=Hoard(decoder=made("gnmic-event", SMALL), message=_event_hoard),
    ),
    DecoderCase(
        name="gnmic-json",
        decoder=made("gnmic-json"),
        samples=GNMIC_JSON,
        is_json=True,
        hoard=Hoard(decoder=made("gnmic-json", SMALL), message=_gnmic_hoard),
    ),
)
