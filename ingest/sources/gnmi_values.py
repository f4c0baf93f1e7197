"""From a device's leaves to the values of our vocabulary: what an interface, a session, a route is.

A thing of which too little is known yet has no value. Nothing is made up: a session without its
AS numbers would look internal, an adjacency without its cost would attract all traffic.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from foreshadow.observed import Adjacency, Interface, Session, Stream, Value
from foreshadow.routing import FibEntry, Forward, Terminal
from foreshadow.topology import Prefix
from ingest.sources.gnmi_schema import Keys, Kind

LeafId = tuple[str, ...]
"""Field, and the keys of a list inside the thing."""

ToldIn = tuple[str, int]
"""A subscription, and how many snapshots it had completed when a leaf was told."""

Things = Mapping[Kind, Mapping[Keys, "Leaves"]]
"""All that is known of a device."""


class Leaves(dict[LeafId, tuple[int, Any, ToldIn]]):
    """What is known of one thing: when it was so, the value, and in which snapshot it was told."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, Value] = {}
        """What was last told of it, by key of its stream."""

    def text(self, *leaf: str) -> str | None:
        """A leaf's text without the module of an identity; None where it is not known."""
        held = self.get(leaf)
        return None if held is None or held[1] is None else str(held[1]).rpartition(":")[2]

    def number(self, *leaf: str) -> int | None:
        """A leaf's whole number of 32 bits; None where it is not known, or none."""
        held = self.get(leaf)
        if held is None or isinstance(held[1], bool) or not isinstance(held[1], int | str):
            return None
        text = str(held[1])
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


STREAMS: Mapping[Kind, Stream] = {
    Kind.INTERFACE: Stream.INTERFACE,
    Kind.SESSION: Stream.SESSION,
    Kind.ISIS_ADJACENCY: Stream.ADJACENCY,
    Kind.OSPF_ADJACENCY: Stream.ADJACENCY,
    Kind.PREFIX: Stream.FIB,
}
"""Kinds that have values of their own; the others are part of those."""

_UP = frozenset({"up", "enable", "enabled", "if-oper-state-ready", "if-state-up", "1"})
_LOCAL = frozenset({"DIRECTLY_CONNECTED", "LOCAL", "CONNECTED"})
_DROPPED = frozenset({"NULL", "Null0", "null0", "DROP", "dsc", "discard"})
_STATES = {
    name.upper(): name
    for name in ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
} | {"ESTAB": "Established"}
_OSPF_STATES = {
    "FULL": "Full",
    "TWO_WAY": "2-Way",
    "EXCHANGE_START": "ExStart",
    "EXCHANGE": "Exchange",
    "LOADING": "Loading",
    "INIT": "Init",
    "ATTEMPT": "Attempt",
    "DOWN": "Down",
}
_ISIS_STATES = {"UP": "Up", "DOWN": "Down", "INIT": "Initializing", "FAILED": "Down"}


def interface_values(keys: Keys, leaves: Leaves, _all: Things, _of: str) -> Iterator[Value]:
    """The interface, and each of its subinterfaces but 0, which is the interface itself.

    An interface of which nothing says that somebody shut it is not shut.
    """
    if (state := leaves.text("im-state")) is not None:
        yield Interface(
            name=keys[0],
            is_admin_up=state != "im-state-admin-down",
            is_oper_up=state == "im-state-up",
        )
        return
    for index in _indexes(leaves):
        oper = leaves.text("sub-oper", index) if index != "0" else None
        admin = leaves.text("sub-admin", index) if index != "0" else None
        if index == "0":
            oper = leaves.text("oper") or leaves.text("sub-oper", "0")
            admin = leaves.text("admin") or leaves.text("sub-admin", "0")
        if oper is not None:
            yield Interface(
                name=keys[0] if index == "0" else f"{keys[0]}.{index}",
                is_admin_up=admin is None or _is_up(admin),
                is_oper_up=_is_up(oper),
                addresses=tuple(sorted(_addresses(leaves, index))),
            )


def _indexes(leaves: Leaves) -> list[str]:
    return sorted({"0", *(leaf[1] for leaf in leaves if len(leaf) > 1)})


def _is_up(said: str) -> bool:
    return said.lower().replace("_", "-") in _UP


def _addresses(leaves: Leaves, index: str) -> Iterator[IPv4Interface]:
    for leaf in leaves:
        if leaf[0] != "address" or leaf[1] != index:
            continue
        length = leaves.number(*leaf)
        text = leaf[2] if "/" in leaf[2] else f"{leaf[2]}/{length}"
        try:
            yield IPv4Interface(text)
        except ValueError:
            continue


