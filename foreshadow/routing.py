"""What a router decided: best BGP paths (Loc-RIB) and the forwarding table (FIB)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from foreshadow.topology import NodeId, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Hand the packet on through an interface; several of them split it evenly (ECMP)."""

    interface: str
    gateway: IPv4Address | None = None


class Terminal(StrEnum):
    """Where forwarding ends at this router."""

    DELIVERED = "delivered"
    """Connected or local: the destination is here."""
    DISCARDED = "discarded"
    """An anchored blackhole route: how a router announces an aggregate of its own site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FibEntry:
    """One line of a forwarding table: either `forwards` or `terminal` is set."""

    prefix: Prefix
    forwards: tuple[Forward, ...] = ()
    terminal: Terminal | None = None


Fib = tuple[FibEntry, ...]
Fibs = Mapping[NodeId, Fib]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPath:
    """The path a router chose for a prefix (RFC 4271 section 9.1), as its CLI shows it."""

    prefix: Prefix
    next_hop: IPv4Address
    local_preference: int | None = None
    med: int | None = None
    as_path: str = ""
    origin: str = "IGP"
    communities: tuple[str, ...] = ()


LocRib = tuple[BestPath, ...]
LocRibs = Mapping[NodeId, LocRib]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PathChange:
    """A router's best next hop for a prefix differs; `None` means no path on that side."""

    router: NodeId
    prefix: Prefix
    before: IPv4Address | None
    after: IPv4Address | None


def rib_digest(ribs: LocRibs) -> str:
    """SHA-256 over every router's best paths, independent of order and of how they were learnt.

    A rollback is judged by this, not by the configuration text: a router that breaks ties by path
    age may keep the new path under the old configuration (RFC 4264, "wedgie").
    """
    lines = sorted(f"{router} {path!r}" for router, rib in ribs.items() for path in rib)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def path_changes(before: LocRibs, after: LocRibs) -> frozenset[PathChange]:
    """Which (router, prefix) changed its best next hop between two observations."""
    old, new = _next_hops(before.items()), _next_hops(after.items())
    return frozenset(
        PathChange(router=router, prefix=prefix, before=old.get(key), after=new.get(key))
        for key in old.keys() | new.keys()
        for router, prefix in [key]
        if old.get(key) != new.get(key)
    )


def _next_hops(
    ribs: Iterable[tuple[NodeId, LocRib]],
) -> dict[tuple[NodeId, Prefix], IPv4Address]:
    return {(router, path.prefix): path.next_hop for router, rib in ribs for path in rib}
