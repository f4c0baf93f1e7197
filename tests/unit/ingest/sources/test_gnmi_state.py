"""What gNMI notifications mean: snapshots, changes, deletes, order, and values of our own."""

import json
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import pytest

from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Adjacency, Interface, Session, Stream
from foreshadow.routing import FibEntry, Forward, Terminal
from foreshadow.topology import NodeId, Prefix
from ingest.device_names import DeviceNames
from ingest.heard import CounterReading, Heard, Phase, Refused, StatePatch
from ingest.sources.gnmi_decoder import GnmiDecoder
from ingest.sources.gnmi_state import GnmiLimits
from tests.gnmi_cases import (
    AT_NS,
    GNMIC_EVENT,
    GNMIC_JSON,
    SYNCED,
    counters,
    interface,
    notification,
    oper,
    path,
)

_S = 10**9
_INSTANCE = ("network-instance", {"name": "default"})
_BGP = ("protocol", {"identifier": "BGP", "name": "65000"})
_ISIS = ("protocol", {"identifier": "ISIS", "name": "core"})
_OSPF = ("protocol", {"identifier": "OSPF", "name": "1"})


class _Ear:
    """A decoder, and what it said."""

    def __init__(self, spelling: str = "gnmi", **options: Any) -> None:
        self.decoder = GnmiDecoder(spelling, DeviceNames(["r1"], default="r1"), **options)

    def hear(self, *messages: bytes, received_ns: int = AT_NS + 10**12) -> list[Heard]:
        return [
            each
            for raw in messages
            for each in self.decoder.decode(raw, origin="test", received_ns=received_ns)
        ]

    def patches(self, *messages: bytes, **options: int) -> list[StatePatch]:
        return [each for each in self.hear(*messages, **options) if isinstance(each, StatePatch)]

    def values(self, *messages: bytes) -> dict[str, Any]:
        """What a follower holds after these."""
        held: dict[str, Any] = {}
        for patch in self.patches(*messages):
            held = {key: value for key, value in held.items() if key not in patch.deletes}
            held |= patch.upserts
        return held


def _leaves(prefix: dict[str, Any], leaves: dict[str, Any], **more: Any) -> bytes:
    """Several leaves below one path, slashes in their names being further elements."""
    kinds = {str: "stringVal", int: "uintVal", bool: "boolVal"}
    return notification(
        *[(path(*name.split("/")), {kinds[type(value)]: value}) for name, value in leaves.items()],
        prefix=prefix | {"target": "r1"},
        **more,
    )


def _up(name: str, **more: Any) -> Interface:
    return Interface(name=name, is_admin_up=True, is_oper_up=True, **more)


def test_snapshot_ends_with_sync_response() -> None:
    """The first word begins it, more is part of it, and after its end there are changes."""
    ear = _Ear()
    patches = ear.patches(oper("a", "UP"), oper("b", "UP"), SYNCED, oper("c", "UP"))

    assert [patch.phase for patch in patches] == [
        Phase.BEGIN,
        Phase.PART,
        Phase.END,
        Phase.CHANGE,
    ]


def test_equal_values_are_no_news() -> None:
    """A heartbeat that resends what is known says nothing."""
    ear = _Ear()
    ear.hear(oper("a", "UP"), SYNCED)

    assert ear.hear(oper("a", "UP", AT_NS + 60 * _S)) == []


def test_heartbeat_says_that_all_still_holds() -> None:
    """Now and then, so that the owner of the state knows that the source is there."""
    ear = _Ear()
    ear.hear(oper("a", "UP"), SYNCED, received_ns=AT_NS)
    soon = ear.hear(oper("a", "UP"), received_ns=AT_NS + _S)
    later = ear.hear(oper("a", "UP"), oper("a", "UP"), received_ns=AT_NS + 31 * _S)

    assert soon == []
    assert later == [StatePatch(device=NodeId("r1"), stream=Stream.INTERFACE)]


def test_newest_of_a_leaf_wins() -> None:
    """Updates need not come in the order of their time."""
    ear = _Ear()
    values = ear.values(oper("a", "UP", AT_NS), oper("a", "DOWN", AT_NS - _S))

    assert values["a"].is_oper_up