def session_values(keys: Keys, leaves: Leaves, everything: Things, of: str) -> Iterator[Value]:
    """The session, once its state and both AS numbers are known; IPv6 peers are no part of it."""
    # IOS XR's own model has a branch for the default VRF, and no key for it.
    instance = keys[0] if len(keys) == 4 else of
    state = leaves.text("state")
    remote = leaves.number("peer-as")
    local = leaves.number("local-as") or _global_as(everything, keys[:3])
    address = _address(keys[-1])
    if instance != of or address is None or state is None or remote is None or local is None:
        return
    yield Session(
        peer=address,
        remote_as=remote,
        local_as=local,
        state=_STATES.get(state.upper().replace("_", "").removeprefix("BGP-ST-"), state),
    )


def _global_as(everything: Things, protocol: Keys) -> int | None:
    known = everything[Kind.GLOBAL_BGP].get(protocol)
    return None if known is None else known.number("as")


def isis_values(keys: Keys, leaves: Leaves, everything: Things, of: str) -> Iterator[Value]:
    """The IS-IS adjacency, once its state, its neighbor's address and its metric are known."""
    instance, _, _, interface, level, _ = keys
    state, address = leaves.text("state"), _address(leaves.text("address"))
    cost = _cost(everything[Kind.ISIS_INTERFACE].get(keys[:5]), "metric")
    if instance != of or state is None or address is None or cost is None:
        return
    yield Adjacency(
        router_id=address,
        interface=interface,
        state=_ISIS_STATES.get(state.upper(), state),
        cost=cost,
        protocol="isis",
        level=int(level) if level in {"1", "2"} else 0,
    )


def joined(values: Collection[Value]) -> Value | None:
    """One value of all that is said under one key: the first, and of both IS-IS levels one of both.

    A neighbor on both levels is as good as the better of the two.
    """
    first = next(iter(values), None)
    if not isinstance(first, Adjacency) or len(values) == 1:
        return first
    adjacencies = [value for value in values if isinstance(value, Adjacency)]
    best = max(adjacencies, key=lambda each: (each.is_full, -each.level))
    levels = {each.level for each in adjacencies if each.is_full == best.is_full}
    return replace(best, level=3) if levels == {1, 2} else best


def ospf_values(keys: Keys, leaves: Leaves, everything: Things, of: str) -> Iterator[Value]:
    """The OSPF adjacency, once its state and its interface's metric are known."""
    instance, _, _, _, interface, router_id = keys
    state, address = leaves.text("state"), _address(router_id)
    cost = _cost(everything[Kind.OSPF_INTERFACE].get(keys[:5]), "metric")
    if instance != of or state is None or address is None or cost is None:
        return
    yield Adjacency(
        router_id=address,
        interface=interface,
        state=_OSPF_STATES.get(state.upper(), state),
        cost=cost,
    )


def _cost(interface: Leaves | None, field: str) -> int | None:
    """The metric of any address family of the interface that has one."""
    if interface is None:
        return None
    for leaf in sorted(interface):
        if leaf[0] == field and (found := interface.number(*leaf)) is not None:
            return found
    return None


def fib_values(keys: Keys, leaves: Leaves, everything: Things, of: str) -> Iterator[Value]:
    """The forwarding entry, once its next hops are known."""
    instance, text = keys
    try:
        prefix = Prefix(text)
    except ValueError:
        return
    if instance != of or str(prefix) != text:
        return
    if (leaves.text("protocol") or "") in _LOCAL:
        yield FibEntry(prefix=prefix, terminal=Terminal.DELIVERED)
        return
    group = everything[Kind.NEXT_HOP_GROUP].get((instance, leaves.text("group") or ""))
    if group is None:
        return
    hops = [everything[Kind.NEXT_HOP].get((instance, leaf[1])) for leaf in group]
    if not hops or None in hops:
        return
    names = {hop.text("interface") for hop in hops if hop is not None}
    if names and names <= _DROPPED:
        yield FibEntry(prefix=prefix, terminal=Terminal.DISCARDED)
        return
    forwards = {forward for hop in hops if hop is not None for forward in _forward(hop)}
    if len(forwards) == len(hops):
        ordered = sorted(forwards, key=lambda each: (each.interface, str(each.gateway)))
        yield FibEntry(prefix=prefix, forwards=tuple(ordered))


def _forward(hop: Leaves) -> Iterable[Forward]:
    interface, index = hop.text("interface"), hop.text("subinterface")
    if interface is None:
        return ()
    name = interface if index in {None, "0"} else f"{interface}.{index}"
    return (Forward(interface=name, gateway=_address(hop.text("address"))),)


def _address(text: str | None) -> IPv4Address | None:
    try:
        return IPv4Address(text or "")
    except ValueError:
        return None


Compose = Callable[[Keys, Leaves, Things, str], Iterator[Value]]

COMPOSE: Mapping[Kind, Compose] = {
    Kind.INTERFACE: interface_values,
    Kind.SESSION: session_values,
    Kind.ISIS_ADJACENCY: isis_values,
    Kind.OSPF_ADJACENCY: ospf_values,
    Kind.PREFIX: fib_values,
}
