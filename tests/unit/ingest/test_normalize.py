"""What samples mean, and which mean nothing."""

import math
from typing import Literal

import msgspec
import pytest

from foreshadow.observed import RunningConfig, Session, Stream, decode
from foreshadow.telemetry import FlowRecord, TelemetrySample
from foreshadow.topology import NodeId
from ingest import frr_reading
from ingest.differential import Reading
from ingest.normalize import Refused, normalize

SUMMARY = """{"as":65001,"peers":{
  "10.253.0.1":{"remoteAs":65010,"localAs":65001,"state":"Established"},
  "10.253.0.3":{"remoteAs":65010,"localAs":65001,"state":"Active"},
  "10.255.0.2":{"remoteAs":65001,"localAs":65001,"state":"Established"}}}"""
RECEIVED = """{"receivedRoutes":{"203.0.113.0/27":
  {"nextHop":"10.253.0.1","metric":0,"path":"65010","bgpOriginCode":"i"}}}"""
ACCEPTED = """{"routes":{"203.0.113.0/27":[
  {"valid":true,"metric":0,"locPrf":150,"path":"65010","origin":"IGP",
   "nexthops":[{"ip":"10.253.0.1","used":true}]}]}}"""
FROM_PEER = "show bgp ipv4 unicast neighbors 10.253.0.1 received-routes json"


def _sample(
    stream: Stream,
    body: bytes,
    *,
    encoding: Literal["frr", "flow"] = "frr",
    device: str = "R1",
    event_at_ns: int = 0,
) -> TelemetrySample:
    return TelemetrySample(
        device=NodeId(device),
        stream=stream,
        source="test",
        epoch=1,
        seq=1,
        observed_at_ns=5,
        event_at_ns=event_at_ns,
        encoding=encoding,
        body=body,
    )


def _shown(stream: Stream, **shown: str) -> TelemetrySample:
    commands = {frr_reading.BGP_SUMMARY: shown.get("summary", SUMMARY)}
    if "received" in shown:
        commands[FROM_PEER] = shown["received"]
    return _sample(stream, frr_reading.body(commands))


def _demand(*flows: tuple[str, float], event_at_ns: int = 300) -> TelemetrySample:
    body = msgspec.msgpack.encode([FlowRecord(prefix=p, rate_bps=r) for p, r in flows])
    return _sample(Stream.DEMAND, body, encoding="flow", event_at_ns=event_at_ns)


def _reading(sample: TelemetrySample) -> Reading:
    reading = normalize(sample)
    assert isinstance(reading, Reading), reading
    return reading


def test_sessions_are_keyed_by_peer() -> None:
    """The router's words become values under the keys the vocabulary names."""
    values = _reading(_shown(Stream.SESSION)).values

    assert list(values) == ["10.253.0.1", "10.253.0.3", "10.255.0.2"]
    session = decode(Stream.SESSION, values["10.253.0.1"])
    assert isinstance(session, Session)
    assert session.is_external


def test_every_heard_external_peer_is_asked_what_it_sent() -> None:
    """A session that is down has sent nothing; our own routers are not asked."""
    shown = {frr_reading.BGP_SUMMARY: SUMMARY}

    assert frr_reading.further_commands(Stream.RECEIVED, shown) == (FROM_PEER,)
    assert frr_reading.further_commands(Stream.SESSION, shown) == ()


def test_received_paths_are_keyed_by_peer_and_prefix() -> None:
    """Two peers may send the same prefix."""
    values = _reading(_shown(Stream.RECEIVED, received=RECEIVED)).values

    assert list(values) == ["10.253.0.1/203.0.113.0/27"]
    assert _reading(_shown(Stream.RECEIVED)).values == {}


def test_peer_whose_routes_are_not_kept_is_heard_through_what_was_accepted() -> None:
    """Without `soft-reconfiguration inbound` the accepted routes come nearest."""
    shown = {
        frr_reading.BGP_SUMMARY: SUMMARY,
        FROM_PEER: '{ "warning": "Inbound soft reconfiguration not enabled" }',
    }
    (further,) = frr_reading.further_commands(Stream.RECEIVED, shown)
    shown[further] = ACCEPTED
    values = _reading(_sample(Stream.RECEIVED, frr_reading.body(shown))).values

    assert further == "show bgp ipv4 unicast neighbors 10.253.0.1 routes json"
    assert frr_reading.further_commands(Stream.RECEIVED, shown) == ()
    kept = _reading(_shown(Stream.RECEIVED, received=RECEIVED)).values
    assert values == kept


def test_configuration_is_one_value() -> None:
    """With the fingerprint of what it says."""
    body = frr_reading.body({"show running-config": "hostname R1\n"})
    value = decode(Stream.CONFIG, _reading(_sample(Stream.CONFIG, body)).values["running"])

    assert isinstance(value, RunningConfig)
    assert value.text == "hostname R1\n"
    assert len(value.sha256) == 64


def test_flows_are_rates_per_prefix() -> None:
    """The interval's start travels with them."""
    reading = _reading(_demand(("10.1.0.0/16", 5.0), ("10.2.0.0/16", 0.0)))

    assert reading.values == {
        "10.1.0.0/16": b'{"rate_bps":5.0}',
        "10.2.0.0/16": b'{"rate_bps":0.0}',
    }
    assert (reading.event_at_ns, reading.observed_at_ns) == (300, 5)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (_sample(Stream.SESSION, b"{}", device=""), "no device"),
        (_sample(Stream.SESSION, b"{}"), "'show bgp ipv4 unicast summary json' is missing"),
        (_sample(Stream.SESSION, b"not json"), "frr session"),
        (_sample(Stream.SESSION, b'{"a":1}'), "frr session"),
        (_shown(Stream.SESSION, summary='{"peers":{"x":{}}}'), "frr session"),
        (_shown(Stream.SESSION, summary="% Unknown command"), "frr session"),
        (_shown(Stream.RECEIVED, received="% Inbound soft reconfiguration"), "frr received"),
        (_sample(Stream.CONFIG, frr_reading.body({"show running-config": ""})), "hostname"),
        (
            _sample(Stream.CONFIG, frr_reading.body({"show running-config": " hostname R1\n"})),
            "indented below no section",
        ),
        (_sample(Stream.DEMAND, b"{}"), "flow records"),
        (_sample(Stream.DEMAND, b"\xc1", encoding="flow", event_at_ns=1), "flow demand"),
        (_sample(Stream.FIB, b"\x90", encoding="flow", event_at_ns=1), "nothing else"),
        (_demand(("10.1.0.0/16", 1.0), event_at_ns=0), "no start"),
        (_demand(("10.1.0.0/16", 1.0), event_at_ns=10**18), "after it was observed"),
        (_demand(("10.1.0.1/16", 1.0)), "host bits"),
        (_demand(("10.1.0.0/16", 1.0), ("10.1.0.0/16", 2.0)), "twice"),
        (_demand(("10.1.0.0/16", -1.0)), "negative"),
        (_demand(("10.1.0.0/16", math.nan)), "negative or not finite"),
    ],
)
def test_what_is_no_reading_is_refused_with_the_reason(
    sample: TelemetrySample, reason: str
) -> None:
    """A bad record is a value, never an exception."""
    refused = normalize(sample)

    assert isinstance(refused, Refused)
    assert reason in refused.reason