def test_clock_that_was_set_back_is_believed() -> None:
    """From hours ago nothing is merely late: the device's clock was set."""
    ear = _Ear()
    values = ear.values(oper("a", "UP", AT_NS), oper("a", "DOWN", AT_NS - 3_600 * _S))

    assert not values["a"].is_oper_up


def test_time_from_the_future_does_not_outlast_the_present() -> None:
    """A clock that runs ahead counts as now; true updates after it are taken."""
    ear = _Ear()
    ahead = oper("a", "UP", AT_NS + 10**17)
    patches = ear.patches(ahead, received_ns=AT_NS)
    patches += ear.patches(oper("a", "DOWN", AT_NS + 61 * _S), received_ns=AT_NS + 61 * _S)

    assert patches[0].at_ns <= AT_NS + 60 * _S
    assert not patches[-1].upserts["a"].is_oper_up  # type: ignore[union-attr]


def test_delete_of_a_leaf_takes_its_value() -> None:
    """Without its state an interface is not told of."""
    ear = _Ear()
    gone = notification(at_ns=AT_NS + _S, delete=[interface("a", "state", "oper-status")])

    assert ear.values(oper("a", "UP"), oper("b", "UP"), gone) == {"b": _up("b")}


@pytest.mark.parametrize(
    "branch",
    [
        interface("a"),
        interface("a", "state"),
        path("openconfig-interfaces:interfaces", ("interface", {"name": "a"})),
    ],
)
def test_delete_of_a_branch_takes_all_below(branch: dict[str, Any]) -> None:
    """A device may delete a branch where it told leaves."""
    ear = _Ear()
    messages = (oper("a", "UP"), oper("b", "UP"), notification(at_ns=AT_NS + _S, delete=[branch]))

    assert ear.values(*messages) == {"b": _up("b")}


@pytest.mark.parametrize("everything", [path("interfaces"), path("interfaces", "interface")])
def test_delete_of_a_whole_list(everything: dict[str, Any]) -> None:
    """A list without keys is all of it."""
    ear = _Ear()
    messages = (oper("a", "UP"), oper("b", "UP"), notification(at_ns=AT_NS, delete=[everything]))

    assert ear.values(*messages) == {}


def test_empty_delete_takes_nothing() -> None:
    """Some devices put an empty element into every message; it does not mean everything."""
    ear = _Ear()

    assert ear.values(oper("a", "UP"), oper("b", "UP", delete=[{}])) == {
        "a": _up("a"),
        "b": _up("b"),
    }


def test_atomic_notification_replaces_its_prefix() -> None:
    """What it does not tell again below its prefix is gone."""
    ear = _Ear()
    addresses = path(
        "interfaces",
        ("interface", {"name": "a"}),
        "subinterfaces",
        ("subinterface", {"index": "0"}),
        "ipv4",
        "addresses",
    )

    def told(*ips: str, at_ns: int) -> bytes:
        return notification(
            *[
                (path(("address", {"ip": ip}), "state", "prefix-length"), {"uintVal": 31})
                for ip in ips
            ],
            prefix=addresses | {"target": "r1"},
            at_ns=at_ns,
            atomic=True,
        )

    first = told("10.0.0.0", "10.0.0.2", at_ns=AT_NS)
    values = ear.values(oper("a", "UP"), first, told("10.0.0.4", at_ns=AT_NS + _S))

    assert values == {"a": _up("a", addresses=(IPv4Interface("10.0.0.4/31"),))}


def test_duplicates_are_coalesced_transitions() -> None:
    """What the target passed over is counted with the patch."""
    ear = _Ear()
    said = json.loads(oper("a", "UP"))
    said["update"]["update"][0]["duplicates"] = 3
    (patch,) = ear.patches(json.dumps(said).encode())

    assert patch.coalesced == 3


def test_second_sync_response_forgets_what_was_not_told_again() -> None:
    """A collector that subscribed anew does not say so; what it does not tell again is gone."""
    ear = _Ear()
    ear.hear(oper("a", "UP"), oper("b", "UP"), oper("c", "UP"), SYNCED)
    patches = ear.patches(oper("a", "UP"), oper("b", "UP"), SYNCED)

    assert [patch.deletes for patch in patches] == [("c",)]


