"""BGP as a router has it: who it talks to, what was sent, taken and chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import Any

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from scenarios.faults.addresses import addresses_of
from scenarios.faults.statement import headers, lines_of
from shadow.emulation.emulator import Emulator

IPV4 = "ipv4 unicast"
ESTABLISHED = "Established"
_USUAL_PREFERENCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerState:
    """A session as `show bgp summary` has it."""

    state: str
    dropped: int
    """How often it was lost since the daemon started."""
    age_s: float
    """How long it has been in this state."""
    received: int
    """Prefixes taken from the peer, IPv4."""


def instance(lab: Emulator, node: NodeId) -> str:
    """The header of a router's BGP instance: `router bgp 65001`.

    Raises:
        ConfigError: It runs no BGP.
    """
    lab.spec.node(node)
    found = headers(lab, node, "router bgp")
    if not found:
        raise ConfigError(f"{node} runs no BGP; choose a router that does")
    return found[0]


def peers(lab: Emulator, node: NodeId) -> dict[str, PeerState]:
    """Every session of a router, by the peer's address; both address families."""
    summary = lab.show_json(node, "show bgp summary json")
    ipv4 = summary.get("ipv4Unicast", {}).get("peers", {})
    found = {
        address: facts
        for family in summary.values()
        if isinstance(family, dict)
        for address, facts in family.get("peers", {}).items()
    }
    return {
        address: PeerState(
            state=facts.get("state", ""),
            dropped=facts.get("connectionsDropped", 0),
            age_s=facts.get("peerUptimeMsec", 0) / 1e3,
            received=ipv4.get(address, {}).get("pfxRcd", 0),
        )
        for address, facts in found.items()
    }


def sessions(lab: Emulator, node: NodeId, peer: NodeId) -> tuple[str, ...]:
    """The addresses under which a router has a session to another router of the lab.

    Raises:
        ConfigError: It has none, or runs no BGP.
    """
    instance(lab, node)
    theirs = addresses_of(lab, peer)
    found = tuple(address for address in peers(lab, node) if ip_address(address) in theirs)
    if not found:
        raise ConfigError(f"{node} has no BGP session to {peer}")
    return found


def ipv4_session(lab: Emulator, node: NodeId, peer: NodeId) -> str:
    """The address of the session that carries IPv4 to another router.

    Raises:
        ConfigError: There is none.
    """
    carrying = [it for it in sessions(lab, node, peer) if ":" not in it]
    if not carrying:
        raise ConfigError(f"{node} has no IPv4 session to {peer}")
    return carrying[0]


def not_established(lab: Emulator, node: NodeId, addresses: Iterable[str]) -> str:
    """Which of a router's sessions is not, as a sentence; "" for none."""
    states = peers(lab, node)
    for address in addresses:
        state = states[address].state if address in states else "gone"
        if state != ESTABLISHED:
            return f"{node}'s session to {address} is {state}"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundPolicy:
    """What a router does to IPv4 prefixes on their way to a neighbor or peer group."""

    neighbor: str
    route_map: str
    """"" for a session with another AS that has none: nothing is announced (RFC 8212)."""


def outbound_policies(lab: Emulator, node: NodeId) -> tuple[OutboundPolicy, ...]:
    """The policies a prefix has to get past to leave a router."""
    section = instance(lab, node)
    maps = {
        words[1]: words[3]
        for words in map(str.split, lines_of(lab, node, section, IPV4))
        if words[:1] == ["neighbor"] and words[2:3] == ["route-map"] and words[4:] == ["out"]
    }
    own_as = section.split()[2]
    foreign = [
        words[1]
        for words in map(str.split, lines_of(lab, node, section))
        if words[:1] == ["neighbor"] and words[2:3] == ["remote-as"] and words[3] != own_as
    ]
    unruled = {it: "" for it in foreign if it not in maps and ":" not in it}
    return tuple(
        OutboundPolicy(neighbor=neighbor, route_map=name)
        for neighbor, name in (maps | unruled).items()
    )


def loc_rib(lab: Emulator, node: NodeId) -> frozenset[str]:
    """Prefixes a router has a path for, IPv4."""
    return frozenset(lab.show_json(node, "show bgp ipv4 unicast json").get("routes", {}))


def adj_rib_in(lab: Emulator, node: NodeId, address: str) -> frozenset[str]:
    """Prefixes a router has from a peer, after policy."""
    shown = lab.show_json(node, f"show bgp {_family(address)} neighbors {address} routes json")
    return frozenset(shown.get("routes", {}))


def local_preferences(lab: Emulator, node: NodeId, address: str) -> frozenset[int]:
    """What the prefixes a router has from an internal peer are preferred by."""
    shown = lab.show_json(node, f"show bgp {_family(address)} neighbors {address} routes json")
    return frozenset(
        path.get("locPrf", _USUAL_PREFERENCE)
        for paths in shown.get("routes", {}).values()
        for path in paths
    )


def adj_rib_out(lab: Emulator, node: NodeId, address: str) -> frozenset[str]:
    """Prefixes a router announces to a peer."""
    command = f"show bgp {_family(address)} neighbors {address} advertised-routes json"
    return frozenset(lab.show_json(node, command).get("advertisedRoutes", {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a router's Loc-RIB holds of one prefix."""

    is_own: bool
    """It originates the prefix itself."""
    announced_to: tuple[str, ...]
    next_hops: tuple[IPv4Address, ...]
    """Of the best path; none if there is no path."""
    local_preferences: tuple[int, ...]
    """Of every path."""
    communities: tuple[str, ...]
    """Of every path."""


def known(lab: Emulator, node: NodeId, prefix: Prefix) -> Known:
    """What a router knows about exactly this prefix."""
    shown = lab.show_json(node, f"show bgp ipv4 unicast {prefix} json")
    paths = shown.get("paths", []) if shown.get("prefix") == str(prefix) else []
    return Known(
        is_own=any(path.get("sourced") for path in paths),
        announced_to=tuple(shown.get("advertisedTo", {})) if paths else (),
        next_hops=tuple(_next_hops(path for path in paths if _is_best(path))),
        local_preferences=tuple(path["locPrf"] for path in paths if "locPrf" in path),
        communities=tuple(
            community for path in paths for community in path.get("community", {}).get("list", ())
        ),
    )


def _is_best(path: Any) -> bool:
    return bool(path.get("bestpath", {}).get("overall"))


def _next_hops(paths: Iterable[Any]) -> Iterable[IPv4Address]:
    for path in paths:
        for hop in path.get("nexthops", ()):
            if hop.get("afi") == "ipv4":
                yield IPv4Address(hop["ip"])


def _family(address: str) -> str:
    return IPV4 if isinstance(ip_address(address), IPv4Address) else "ipv6 unicast"
