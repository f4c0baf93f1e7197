"""Paths as texts, and values as protojson and gnmic write them."""

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.gnmi_gnmic import parse_event, sender_of
from ingest.sources.gnmi_notification import Notification, Step, Synced, parse_path
from ingest.sources.gnmi_protobuf import parse_protobuf
from ingest.sources.gnmi_protojson import parse_protojson, typed_value
from tests.fakes.gnmi_target import _path, _value
from tests.gnmi_cases import notification, path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("/", ()),
        ("/interfaces", (Step("interfaces"),)),
        ("oc:/interfaces/interface", (Step("interfaces"), Step("interface"))),
        ("oc-if:interfaces", (Step("oc-if:interfaces"),)),
        ("a[name=Ethernet1/1]/b", (Step("a", {"name": "Ethernet1/1"}), Step("b"))),
        ("a[k=1][l=x=y]", (Step("a", {"k": "1", "l": "x=y"}),)),
        (r"a[k=\]]/b", (Step("a", {"k": "]"}), Step("b"))),
    ],
)
def test_paths_are_read(text: str, steps: tuple[Step, ...]) -> None:
    """As gNMI's path conventions and gnmic write them."""
    assert parse_path(text) == steps


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    """And nothing but a `ValueError` is raised."""
    with contextlib.suppress(ValueError):
        assert isinstance(parse_path(text), tuple)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({"stringVal": "UP"}, "UP"),
        ({"string_val": "UP"}, "UP"),
        ({"uintVal": "18446744073709551615"}, 2**64 - 1),
        ({"intVal": -3}, -3),
        ({"boolVal": False}, False),
        ({"doubleVal": 1.5}, 1.5),
        ({"decimalVal": {"digits": "-125", "precision": 2}}, -1.25),
        ({"leaflistVal": {"element": [{"uintVal": "1"}, {"stringVal": "a"}]}}, [1, "a"]),
        ({"jsonVal": base64.b64encode(b'{"a": 1}').decode()}, {"a": 1}),
        ({"jsonIetfVal": '{"a": 1}'}, {"a": 1}),
        ({"anyVal": {"@type": "x"}}, None),
    ],
)
def test_values_of_every_kind(said: dict[str, Any], value: object) -> None:
    """By either name of their field."""
    assert typed_value(said) == value


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"what": 1},
        {"stringVal": 1},
        {"uintVal": "1.5"},
        {"uintVal": "9" * 5_000},
        {"boolVal": "true"},
        {"doubleVal": "NaN"},
        {"decimalVal": {"digits": 1, "precision": 99}},
        {"decimalVal": 7},
        {"leaflistVal": []},
        {"jsonVal": "no json"},
    ],
)
def test_value_that_does_not_fit_is_refused(said: dict[str, Any]) -> None:
    """With a reason, and by nothing but a `ValueError`."""
    with pytest.raises(ValueError, match=r"."):
        typed_value(said)


@pytest.mark.parametrize("at", ["-1", "9223372036854775808", "1e18", "٣"])
def test_time_that_is_none_is_refused(at: str) -> None:
    """Before 1970, beyond 64 bits, or not a whole number."""
    said = json.dumps({"update": {"timestamp": at}}).encode()

    with pytest.raises(ValueError, match=r"."):
        list(parse_protojson(said))


def test_protobuf_and_protojson_say_the_same() -> None:
    """One response, written both ways."""
    from pygnmi.spec.v080 import gnmi_pb2  # noqa: PLC0415 - heavy, and for one test

    said = gnmi_pb2.Notification(timestamp=5, prefix=gnmi_pb2.Path(target="r1"), atomic=True)
    said.update.append(gnmi_pb2.Update(path=_path("/a/b[k=v]"), val=_value(7), duplicates=2))
    said.delete.append(_path("/c"))
    (proto,) = parse_protobuf(gnmi_pb2.SubscribeResponse(update=said).SerializeToString())
    where = path("a", ("b", {"k": "v"}))
    document = json.loads(notification((where, {"uintVal": "7"}), at_ns=5, delete=[path("c")]))
    document["update"]["update"][0]["duplicates"] = 2
    document["update"]["atomic"] = True
    (protojson,) = parse_protojson(json.dumps(document).encode())

    assert proto == protojson
    assert list(parse_protobuf(gnmi_pb2.SubscribeResponse(sync_response=True).SerializeToString()))


def test_events_get_their_keys_back() -> None:
    """Gnmic names a tag after the element and its key."""
    event = {
        "name": "bgp",
        "timestamp": 5,
        "tags": {
            "source": "r1",
            "network-instance_name": "default",
            "protocol_identifier": "BGP",
            "protocol_name": "65000",
        },
        "values": {"/network-instances/network-instance/protocols/protocol/x": 1},
    }
    (said,) = parse_event(json.dumps(event).encode())

    assert isinstance(said, Notification)
    assert [dict(step.key) for step in said.updates[0].path if step.key] == [
        {"name": "default"},
        {"identifier": "BGP", "name": "65000"},
    ]


@pytest.mark.parametrize(
    ("key", "sender"),
    [
        ("10.0.0.1:57400:::counters", ("10.0.0.1:57400", "counters")),
        ("r1_state", ("r1", "state")),
        ("r1", ("r1", "")),
        ("", ("", "")),
    ],
)
def test_keys_say_whose_a_record_is(key: str, sender: tuple[str, str]) -> None:
    """As gnmic writes them, now and formerly."""
    assert sender_of(key) == sender


def test_sync_response_is_told_by_either_name() -> None:
    """In camel case, or as in the .proto file."""
    for raw in (b'{"syncResponse":true}', b'[{"sync_response":true}]'):
        assert list(parse_protojson(raw)) == [Synced()]