def test_sync_response_delivered_twice_forgets_nothing() -> None:
    """At least once means that a record may come again, alone."""
    ear = _Ear()
    ear.hear(oper("a", "UP"), oper("b", "UP"), oper("c", "UP"), SYNCED)

    assert ear.patches(SYNCED, oper("c", "UP"), SYNCED) == []


def test_streams_wait_for_every_subscription() -> None:
    """A stream that two subscriptions tell of is whole when both are."""
    ear = _Ear("gnmic-json")
    state, synced = (json.loads(raw) for raw in GNMIC_JSON)

    def of(document: dict[str, Any], subscription: str, **more: Any) -> bytes:
        return json.dumps(document | {"subscription-name": subscription} | more).encode()

    other = of(state, "other", prefix="interfaces/interface[name=other]")
    first = ear.patches(of(state, "state"), other, of(synced, "state"))
    second = ear.patches(of(synced, "other"))

    assert [patch.phase for patch in first] == [Phase.BEGIN, Phase.PART]
    assert [patch.phase for patch in second] == [Phase.END]


def test_restart_is_a_new_snapshot() -> None:
    """Who knows that a subscription begins anew says so; streams with nothing left end empty."""
    ear = _Ear()
    ear.hear(oper("a", "UP"), SYNCED)
    ear.decoder.state.restart(*ear.decoder.state.devices)

    assert [patch.phase for patch in ear.patches(SYNCED)] == [Phase.BEGIN, Phase.END]


def test_what_is_remembered_is_told_anew() -> None:
    """A successor begins every stream again, ends those that were whole, and knows every leaf."""
    ear, successor = _Ear(), _Ear()
    shut = notification((interface("a", "state", "admin-status"), {"stringVal": "DOWN"}))
    ear.hear(oper("a", "DOWN"), shut, oper("b", "UP"), SYNCED)
    recalled = list(successor.decoder.recall(ear.decoder.remember()))
    later = (oper("b", "DOWN", AT_NS + _S), oper("a", "UP", AT_NS + _S))

    assert [each.phase for each in recalled if isinstance(each, StatePatch)] == [
        Phase.BEGIN,
        Phase.END,
    ]
    assert successor.hear(*later) == ear.hear(*later)
    assert successor.decoder.remember() == ear.decoder.remember()


def test_memory_of_somebody_else_is_refused() -> None:
    """And nothing but a `ValueError` is raised."""
    for memory in (b"", b"\x93\x01\x02\x03", b"\xff" * 20):
        with pytest.raises(ValueError, match=r"."):
            list(_Ear().decoder.recall(memory))


def test_events_are_never_called_synchronised() -> None:
    """`format: event` drops sync_response, so nobody knows when all was told."""
    phases = [patch.phase for patch in _Ear("gnmic-event").patches(*GNMIC_EVENT, *GNMIC_EVENT)]

    assert phases
    assert Phase.END not in phases


def test_events_are_trusted_on_request() -> None:
    """Who opts in takes what was told by then for all of it."""
    ear = _Ear("gnmic-event", trusted_after_s=60.0)
    before = ear.patches(*GNMIC_EVENT, received_ns=AT_NS)
    after = ear.patches(*GNMIC_EVENT, received_ns=AT_NS + 61 * _S)

    assert [patch.phase for patch in before] == [Phase.BEGIN]
    assert after[0].phase is Phase.END


def test_what_failed_is_an_incident() -> None:
    """Only after the snapshot: before it nobody knows what was before."""
    ear = _Ear()
    admin = notification((interface("a", "state", "admin-status"), {"stringVal": "DOWN"}))
    heard = ear.hear(
        oper("a", "UP"),
        SYNCED,
        oper("a", "DOWN", AT_NS + _S),
        oper("a", "UP", AT_NS + 2 * _S),
        admin,
    )

    assert [each.what for each in heard if isinstance(each, Incident)] == [
        IncidentKind.LINK_DOWN,
        IncidentKind.LINK_UP,
        IncidentKind.ADMIN_DOWN,
    ]


