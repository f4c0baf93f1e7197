"""One router's BMP session as state: its peers, what they sent, and what it chose.

The session opens with everything (RFC 7854 section 3.3): the peers that are up, then each peer's
routes, each table closed by an End-of-RIB. Until then the streams are open snapshots, so that what
was lost while nobody listened is swept away at their end; afterwards every message is a change.
Only what the vocabulary holds is kept: IPv4 unicast of the global table.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Literal

from foreshadow.incident import LONGEST_TEXT, Incident, IncidentKind
from foreshadow.observed import ReceivedPath, Session, Stream
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from foreshadow.topology import NodeId
from ingest.heard import Heard, Refused, StatePatch
from ingest.sources.bgp_open import families_of, path_ids_from_peer
from ingest.sources.bgp_update import IPV4_UNICAST, Family, Update, decode_update
from ingest.sources.bmp_message import (
    Initiation,
    Message,
    PeerDown,
    PeerUp,
    RouteMonitoring,
    Termination,
)
from ingest.sources.bmp_paths import MOST_PATHS, Changes, MonitoredPaths
from ingest.sources.bmp_peer import Peer, Table
from ingest.sources.bmp_snapshots import Snapshots

SOURCE = "bmp"
MOST_PEERS = 10_000
_CLOCK_AHEAD_NS = 60 * 10**9
"""A router's time from further ahead is wrong: the time of receipt counts."""

AdjRibIn = Literal["pre-policy", "post-policy"]


@dataclass(slots=True, kw_only=True)
class _Peer:
    """What is remembered of a peer that is up."""

    name: str
    as_number: int
    local_as: int
    with_path_ids: frozenset[Family]
    is_told: bool
    """Its routes are all told."""

    @property
    def is_external(self) -> bool:
        return self.as_number != self.local_as


