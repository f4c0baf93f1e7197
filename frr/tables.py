"""What FRR's `show ... json` prints, as values of ours.

Checked against FRR 8.4.4 and 10.3. Each function names the command it reads. What it cannot read
raises `ValueError` (msgspec's errors are), so a source can turn it into a dead letter.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface

import msgspec

from foreshadow.codec import from_json
from foreshadow.observed import Adjacency, Interface, ReceivedPath, RunningConfig, Session
from foreshadow.routing import BestPath, Fib, FibEntry, Forward, LocRib, Terminal
from foreshadow.topology import Prefix
from frr.configuration import fingerprint


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """A JSON object of FRR's, of which we read some members."""


class _Address(_Json, frozen=True):
    address: str


class _Interface(_Json, frozen=True):
    administrative_status: str
    operational_status: str = "down"
    ip_addresses: tuple[_Address, ...] = ()


class _Neighbor(_Json, frozen=True):
    nbr_state: str
    iface_name: str


class _Neighbors(_Json, frozen=True):
    neighbors: dict[str, tuple[_Neighbor, ...]] = {}


class _OspfInterface(_Json, frozen=True):
    cost: int = 0


class _OspfInterfaces(_Json, frozen=True):
    interfaces: dict[str, _OspfInterface] = {}


class _Peer(_Json, frozen=True):
    remote_as: int
    local_as: int
    state: str


class _Summary(_Json, frozen=True):
    peers: dict[str, _Peer] = {}


class _Summaries(_Json, frozen=True):
    warning: str = ""
    peers: dict[str, _Peer] = {}
    ipv4_unicast: _Summary = _Summary()


class _AsPath(_Json, frozen=True):
    string: str = ""


class _Communities(_Json, frozen=True):
    string: str = ""


class _Best(_Json, frozen=True):
    overall: bool = False


class _BgpNextHop(_Json, frozen=True):
    ip: IPv4Address
    used: bool = False


class _Path(_Json, frozen=True):
    """A path in either form; the first element of the detailed form is a head without next hops."""

    origin: str = "IGP"
    nexthops: tuple[_BgpNextHop, ...] = ()
    metric: int | None = None
    loc_prf: int | None = None
    path: str = ""
    aspath: _AsPath = _AsPath()
    community: _Communities = _Communities()
    bestpath: _Best | bool = False

    @property
    def is_best(self) -> bool:
        return self.bestpath if isinstance(self.bestpath, bool) else self.bestpath.overall


class _DetailedPrefix(_Json, frozen=True):
    """What FRR 10 makes of a prefix in the detailed form, where FRR 8 lists its paths."""

    paths: tuple[_Path, ...] = ()


class _BgpTable(_Json, frozen=True):
    warning: str = ""
    routes: dict[str, tuple[_Path, ...] | _DetailedPrefix] = {}


class _Received(_Json, frozen=True):
    next_hop: IPv4Address
    metric: int | None = None
    path: str = ""
    bgp_origin_code: str = "i"


class _ReceivedTable(_Json, frozen=True):
    warning: str = ""
    received_routes: dict[str, _Received] = {}


class _NextHop(_Json, frozen=True):
    fib: bool = False
    active: bool = False
    ip: IPv4Address | None = None
    interface_name: str | None = None
    blackhole: bool = False
    reject: bool = False


class _Route(_Json, frozen=True):
    protocol: str = ""
    selected: bool = False
    installed: bool = False
    nexthops: tuple[_NextHop, ...] = ()


_OWN_ADDRESS = "local"
"""FRR 10 lists an interface's own address beside its network; it is no route to anywhere."""

_NO_INSTANCE = "instance not found"
"""Of a bgpd that is not configured: its table is empty."""

_ORIGINS = {"i": "IGP", "e": "EGP", "?": "incomplete"}


def interfaces(raw: str) -> tuple[Interface, ...]:
    """`show interface json`, IPv4 addresses only, by name.

    Raises:
        ValueError: It is something else.
    """
    found = from_json(raw or "{}", dict[str, _Interface])
    return tuple(
        Interface(
            name=name,
            is_admin_up=it.administrative_status == "up",
            is_oper_up=it.operational_status == "up",
            addresses=tuple(
                sorted(IPv4Interface(a.address) for a in it.ip_addresses if ":" not in a.address)
            ),
        )
        for name, it in sorted(found.items())
    )


def adjacencies(neighbors_raw: str, interfaces_raw: str) -> tuple[Adjacency, ...]:
    """`show ip ospf neighbor json`, costs from `show ip ospf interface json`; by interface.

    Raises:
        ValueError: It is something else.
    """
    neighbors = from_json(neighbors_raw or "{}", _Neighbors).neighbors
    costs = from_json(interfaces_raw or "{}", _OspfInterfaces).interfaces
    found = [
        Adjacency(
            router_id=IPv4Address(router_id),
            interface=interface,
            state=neighbor.nbr_state.partition("/")[0],
            cost=costs[interface].cost if interface in costs else 0,
        )
        for router_id, on_interfaces in neighbors.items()
        for neighbor in on_interfaces
        for interface in [neighbor.iface_name.partition(":")[0]]
    ]
    return tuple(sorted(found, key=lambda it: (it.interface, it.router_id)))