def test_unknown_path_is_told_once() -> None:
    """And counted each time."""
    ear = _Ear()
    odd = notification((path("acl", "acl-sets"), {"stringVal": "x"}))
    heard = ear.hear(odd, odd, odd)

    assert [each.reason for each in heard if isinstance(each, Refused)] == [
        "/acl/acl-sets: nothing here uses this path"
    ]
    assert ear.decoder.state.tally.unknown == 3


def test_leaves_beyond_the_limit_keep_a_device_from_being_synchronised() -> None:
    """What is not held cannot be vouched for."""
    ear = _Ear(limits=GnmiLimits(leaves=2))
    heard = ear.hear(oper("a", "UP"), oper("b", "UP"), oper("c", "UP"), SYNCED)

    (refused,) = [each for each in heard if isinstance(each, Refused)]
    assert refused.reason.startswith("r1 has more")
    assert Phase.END not in [each.phase for each in heard if isinstance(each, StatePatch)]


def test_unknown_sender_is_refused_with_the_remedy() -> None:
    """Nobody's state is taken for a stranger's."""
    decoder = GnmiDecoder("gnmi", DeviceNames(["r1"]))
    said = json.loads(oper("a", "UP"))
    said["update"]["prefix"]["target"] = "r9"
    (refused,) = decoder.decode(json.dumps(said).encode(), origin="x", received_ns=AT_NS)

    assert isinstance(refused, Refused)
    assert "'r9'" in refused.reason
    assert "aliases" in refused.reason


def test_json_trees_are_read_to_their_leaves() -> None:
    """A whole list in one value, as JSON_IETF targets send it, numbers as text."""
    ear = _Ear()
    tree = {
        "openconfig-interfaces:interface": [
            {
                "name": "a",
                "state": {
                    "oper-status": "UP",
                    "admin-status": "UP",
                    "counters": {"in-octets": "18446744073709551", "out-octets": 5},
                },
            },
            {"name": "b", "state": {"oper-status": "DOWN", "admin-status": "DOWN"}},
        ]
    }
    heard = ear.hear(notification((path("interfaces"), {"jsonIetfVal": json.dumps(tree)})))
    (reading,) = [each for each in heard if isinstance(each, CounterReading)]
    (patch,) = [each for each in heard if isinstance(each, StatePatch)]

    assert reading.counters[0].in_octets == 18446744073709551
    assert patch.upserts == {
        "a": _up("a"),
        "b": Interface(name="b", is_admin_up=False, is_oper_up=False),
    }


def test_subinterfaces_are_interfaces_but_the_first() -> None:
    """Index 0 is the interface itself; others have their own names and addresses."""
    ear = _Ear()

    def below(index: str) -> dict[str, Any]:
        return path(
            "interfaces",
            ("interface", {"name": "et-0"}),
            "subinterfaces",
            ("subinterface", {"index": index}),
        )

    address = ("address", {"ip": "10.1.0.1"})
    messages = [
        notification(
            (path("state", "oper-status"), {"stringVal": "UP"}),
            (path("ipv4", "addresses", address, "state", "prefix-length"), {"uintVal": 24}),
            prefix=below(index) | {"target": "r1"},
        )
        for index in ("0", "100")
    ]

    assert ear.values(*messages) == {
        "et-0": _up("et-0", addresses=(IPv4Interface("10.1.0.1/24"),)),
        "et-0.100": _up("et-0.100", addresses=(IPv4Interface("10.1.0.1/24"),)),
    }


def test_session_needs_both_as_numbers() -> None:
    """The local one may be the speaker's own; without it a session would look internal."""
    ear = _Ear()
    bgp = path("network-instances", _INSTANCE, "protocols", _BGP, "bgp")
    peer = path(
        *_elements(bgp), "neighbors", ("neighbor", {"neighbor-address": "10.0.0.1"}), "state"
    )
    state = _leaves(peer, {"session-state": "ESTABLISHED", "peer-as": 65_001})
    own = _leaves(path(*_elements(bgp), "global", "state"), {"as": 65_000})

    assert ear.values(state) == {}
    assert ear.values(own) == {
        "10.0.0.1": Session(
            peer=IPv4Address("10.0.0.1"), remote_as=65_001, local_as=65_000, state="Established"
        )
    }


