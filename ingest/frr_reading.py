"""What FRR is asked for a reading of each stream, and what its answers say.

A reading's body is what the router printed, command by command: the telemetry topic keeps the
router's own words, and whoever doubts a value can look there.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

import msgspec

from foreshadow.codec import from_json
from foreshadow.observed import ReceivedPath, RunningConfig, Session, Stream, Value, encode
from foreshadow.routing import BestPath
from foreshadow.topology import Prefix
from frr import adjacencies, tables

Shown = Mapping[str, str]
"""Output by command."""

INTERFACES = "show interface json"
BGP_SUMMARY = "show bgp ipv4 unicast summary json"
BGP_TABLE = "show bgp ipv4 unicast json detail"
ROUTES = "show ip route json"
RUNNING = "show running-config"
FINGERPRINT = "fingerprint"
"""Beside the running configuration: `RunningConfig.sha256` of it as it was, passwords and all."""

COMMANDS: Mapping[Stream, tuple[str, ...]] = {
    Stream.INTERFACE: (INTERFACES,),
    Stream.ADJACENCY: adjacencies.COMMANDS,
    Stream.SESSION: (BGP_SUMMARY,),
    Stream.BEST_PATH: (BGP_TABLE,),
    Stream.RECEIVED: (BGP_SUMMARY,),
    Stream.FIB: (ROUTES,),
    Stream.CONFIG: (RUNNING,),
}
"""Asked for each stream, in the order in which a change shows: link state first."""

UNREADABLE = (ValueError, KeyError)
"""What reading an answer raises where it is not what FRR prints."""

_RECEIVED = "show bgp ipv4 unicast neighbors {peer} received-routes json"
_ACCEPTED = "show bgp ipv4 unicast neighbors {peer} routes json"
_NOT_KEPT = "soft reconfiguration not enabled"
"""The router keeps no Adj-RIB-In of this peer. What it accepted comes nearest: what our policy
denied is not in it, and attributes are as our policy left them."""
_RECEIVED_FROM = re.compile(re.escape(_RECEIVED).replace(r"\{peer\}", r"(\S+)"))
_decoder = msgspec.json.Decoder(dict[str, str])


class _Versioned(msgspec.Struct, frozen=True, rename={"version": "tableVersion"}):
    version: int | None = None


class _NextHop(msgspec.Struct, frozen=True):
    ip: IPv4Address


class _AcceptedPath(msgspec.Struct, frozen=True):
    nexthops: tuple[_NextHop, ...]
    path: str = ""
    metric: int | None = None
    origin: str = "IGP"


class _AcceptedTable(msgspec.Struct, frozen=True):
    routes: dict[str, tuple[_AcceptedPath, ...]]


def further_commands(stream: Stream, shown: Shown) -> tuple[str, ...]:
    """What is still to be asked in the light of the answers so far: each eBGP peer's Adj-RIB-In.

    Raises:
        ValueError: The first answers are not what FRR prints.
    """
    if stream is not Stream.RECEIVED:
        return ()
    peers = [session.peer for session in _heard(tables.sessions(shown[BGP_SUMMARY]))]
    wanted = [_RECEIVED.format(peer=peer) for peer in peers]
    wanted += [
        _ACCEPTED.format(peer=peer)
        for peer in peers
        if _NOT_KEPT in shown.get(_RECEIVED.format(peer=peer), "")
    ]
    return tuple(command for command in wanted if command not in shown)


def body(shown: Shown) -> bytes:
    """The answers as they travel."""
    return msgspec.json.encode(shown)


def values(stream: Stream, raw: bytes) -> dict[str, bytes]:
    """The values that the answers of one reading mean, encoded, by their key in the stream.

    Raises:
        ValueError: The body is no map of answers, or an answer is not what FRR prints.
        KeyError: A command's answer is missing.
    """
    found = read(stream, _decoder.decode(raw))
    return {key: encode(value) for key, value in found.items()}


def read(stream: Stream, shown: Shown) -> dict[str, Value]:
    """The values that a router's answers mean, by their key in the stream.

    Raises:
        ValueError: An answer is not what FRR prints.
        KeyError: A command's answer is missing.
    """
    return dict(_named(stream, shown))


def table_version(summary: str) -> int | None:
    """What bgpd counts up with every change of a best path.

    Raises:
        ValueError: It is no summary.
    """
    return from_json(summary or "{}", _Versioned).version


def _named(stream: Stream, shown: Shown) -> Iterable[tuple[str, Value]]:
    found: Iterable[tuple[str, Value]]
    match stream:
        case Stream.INTERFACE:
            found = ((it.name, it) for it in tables.interfaces(shown[INTERFACES]))
        case Stream.ADJACENCY:
            found = ((it.key, it) for it in adjacencies.parsed(shown))
        case Stream.SESSION:
            found = ((str(it.peer), it) for it in tables.sessions(shown[BGP_SUMMARY]))
        case Stream.BEST_PATH:
            found = ((str(it.prefix), it) for it in tables.best_paths(shown[BGP_TABLE]))
        case Stream.RECEIVED:
            found = _received(shown)
        case Stream.FIB:
            found = ((str(it.prefix), it) for it in tables.fib(shown[ROUTES]))
        case Stream.CONFIG:
            found = (("running", _config(shown)),)
        case Stream.DEMAND:
            raise ValueError("routers do not measure demand; it comes from flow export")
    return found


def _received(shown: Shown) -> Iterable[tuple[str, Value]]:
    """Every path of every peer that was asked about."""
    tables.sessions(shown[BGP_SUMMARY])
    for command, output in shown.items():
        found = _RECEIVED_FROM.fullmatch(command)
        if found is not None:
            peer = IPv4Address(found[1])
            paths = (
                _accepted(peer, shown[_ACCEPTED.format(peer=peer)])
                if _NOT_KEPT in output
                else tables.received_paths(peer, output)
            )
            yield from ((f"{peer}/{it.path.prefix}", it) for it in paths)


def _accepted(peer: IPv4Address, output: str) -> Iterable[ReceivedPath]:
    for prefix, paths in from_json(output, _AcceptedTable).routes.items():
        for it in (path for path in paths if path.nexthops):
            path = BestPath(
                prefix=Prefix(prefix),
                next_hop=it.nexthops[0].ip,
                med=it.metric,
                as_path=it.path,
                origin=it.origin,
            )
            yield ReceivedPath(peer=peer, path=path)


def _heard(sessions: Iterable[Session]) -> Iterable[Session]:
    """Sessions that may have received something; bgpd refuses to list the others' routes."""
    return (it for it in sessions if it.is_external and it.state == "Established")


def _config(shown: Shown) -> Value:
    config = tables.running_config(shown[RUNNING])
    if "hostname" not in config.text:
        raise ValueError("no hostname in it: not a whole configuration")
    return RunningConfig(text=config.text, sha256=shown.get(FINGERPRINT, config.sha256))