def sessions(raw: str) -> tuple[Session, ...]:
    """`show bgp ipv4 unicast summary json` (or `show bgp summary json`), by peer.

    Raises:
        ValueError: It is something else.
    """
    summary = from_json(raw or "{}", _Summaries)
    _check_shown(summary.warning)
    peers = {**summary.peers, **summary.ipv4_unicast.peers}
    found = [
        Session(
            peer=IPv4Address(peer), remote_as=it.remote_as, local_as=it.local_as, state=it.state
        )
        for peer, it in peers.items()
    ]
    return tuple(sorted(found, key=lambda session: session.peer))


def best_paths(raw: str) -> LocRib:
    """`show bgp ipv4 unicast json detail`, the best path of each prefix; by prefix.

    Without `detail` it reads too, but FRR 8.4 leaves communities out there.

    Raises:
        ValueError: It is something else.
    """
    table = from_json(raw or "{}", _BgpTable)
    _check_shown(table.warning)
    found = [
        _best_path(Prefix(prefix), path)
        for prefix, known in table.routes.items()
        for path in (known.paths if isinstance(known, _DetailedPrefix) else known)
        if path.is_best and path.nexthops
    ]
    return tuple(sorted(found, key=lambda path: path.prefix))


def received_paths(peer: IPv4Address, raw: str) -> tuple[ReceivedPath, ...]:
    """`show bgp ipv4 unicast neighbors PEER received-routes json`: before policy, by prefix.

    The router keeps them only with `soft-reconfiguration inbound`; FRR 8.4 leaves communities out.

    Raises:
        ValueError: It is something else, or the router does not keep them.
    """
    table = from_json(raw or "{}", _ReceivedTable)
    if table.warning:
        raise ValueError(f"peer {peer}: {table.warning}")
    found = [
        ReceivedPath(
            peer=peer,
            path=BestPath(
                prefix=Prefix(prefix),
                next_hop=it.next_hop,
                med=it.metric,
                as_path=it.path,
                origin=_ORIGINS.get(it.bgp_origin_code, it.bgp_origin_code),
            ),
        )
        for prefix, it in table.received_routes.items()
    ]
    return tuple(sorted(found, key=lambda received: received.path.prefix))


def fib(raw: str) -> Fib:
    """`show ip route json`, what zebra has put into the kernel; by prefix.

    Raises:
        ValueError: It is something else.
    """
    table = from_json(raw or "{}", dict[str, tuple[_Route, ...]])
    found = [
        # FRR 10 leaves `fib` on a next hop it has let go; the kernel has it no more.
        _fib_entry(Prefix(prefix), tuple(hop for hop in route.nexthops if hop.fib and hop.active))
        for prefix, routes in table.items()
        for route in routes
        if route.selected and route.installed and route.protocol != _OWN_ADDRESS
    ]
    return tuple(sorted(found, key=lambda entry: entry.prefix))


def running_config(text: str) -> RunningConfig:
    """A running configuration with the fingerprint of what it says, however it was printed."""
    return RunningConfig(text=text, sha256=fingerprint(text))


def _check_shown(warning: str) -> None:
    """Tell a table that could not be shown from one with nothing in it.

    Raises:
        ValueError: bgpd says why it shows none.
    """
    if warning and _NO_INSTANCE not in warning:
        raise ValueError(f"bgpd shows no table: {warning[:200]}")


def _best_path(prefix: Prefix, path: _Path) -> BestPath:
    as_path = path.aspath.string or path.path
    return BestPath(
        prefix=prefix,
        next_hop=next((hop.ip for hop in path.nexthops if hop.used), path.nexthops[0].ip),
        local_preference=path.loc_prf,
        med=path.metric,
        as_path="" if as_path == "Local" else as_path,
        origin=path.origin,
        communities=tuple(sorted(path.community.string.split())),
    )


def _fib_entry(prefix: Prefix, hops: tuple[_NextHop, ...]) -> FibEntry:
    if any(hop.blackhole or hop.reject for hop in hops):
        return FibEntry(prefix=prefix, terminal=Terminal.DISCARDED)
    if all(hop.ip is None for hop in hops):
        return FibEntry(prefix=prefix, terminal=Terminal.DELIVERED)
    return FibEntry(prefix=prefix, forwards=_forwards(hops))


def _forwards(hops: Iterable[_NextHop]) -> tuple[Forward, ...]:
    """Next hops without repetition: two recursive ones may resolve to the same."""
    pairs = {(hop.interface_name or "", hop.ip or IPv4Address(0)) for hop in hops}
    return tuple(Forward(interface=interface, gateway=ip) for interface, ip in sorted(pairs))