def test_other_instances_are_not_the_devices_own() -> None:
    """A session of a customer's VRF is none of the network's."""
    ear = _Ear()
    peer = path(
        "network-instances",
        ("network-instance", {"name": "customer"}),
        "protocols",
        _BGP,
        "bgp",
        "neighbors",
        ("neighbor", {"neighbor-address": "10.0.0.1"}),
        "state",
    )
    leaves = {"session-state": "ACTIVE", "peer-as": 65_001, "local-as": 65_000}

    assert ear.values(_leaves(peer, leaves)) == {}


def test_adjacencies_of_both_protocols() -> None:
    """With the cost of their interface, once it is known."""
    ear = _Ear()
    isis = path(
        *("network-instances", _INSTANCE, "protocols", _ISIS, "isis", "interfaces"),
        ("interface", {"interface-id": "et-0"}),
        *("levels", ("level", {"level-number": "2"})),
    )
    ospf = path(
        *("network-instances", _INSTANCE, "protocols", _OSPF, "ospfv2", "areas"),
        *(("area", {"identifier": "0"}), "interfaces", ("interface", {"id": "et-1"})),
    )
    neighbor = path(
        *_elements(isis), "adjacencies", ("adjacency", {"system-id": "1921.6800.1001"}), "state"
    )
    family = ("af", {"afi-name": "oc:IPV4", "safi-name": "oc:UNICAST"})
    values = ear.values(
        _leaves(neighbor, {"adjacency-state": "UP", "neighbor-ipv4-address": "10.0.0.3"}),
        _leaves(path(*_elements(isis), "afi-safi", family, "state"), {"metric": 10}),
        _leaves(
            path(*_elements(ospf), "neighbors", ("neighbor", {"router-id": "10.255.0.2"}), "state"),
            {"adjacency-state": "openconfig-ospf-types:FULL"},
        ),
        _leaves(path(*_elements(ospf), "state"), {"metric": 7}),
    )

    assert list(values.values()) == [
        Adjacency(
            router_id=IPv4Address("10.0.0.3"),
            interface="et-0",
            state="Up",
            cost=10,
            protocol="isis",
            level=2,
        ),
        Adjacency(router_id=IPv4Address("10.255.0.2"), interface="et-1", state="Full", cost=7),
    ]
    assert all(value.is_full for value in values.values())


def test_neighbor_on_both_levels_is_one_adjacency() -> None:
    """It is lost when both are."""
    ear = _Ear()

    def level(number: str, state: str, at_ns: int) -> list[bytes]:
        below = path(
            *("network-instances", _INSTANCE, "protocols", _ISIS, "isis", "interfaces"),
            ("interface", {"interface-id": "et-0"}),
            *("levels", ("level", {"level-number": number})),
        )
        adjacency = ("adjacency", {"system-id": "1921.6800.1001"})
        leaves = {"adjacency-state": state, "neighbor-ipv4-address": "10.0.0.3"}
        family = ("af", {"afi-name": "IPV4", "safi-name": "UNICAST"})
        return [
            _leaves(path(*_elements(below), "afi-safi", family, "state"), {"metric": 10}),
            _leaves(
                path(*_elements(below), "adjacencies", adjacency, "state"), leaves, at_ns=at_ns
            ),
        ]

    told = [
        ear.values(*level(number, state, at_ns))["et-0/isis/10.0.0.3"]
        for number, state, at_ns in (
            ("1", "UP", AT_NS),
            ("2", "UP", AT_NS),
            ("1", "DOWN", AT_NS + _S),
            ("2", "DOWN", AT_NS + _S),
        )
    ]

    assert [(value.level, value.is_full) for value in told] == [
        *((1, True), (3, True), (2, True), (3, False))
    ]


def test_subinterface_in_both_lists_is_one_interface() -> None:
    """Some devices have it under its parent and among the interfaces; it is gone with the last."""
    ear = _Ear()
    below = path(
        *("interfaces", ("interface", {"name": "et-0"}), "subinterfaces"),
        ("subinterface", {"index": "7"}),
    )
    under = _leaves(path(*_elements(below), "state"), {"oper-status": "UP"})
    listed = oper("et-0.7", "UP")
    gone = [notification(at_ns=AT_NS, delete=[each]) for each in (below, interface("et-0.7"))]

    assert len(ear.hear(under, listed)) == 1
    assert ear.hear(gone[0]) == []
    (patch,) = ear.patches(gone[1])
    assert patch.deletes == ("et-0.7",)


