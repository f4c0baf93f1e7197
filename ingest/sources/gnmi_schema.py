"""Which paths mean something to us: OpenConfig's, and native ones of vendors.

A tree of names. Walking down it is all that happens to an update on the hot path, so that a path
with its prefix already walked costs one look-up an element.

Source: openconfig/public (interfaces, network-instance, bgp, isis, ospfv2, aft); Nokia SR Linux
`srl_nokia-interfaces`; Cisco `Cisco-IOS-XE-interfaces-oper`, `Cisco-IOS-XR-infra-statsd-oper`,
`Cisco-IOS-XR-pfi-im-cmd-oper`, `Cisco-IOS-XR-ipv4-bgp-oper`; Huawei `huawei-ifm`.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from ingest.sources.gnmi_notification import LONGEST_NAME, LONGEST_TEXT, Path


class Kind(IntEnum):
    """What a leaf belongs to."""

    COUNTERS = 0
    INTERFACE = 1
    SESSION = 2
    GLOBAL_BGP = 3
    ISIS_ADJACENCY = 4
    ISIS_INTERFACE = 5
    OSPF_ADJACENCY = 6
    OSPF_INTERFACE = 7
    PREFIX = 8
    NEXT_HOP_GROUP = 9
    NEXT_HOP = 10
    AFT = 11


class Leaf(NamedTuple):
    """What a known path tells.

    Attributes:
        kind: What it belongs to.
        field: What it says of it.
        width: How many keys of its path name the thing it belongs to; further ones are of a list
            inside of it.
    """

    kind: Kind
    field: str
    width: int


Keys = tuple[str, ...]
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1


class Node:
    """One name in the tree of known paths."""

    __slots__ = ("children", "is_ignored", "keys", "leaf", "leaves")

    def __init__(self) -> None:
        """Begin with nothing below."""
        self.children: dict[str, Node] = {}
        self.keys: tuple[str, ...] = ()
        self.leaf: Leaf | None = None
        self.is_ignored = False
        self.leaves: list[Leaf] = []
        """Of this node and all below it."""

    def child(self, name: str) -> "Node | None":
        """The node of that name, whatever module it is said to be of (RFC 7951 section 4)."""
        found = self.children.get(name)
        return found if found is not None else self.children.get(name.partition(":")[2])


_INTERFACE = "interfaces/interface[name]"
_INSTANCE = "network-instances/network-instance[name]"
_PROTOCOL = f"{_INSTANCE}/protocols/protocol[identifier][name]"
_BGP = f"{_PROTOCOL}/bgp"
_NEIGHBOR = f"{_BGP}/neighbors/neighbor[neighbor-address]"
_ISIS = f"{_PROTOCOL}/isis/interfaces/interface[interface-id]"
_ISIS_LEVEL = f"{_ISIS}/levels/level[level-number]"
_ISIS_ADJACENCY = f"{_ISIS_LEVEL}/adjacencies/adjacency[system-id]"
_OSPF = f"{_PROTOCOL}/ospfv2/areas/area[identifier]/interfaces/interface[id]"
_OSPF_NEIGHBOR = f"{_OSPF}/neighbors/neighbor[router-id]"
_AFT = f"{_INSTANCE}/afts"
_PREFIX = f"{_AFT}/ipv4-unicast/ipv4-entry[prefix]"
_GROUP = f"{_AFT}/next-hop-groups/next-hop-group[id]"
_NEXT_HOP = f"{_AFT}/next-hops/next-hop[index]"
_ADDRESS = f"{_INTERFACE}/subinterfaces/subinterface[index]/ipv4/addresses/address[ip]"
_SRL = "interface[name]"
_SRL_ADDRESS = f"{_SRL}/subinterface[index]/ipv4/address[ip-prefix]"
_HUAWEI = "ifm/interfaces/interface[name]"
_XR_STATISTICS = "infra-statistics/interfaces/interface[interface-name]/latest"
_XR_BRIEF = "interfaces/interface-briefs/interface-brief[interface-name]"
_XR_INTERFACE = "interfaces/interface-xr/interface[interface-name]"
_XR_NEIGHBOR = (
    "bgp/instances/instance[instance-name]/instance-active/default-vrf"
    "/neighbors/neighbor[neighbor-address]"
)

_KNOWN: Mapping[str, tuple[Kind, str, int]] = {
    f"{_INTERFACE}/state/oper-status": (Kind.INTERFACE, "oper", 1),
    f"{_INTERFACE}/state/admin-status": (Kind.INTERFACE, "admin", 1),
    f"{_INTERFACE}/subinterfaces/subinterface[index]/state/oper-status": (
        Kind.INTERFACE,
        "sub-oper",
        1,
    ),
    f"{_INTERFACE}/subinterfaces/subinterface[index]/state/admin-status": (
        Kind.INTERFACE,
        "sub-admin",
        1,
    ),
    f"{_ADDRESS}/state/prefix-length": (Kind.INTERFACE, "address", 1),
    f"{_INTERFACE}/ethernet/state/port-speed": (Kind.COUNTERS, "speed", 1),
    # IOS XE's native model has the name of OpenConfig's list, and leaves of its own.
    f"{_INTERFACE}/oper-status": (Kind.INTERFACE, "oper", 1),
    f"{_INTERFACE}/admin-status": (Kind.INTERFACE, "admin", 1),
    f"{_INTERFACE}/speed": (Kind.COUNTERS, "speed", 1),
    f"{_SRL}/oper-state": (Kind.INTERFACE, "oper", 1),
    f"{_SRL}/admin-state": (Kind.INTERFACE, "admin", 1),
    f"{_SRL}/subinterface[index]/oper-state": (Kind.INTERFACE, "sub-oper", 1),
    f"{_SRL}/subinterface[index]/admin-state": (Kind.INTERFACE, "sub-admin", 1),
    f"{_SRL_ADDRESS}/origin": (Kind.INTERFACE, "address", 1),
    f"{_SRL}/ethernet/port-speed": (Kind.COUNTERS, "speed", 1),
    f"{_HUAWEI}/dynamic/oper-status": (Kind.INTERFACE, "oper", 1),
    f"{_HUAWEI}/dynamic/admin-status": (Kind.INTERFACE, "admin", 1),
    # IOS XR says in one word whether an interface is up, down, or shut.
    f"{_XR_BRIEF}/state": (Kind.INTERFACE, "im-state", 1),
    f"{_XR_INTERFACE}/state": (Kind.INTERFACE, "im-state", 1),
    f"{_XR_STATISTICS}/data-rate/bandwidth": (Kind.COUNTERS, "speed-kbps", 1),
    f"{_XR_NEIGHBOR}/connection-state": (Kind.SESSION, "state", 2),
    f"{_XR_NEIGHBOR}/remote-as": (Kind.SESSION, "peer-as", 2),
    f"{_XR_NEIGHBOR}/local-as": (Kind.SESSION, "local-as", 2),
    # NX-OS, from its data management engine.
    "ethpmPhysIf[id]/operSt": (Kind.INTERFACE, "oper", 1),
    "l1PhysIf[id]/adminSt": (Kind.INTERFACE, "admin", 1),
    f"{_NEIGHBOR}/state/session-state": (Kind.SESSION, "state", 4),
    f"{_NEIGHBOR}/state/peer-as": (Kind.SESSION, "peer-as", 4),
    f"{_NEIGHBOR}/state/local-as": (Kind.SESSION, "local-as", 4),
    f"{_BGP}/global/state/as": (Kind.GLOBAL_BGP, "as", 3),
    f"{_ISIS_ADJACENCY}/state/adjacency-state": (Kind.ISIS_ADJACENCY, "state", 6),
    f"{_ISIS_ADJACENCY}/state/neighbor-ipv4-address": (Kind.ISIS_ADJACENCY, "address", 6),
    f"{_ISIS_LEVEL}/afi-safi/af[afi-name][safi-name]/state/metric": (
        Kind.ISIS_INTERFACE,
        "metric",
        5,
    ),
    f"{_OSPF_NEIGHBOR}/state/adjacency-state": (Kind.OSPF_ADJACENCY, "state", 6),
    f"{_OSPF}/state/metric": (Kind.OSPF_INTERFACE, "metric", 5),
    f"{_PREFIX}/state/next-hop-group": (Kind.PREFIX, "group", 2),
    f"{_PREFIX}/state/origin-protocol": (Kind.PREFIX, "protocol", 2),
    f"{_GROUP}/next-hops/next-hop[index]/state/index": (Kind.NEXT_HOP_GROUP, "hop", 2),
    f"{_GROUP}/next-hops/next-hop[index]/state/weight": (Kind.NEXT_HOP_GROUP, "hop", 2),
    f"{_NEXT_HOP}/state/ip-address": (Kind.NEXT_HOP, "address", 2),
    f"{_NEXT_HOP}/interface-ref/state/interface": (Kind.NEXT_HOP, "interface", 2),
    f"{_NEXT_HOP}/interface-ref/state/subinterface": (Kind.NEXT_HOP, "subinterface", 2),
    f"{_AFT}/state-synced/state/ipv4-unicast": (Kind.AFT, "synced", 1),
    f"{_AFT}/global/state-synced/state/ipv4-unicast": (Kind.AFT, "synced", 1),
}

_COUNTED: Mapping[str, Mapping[str, str]] = {
    f"{_INTERFACE}/state/counters": {
        "in-octets": "in_octets",
        "out-octets": "out_octets",
        "in-errors": "in_errors",
        "out-errors": "out_errors",
        "in-discards": "in_discards",
        "out-discards": "out_discards",
        "carrier-transitions": "carrier_transitions",
    },
    f"{_INTERFACE}/statistics": {
        "in-octets": "in_octets",
        "out-octets": "out_octets",
        "out-octets-64": "out_octets",
        "in-errors": "in_errors",
        "in-errors-64": "in_errors",
        "out-errors": "out_errors",
        "in-discards": "in_discards",
        "in-discards-64": "in_discards",
        "out-discards": "out_discards",
        "num-flaps": "carrier_transitions",
    },
    f"{_XR_STATISTICS}/generic-counters": {
        "bytes-received": "in_octets",
        "bytes-sent": "out_octets",
        "input-errors": "in_errors",
        "output-errors": "out_errors",
        "input-drops": "in_discards",
        "output-drops": "out_discards",
        "carrier-transitions": "carrier_transitions",
    },
    f"{_SRL}/statistics": {
        "in-octets": "in_octets",
        "out-octets": "out_octets",
        "in-error-packets": "in_errors",
        "out-error-packets": "out_errors",
        "in-discarded-packets": "in_discards",
        "out-discarded-packets": "out_discards",
        "carrier-transitions": "carrier_transitions",
    },
}

_IGNORED = (
    f"{_INTERFACE}/config",
    f"{_INTERFACE}/state",
    f"{_INTERFACE}/statistics",
    f"{_INTERFACE}/hold-time",
    f"{_INTERFACE}/aggregation",
    f"{_INTERFACE}/ethernet",
    f"{_INTERFACE}/descr",
    f"{_INTERFACE}/subinterfaces",
    f"{_SRL}/statistics",
    "infra-statistics",
    _XR_BRIEF,
    _XR_INTERFACE,
    _XR_NEIGHBOR,
    f"{_INSTANCE}/state",
    f"{_INSTANCE}/config",
    f"{_BGP}/global",
    f"{_NEIGHBOR}/state",
    f"{_NEIGHBOR}/config",
    f"{_NEIGHBOR}/afi-safis",
    f"{_ISIS}/state",
    f"{_ISIS_LEVEL}/state",
    f"{_ISIS_ADJACENCY}/state",
    f"{_OSPF}/state",
    f"{_OSPF_NEIGHBOR}/state",
    f"{_AFT}/ethernet",
    f"{_AFT}/ipv6-unicast",
    f"{_PREFIX}/state",
    f"{_PREFIX}/prefix",
    f"{_GROUP}",
    f"{_NEXT_HOP}",
)
"""Branches whose other leaves are told by devices as a matter of course, and of no use here."""

_ELEMENT = re.compile(r"([^\[/]+)((?:\[[^\]]+\])*)")


def _grown() -> Node:
    root = Node()
    for path, told in _KNOWN.items():
        _at(root, path).leaf = Leaf(*told)
    for branch, columns in _COUNTED.items():
        for name, column in columns.items():
            _at(root, f"{branch}/{name}").leaf = Leaf(Kind.COUNTERS, column, 1)
    for path in _IGNORED:
        _at(root, path).is_ignored = True
    _finish(root, is_ignored=False)
    return root


def _at(root: Node, path: str) -> Node:
    node = root
    for name, keys in _ELEMENT.findall(path):
        node = node.children.setdefault(name, Node())
        node.keys = tuple(re.findall(r"\[([^\]]+)\]", keys)) or node.keys
    return node


def _finish(node: Node, *, is_ignored: bool) -> list[Leaf]:
    """Let every node know the leaves below it, and whether a branch above it is of no use."""
    node.is_ignored = node.is_ignored or is_ignored
    below = [
        leaf
        for child in node.children.values()
        for leaf in _finish(child, is_ignored=node.is_ignored)
    ]
    node.leaves = list(dict.fromkeys(below if node.leaf is None else [node.leaf, *below]))
    return node.leaves


ROOT = _grown()
"""The known paths; never changed after it is made."""


class UnknownPath(ValueError):
    """Nothing here uses the path."""


class Place(NamedTuple):
    """Where a path leads in the tree.

    Attributes:
        node: The node it leads to; None where the path is known to be of no use.
        keys: Of the list entries on the way; fewer than the path has lists where a last one is
            meant whole.
    """

    node: Node | None
    keys: Keys


START = Place(ROOT, ())
_NOWHERE = Place(None, ())


def walk(start: Place, path: Path) -> Place:
    """Where `path` leads from `start`.

    Raises:
        UnknownPath: Nobody knows it.
        ValueError: A key is longer than any device's.
    """
    node, keys = start
    if node is None:
        return _NOWHERE
    for step in path:
        below = node.children.get(step.name) or node.child(step.name)
        if below is None:
            if node.is_ignored:
                return _NOWHERE
            raise UnknownPath("nothing here uses this path")
        node = below
        if node.keys:
            own = [step.key.get(name) for name in node.keys]
            if None in own or "*" in own:
                # A list without its keys is the whole list, which only a delete can mean.
                return Place(node if step is path[-1] else None, keys)
            keys = keys + tuple([_key(key) for key in own])
    return Place(node, keys)


def _key(said: str | None) -> str:
    if not said or len(said) > LONGEST_NAME or not said.isprintable():
        raise ValueError(f"{(said or '')[:40]!r} is no key of 1 to {LONGEST_NAME} characters")
    return said


Told = tuple[Leaf, Keys, Any]


def leaves_of(place: Place, value: Any) -> list[Told]:
    """The known leaves in a value: itself, or those in a tree as JSON has it (RFC 7951).

    Args:
        place: Where the value hangs.
        value: A scalar at a leaf; below it dicts, and lists of dicts that hold their own keys.
    """
    if place.node is None:
        return []
    told: list[Told] = []
    waiting: list[tuple[Node, Keys, Any]] = [(place.node, place.keys, value)]
    while waiting:
        node, keys, found = waiting.pop()
        leaf = node.leaf
        if isinstance(found, dict):
            for name, inner in found.items():
                below = node.child(str(name))
                if below is not None:
                    waiting.extend(_entries(below, keys, inner))
        elif leaf is not None and len(keys) >= leaf.width and _is_scalar(found):
            told.append((leaf, keys, found))
    return told


def _is_scalar(value: Any) -> bool:
    """Whether it is something that a leaf of ours may be."""
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return isinstance(value, float) or (isinstance(value, int) and _LEAST <= value <= _MOST)


def _entries(node: Node, keys: Keys, value: Any) -> list[tuple[Node, Keys, Any]]:
    """The entries of a list, each with its keys; anything else is itself."""
    if not node.keys:
        return [(node, keys, value)]
    entries = value if isinstance(value, list) else [value]
    found = ((_own_keys(node.keys, entry), entry) for entry in entries)
    return [(node, (*keys, *own), entry) for own, entry in found if own is not None]


def _own_keys(names: Sequence[str], entry: Any) -> list[str] | None:
    """The keys an entry holds; list keys may be numbers in JSON."""
    if not isinstance(entry, dict):
        return None
    bare = {str(name).rpartition(":")[2]: value for name, value in entry.items()}
    own = [bare.get(name) for name in names]
    try:
        return [_key(str(key)) if isinstance(key, str | int) else _key(None) for key in own]
    except ValueError:
        return None