class BmpRouter:
    """Takes the messages of one session of one router."""

    def __init__(
        self,
        device: NodeId,
        *,
        adj_rib_in: AdjRibIn = "pre-policy",
        most_peers: int = MOST_PEERS,
        most_paths: int = MOST_PATHS,
    ) -> None:
        """Begin before the first message.

        Args:
            device: The router's name.
            adj_rib_in: Which table stands for what a peer sent: routers that keep no routes from
                before the policy have the other only, with attributes as the policy left them.
            most_peers: How many peers may be up.
            most_paths: How many paths of peers with add-path are remembered.
        """
        self._device, self._received, self._most_peers = device, Table(adj_rib_in), most_peers
        self._peers: dict[object, _Peer] = {}
        self._down: dict[IPv4Address, int] = {}
        """AS by peer that was down before any was up, which first tells the router's own AS."""
        self._was_down: set[object] = set()
        self._local_as: int | None = None
        self._streams = Snapshots(device)
        self._tables_seen: set[Table] = set()
        self._received_ns = 0
        self._is_frr = False
        self.told = 0
        """Messages of peers and routes; while it grows, the router is telling."""
        self.unused: Counter[str] = Counter()
        """What says nothing in the vocabulary, by what it is."""
        self._paths = MonitoredPaths(self.unused, most=most_paths)

    def take(self, message: Message, *, origin: str, received_ns: int) -> Iterator[Heard]:
        """Everything one message says.

        Raises:
            Malformed: The UPDATE in it is so damaged that its routes cannot be told.
        """
        self._received_ns = received_ns
        if not self._streams:
            yield from self._streams.open(Stream.SESSION)
            yield from self._streams.open(Stream.RECEIVED)
        match message:
            case PeerUp():
                self.told += 1
                yield from self._peer_up(message, origin)
            case PeerDown():
                yield from self._peer_down(message)
            case RouteMonitoring():
                self.told += 1
                # All peers that are up come before the first route of any.
                yield from self._streams.end(Stream.SESSION)
                yield from self._routes(message, origin)
            case Initiation(system_description=description):
                self._is_frr = description.startswith("FRRouting")
            case Termination():
                pass
            case _:
                self.unused[f"messages: {type(message).__name__}"] += 1

    def settle(self, *, without_end_of_rib: bool = False) -> Iterator[Heard]:
        """The router has been quiet for a while: what it has told is all there is.

        Args:
            without_end_of_rib: Also of peers whose End-of-RIB never came.
        """
        if not self._streams:
            return
        yield from self._streams.end(Stream.SESSION)
        yield from self._end_received(without_end_of_rib=without_end_of_rib)
        if without_end_of_rib:
            yield from self._streams.end(Stream.BEST_PATH)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The eBGP peers whose End-of-RIB has not come."""
        peers = self._peers.values()
        return tuple(it.name for it in peers if it.is_external and not it.is_told)

    def vouch(self) -> Iterator[Heard]:
        """The session stands: each stream that is whole is still as it was told."""
        yield from self._streams.vouch()

    def _end_received(self, *, without_end_of_rib: bool = False) -> Iterator[Heard]:
        """The received routes are whole once every eBGP peer has told all of its own."""
        if self.waits_for and not without_end_of_rib:
            return
        if self._streams.is_whole(Stream.SESSION) and not self._tells_other_table():
            yield from self._streams.end(Stream.RECEIVED)

    def _tells_other_table(self) -> bool:
        """Some routers close with an End-of-RIB also the table they were not told to show."""
        return bool(self._tables_seen) and self._received not in self._tables_seen

    def _peer_up(self, message: PeerUp, origin: str) -> Iterator[Heard]:
        header = message.peer
        was_up = header.key in self._peers
        if not was_up and len(self._peers) >= self._most_peers:
            yield Refused(reason=f"more than {self._most_peers} peers are up", origin=origin)
            return
        self._local_as = message.sent.as_number
        self._paths.forget(header.key)
        self._peers[header.key] = peer = _Peer(
            name=str(header),
            as_number=header.as_number,
            local_as=message.sent.as_number,
            with_path_ids=path_ids_from_peer(message.sent, message.received),
            # A session established later began with no routes: what came is all there is.
            is_told=header.neighbor is None
            or self._streams.is_whole(Stream.SESSION)
            or header.key in self._was_down
            or IPV4_UNICAST not in families_of(message.sent, message.received),
        )
        if header.is_loc_rib:
            yield from self._streams.open(Stream.BEST_PATH)
        elif (address := header.neighbor) is None:
            self.unused[f"peers: {header.species}"] += 1
        else:
            yield from self._sessions_down()
            yield self._session(address, peer.as_number, "Established", self._at_ns(header))
            yield self._forgotten(address, self._at_ns(header))
            if not was_up and self._streams.is_whole(Stream.SESSION):
                what = IncidentKind.SESSION_ESTABLISHED
                yield self._incident(what, header, "BMP Peer Up")

    def _peer_down(self, message: PeerDown) -> Iterator[Heard]:
        header = message.peer
        peer = self._peers.pop(header.key, None)
        self._paths.forget(header.key)
        address = header.neighbor
        if len(self._was_down) < self._most_peers:
            self._was_down.add(header.key)
        if header.is_loc_rib:
            # Nobody tells what the router chooses from here on: nobody vouches for its best paths.
            self._streams.drop(Stream.BEST_PATH)
        elif address is None:
            self.unused[f"peers: {header.species}"] += 1
        else:
            yield from self._session_down(message, address)
            # FRR tells again and again of a session that is down: the first time counts.
            if peer is not None:
                yield self._forgotten(address, self._at_ns(header))
                yield self._incident(IncidentKind.SESSION_LOST, header, message.reason)
                yield from self._end_received()

    def _session_down(self, message: PeerDown, address: IPv4Address) -> Iterator[Heard]:
        header = message.peer
        if message.is_removed:
            self._down.pop(address, None)
            yield self._streams.patch(Stream.SESSION, self._at_ns(header), deletes=(str(address),))
        elif len(self._down) < self._most_peers:
            self._down[address] = header.as_number
            yield from self._sessions_down()

    def _sessions_down(self) -> Iterator[Heard]:
        """The sessions that are down, once it is known whose they are."""
        if self._local_as is None:
            return
        for address, as_number in self._down.items():
            yield self._session(address, as_number, "Idle", 0)
        self._down.clear()

    def _routes(self, message: RouteMonitoring, origin: str) -> Iterator[Heard]:
        header = message.peer
        peer = self._peers.get(header.key)
        if peer is None and header.is_loc_rib:
            # FRR 9 shows its Loc-RIB without the Peer Up that RFC 9069 section 4.4 asks for.
            peer = self._peers[header.key] = self._own_table(header)
            yield from self._streams.open(Stream.BEST_PATH)
        if peer is None:
            reason = f"routes of {header}, of which no Peer Up told"
            yield Refused(reason=reason, sample=_sample(message), origin=origin)
            return
        update = decode_update(
            message.update, as_octets=header.as_octets, with_path_ids=peer.with_path_ids
        )
        if update.other_families:
            self.unused["routes: other families"] += 1
        if update.fault:
            reason = f"UPDATE of {header}: {update.fault}; its routes count as withdrawn (RFC 7606)"
            yield Refused(reason=reason, sample=_sample(message), origin=origin)
        if header.is_loc_rib:
            yield from self._chosen(peer, header, update)
        elif (address := header.neighbor) is None or not peer.is_external:
            species = header.species if address is None else "iBGP"
            self.unused[f"routes: {species} {header.table}"] += 1
        elif header.table is not self._received:
            yield from self._of_other_table(header, update, origin)
        else:
            yield from self._heard_of(address, peer, header, update)

    def _own_table(self, header: Peer) -> _Peer:
        own_as = header.as_number
        return _Peer(
            name=str(header),
            as_number=own_as,
            local_as=own_as,
            with_path_ids=frozenset(),
            is_told=True,
        )

    def _heard_of(
        self, address: IPv4Address, peer: _Peer, header: Peer, update: Update
    ) -> Iterator[Heard]:
        """Changes of what an eBGP peer sent."""
        if update.announced:
            self._tables_seen.add(header.table)
        changes = self._changes(peer, header, update)
        root = f"{address}/"
        values = {
            f"{root}{prefix}": ReceivedPath(peer=address, path=path)
            for prefix, path in changes.items()
            if path is not None
        }
        gone = tuple(f"{root}{prefix}" for prefix in _gone(changes))
        if changes:
            yield self._streams.patch(Stream.RECEIVED, self._at_ns(header), values, deletes=gone)
        if update.end_of_rib == IPV4_UNICAST:
            peer.is_told = True
            yield from self._end_received()

    def _of_other_table(self, header: Peer, update: Update, origin: str) -> Iterator[Heard]:
        """A table that was not asked for; where it is the only one, somebody should know."""
        self.unused[f"routes: {header.table}"] += 1
        if header.table is Table.ADJ_RIB_OUT or not update.announced:
            return
        if not self._tables_seen:
            reason = (
                f"{self._device} tells routes {header.table}, not {self._received}: have it tell"
                f" these, or set `adj_rib_in: {header.table}`"
            )
            yield Refused(reason=reason, origin=origin)
        self._tables_seen.add(header.table)

    def _chosen(self, peer: _Peer, header: Peer, update: Update) -> Iterator[Heard]:
        """Changes of the Loc-RIB (RFC 9069)."""
        changes = self._changes(peer, header, update)
        values = {str(prefix): path for prefix, path in changes.items() if path is not None}
        if changes:
            gone = map(str, _gone(changes))
            yield self._streams.patch(Stream.BEST_PATH, self._at_ns(header), values, deletes=gone)
        if update.end_of_rib == IPV4_UNICAST:
            yield from self._streams.end(Stream.BEST_PATH)

    def _changes(self, peer: _Peer, header: Peer, update: Update) -> Changes:
        changes = self._paths.change(
            header.key, update, peer.with_path_ids, is_chosen=header.is_loc_rib
        )
        own = f"{peer.local_as} "
        if not (self._is_frr and (update.attributes.as_path or "").startswith(own)):
            return changes
        # FRR 8.4 writes its own AS in front of what a peer sent, as if it passed the route on. No
        # peer sends, and no router chooses, a path that begins with the router's own AS.
        return {
            prefix: path and replace(path, as_path=path.as_path.removeprefix(own))
            for prefix, path in changes.items()
        }

    def _session(self, address: IPv4Address, as_number: int, state: str, at_ns: int) -> StatePatch:
        local_as = self._local_as or 0
        session = Session(peer=address, remote_as=as_number, local_as=local_as, state=state)
        return self._streams.patch(Stream.SESSION, at_ns, {str(address): session})

    def _forgotten(self, address: IPv4Address, at_ns: int) -> StatePatch:
        """Routes live as long as the session that brought them."""
        return self._streams.patch(Stream.RECEIVED, at_ns, subtrees=(f"{address}/",))

    def _at_ns(self, peer: Peer) -> int:
        is_ahead = peer.at_ns > self._received_ns + _CLOCK_AHEAD_NS
        return self._received_ns if is_ahead else peer.at_ns

    def _incident(self, what: IncidentKind, peer: Peer, text: str) -> Incident:
        return Incident(
            device=self._device,
            what=what,
            subject=str(peer.address),
            at_ns=self._at_ns(peer) or self._received_ns,
            heard_at_ns=self._received_ns,
            source=SOURCE,
            text=text[:LONGEST_TEXT],
        )


def _sample(message: RouteMonitoring) -> bytes:
    return message.update[:DEAD_LETTER_SAMPLE_BYTES]


def _gone(changes: Changes) -> Iterator[object]:
    return (prefix for prefix, path in changes.items() if path is None)