def _fib(prefix: str, group: str, **more: Any) -> bytes:
    entry = path(
        *("network-instances", _INSTANCE, "afts", "ipv4-unicast"),
        *(("ipv4-entry", {"prefix": prefix}), "state"),
    )
    return _leaves(entry, {"next-hop-group": group} | more)


def _group(name: str, *hops: str, **more: Any) -> bytes:
    afts = path("network-instances", _INSTANCE, "afts")
    group = path(*_elements(afts), "next-hop-groups", ("next-hop-group", {"id": name}), "next-hops")
    return notification(
        *[
            (path(("next-hop", {"index": hop}), "state", "weight"), {"uintVal": "1"})
            for hop in hops
        ],
        prefix=group | {"target": "r1"},
        **more,
    )


def _hop(index: str, address: str, interface_name: str, at_ns: int = AT_NS) -> bytes:
    afts = path("network-instances", _INSTANCE, "afts")
    hop = path(*_elements(afts), "next-hops", ("next-hop", {"index": index}))
    return _leaves(
        hop,
        {"state/ip-address": address, "interface-ref/state/interface": interface_name},
        at_ns=at_ns,
    )


def _forwards(*pairs: tuple[str, str]) -> tuple[Forward, ...]:
    return tuple(Forward(interface=name, gateway=IPv4Address(ip)) for name, ip in pairs)


def test_forwarding_entries_join_three_tables() -> None:
    """A prefix, its group and the hops come in any order; a hop that moves moves its routes."""
    ear = _Ear()
    first = ear.values(
        _fib("10.9.0.0/16", "1"),
        _fib("10.8.0.0/16", "1"),
        _group("1", "7", "8"),
        _hop("7", "10.0.0.1", "et-0"),
        _hop("8", "10.0.0.3", "et-1"),
    )
    second = ear.values(_hop("8", "10.0.0.5", "et-2", AT_NS + _S))

    def entry(prefix: str, *pairs: tuple[str, str]) -> FibEntry:
        return FibEntry(prefix=Prefix(prefix), forwards=_forwards(*pairs))

    before = (("et-0", "10.0.0.1"), ("et-1", "10.0.0.3"))
    after = (("et-0", "10.0.0.1"), ("et-2", "10.0.0.5"))
    assert first == {p: entry(p, *before) for p in ("10.9.0.0/16", "10.8.0.0/16")}
    assert second == {p: entry(p, *after) for p in ("10.9.0.0/16", "10.8.0.0/16")}


def test_forwarding_entry_without_its_hops_is_gone() -> None:
    """A route whose group was taken out forwards nothing."""
    ear = _Ear()
    ear.hear(_fib("10.9.0.0/16", "1"), _group("1", "7"), _hop("7", "10.0.0.1", "et-0"))
    groups = path("network-instances", _INSTANCE, "afts", "next-hop-groups")
    (patch,) = ear.patches(notification(at_ns=AT_NS + _S, delete=[groups]))

    assert patch.deletes == ("10.9.0.0/16",)


def test_connected_and_discarded_prefixes() -> None:
    """Where forwarding ends is said so."""
    ear = _Ear()
    values = ear.values(
        _fib("10.1.0.0/31", "1", **{"origin-protocol": "oc:DIRECTLY_CONNECTED"}),
        _fib("10.2.0.0/16", "2"),
        _group("2", "9"),
        _hop("9", "", "Null0"),
    )

    assert {key: value.terminal for key, value in values.items()} == {
        "10.1.0.0/31": Terminal.DELIVERED,
        "10.2.0.0/16": Terminal.DISCARDED,
    }


def test_forwarding_table_waits_for_its_own_signal() -> None:
    """A device that says when its table is whole is believed over `sync_response`."""
    ear = _Ear()
    synced = path("network-instances", _INSTANCE, "afts", "state-synced", "state")

    def said(*, is_whole: bool) -> bytes:
        return _leaves(synced, {"ipv4-unicast": is_whole}, at_ns=AT_NS + _S * is_whole)

    entry = _fib("10.1.0.0/31", "1", **{"origin-protocol": "LOCAL"})
    before = ear.patches(said(is_whole=False), entry, SYNCED)
    after = ear.patches(said(is_whole=True))

    assert [patch.phase for patch in before] == [Phase.BEGIN]
    assert [(patch.stream, patch.phase) for patch in after] == [(Stream.FIB, Phase.END)]


def _elements(said: dict[str, Any]) -> list[str | tuple[str, dict[str, str]]]:
    return [(each["name"], each["key"]) if "key" in each else each["name"] for each in said["elem"]]


def test_counters_of_one_notification_are_one_row() -> None:
    """Also the first: nothing waits for the next interval."""
    (reading,) = _Ear().hear(counters("a", in_octets=1, out_octets=2, in_errors=3))

    assert isinstance(reading, CounterReading)
    assert (reading.at_ns, len(reading.counters)) == (AT_NS, 1)
    assert (reading.counters[0].in_octets, reading.counters[0].in_errors) == (1, 3)
    assert reading.counters[0].out_discards is None


def test_counters_one_a_notification_are_gathered() -> None:
    """A row is told as soon as it has what the one before it had."""
    ear, heard = _Ear(), []
    for interval in range(3):
        at_ns = AT_NS + interval * 10 * _S
        heard.append(ear.hear(counters("a", at_ns, in_octets=interval)))
        heard.append(ear.hear(counters("a", at_ns + 1_000, out_octets=interval)))
    readings = [[each for each in one if isinstance(each, CounterReading)] for one in heard]

    assert [len(one) for one in readings] == [0, 1, 0, 1, 0, 1]
    last = readings[-1][0].counters[0]
    assert (last.in_octets, last.out_octets) == (2, 2)


def test_counters_that_come_late_are_left_out() -> None:
    """A reading older than one that was told would look like a reset."""
    ear = _Ear()
    ear.hear(counters("a", AT_NS, in_octets=9, out_octets=9))

    assert ear.hear(counters("a", AT_NS - 5 * _S, in_octets=1, out_octets=1)) == []


@pytest.mark.parametrize("value", [-1, 2**64 - 1, 2**64, 1.5, "many", None, [], "٣"])
def test_what_is_no_count_is_left_out(value: object) -> None:
    """The counters beside it count."""
    where = interface("a", "state", "counters")
    tree = {"in-octets": value, "out-octets": 1, "in-errors": 2}
    heard = _Ear().hear(notification((where, {"jsonVal": json.dumps(tree)})))
    (reading,) = [each for each in heard if isinstance(each, CounterReading)]

    assert reading.counters[0].in_octets is None
    assert (reading.counters[0].out_octets, reading.counters[0].in_errors) == (1, 2)


@pytest.mark.parametrize("name", ["", "x" * 161, "a\x00b", "a\nb", "\u202eb"])
@pytest.mark.parametrize("is_tree", [False, True])
def test_what_is_no_name_is_no_key(name: str, *, is_tree: bool) -> None:
    """Nothing that would not fit on a line names an interface."""
    tree = {"interface": [{"name": name, "state": {"oper-status": "UP"}}]}
    said = (path("interfaces"), {"jsonVal": json.dumps(tree)})
    raw = notification(said) if is_tree else oper(name, "UP")

    assert _Ear().patches(raw) == []


@pytest.mark.parametrize(
    ("said", "capacity_bps"),
    [("SPEED_100GB", 1e11), ("oc-eth:SPEED_2500MB", 2.5e9), ("SPEED_UNKNOWN", None)],
)
def test_port_speed_is_the_capacity(said: str, capacity_bps: float | None) -> None:
    """In OpenConfig's words."""
    ear = _Ear()
    speed = notification((interface("a", "ethernet", "state", "port-speed"), {"stringVal": said}))
    (reading,) = ear.hear(speed, counters("a", in_octets=1, out_octets=1))

    assert isinstance(reading, CounterReading)
    assert reading.counters[0].capacity_bps == capacity_bps
