"""What an UPDATE of a monitored table changes: the path of each prefix, or that there is none.

The vocabulary holds one path for a peer and prefix. Where add-path (RFC 7911) brings several, the
one with the lowest path id stands for all: which of them the sender prefers, nobody can see.
"""

from collections import Counter
from collections.abc import Hashable
from ipaddress import IPv4Address

from foreshadow.routing import BestPath
from foreshadow.topology import Prefix
from ingest.sources.bgp_update import IPV4_UNICAST, Family, Nlri, Update

MOST_PATHS = 1_000_000
"""Of all peers with add-path together; one on top of that counts as the only path of its prefix."""

Changes = dict[Prefix, BestPath | None]


class MonitoredPaths:
    """Remembers, of peers with add-path alone, all paths of each prefix."""

    def __init__(self, unused: Counter[str], *, most: int = MOST_PATHS) -> None:
        """Begin with none.

        Args:
            unused: Counts routes that the vocabulary cannot hold, by what they are.
            most: How many paths are remembered.
        """
        self._unused, self._most, self._count = unused, most, 0
        self._tables: dict[Hashable, dict[Prefix, dict[int, BestPath]]] = {}

    def change(
        self, peer: Hashable, update: Update, with_path_ids: frozenset[Family], *, is_chosen: bool
    ) -> Changes:
        """The path of each prefix after an UPDATE; None where there is none any more.

        Args:
            peer: Whose table it is.
            update: What came and went.
            with_path_ids: Families in which the peer sends several paths.
            is_chosen: The table is the router's own, in which local preference means something.
        """
        has_ids = IPV4_UNICAST in with_path_ids
        table = self._tables.setdefault(peer, {}) if has_ids else None
        found: Changes = {}
        for nlri in update.withdrawn:
            if isinstance(nlri.prefix, Prefix):
                found[nlri.prefix] = self._without(table, nlri, nlri.prefix)
        for nlri in update.announced:
            if not isinstance(nlri.prefix, Prefix):
                self._unused["routes of IPv6"] += 1
                continue
            path = self._path(nlri.prefix, update, is_chosen=is_chosen)
            found[nlri.prefix] = (
                self._without(table, nlri, nlri.prefix)
                if path is None
                else self._with(table, nlri, path)
            )
        return found

    def forget(self, peer: Hashable) -> None:
        """All paths of a peer are gone."""
        self._count -= sum(map(len, self._tables.pop(peer, {}).values()))

    def _path(self, prefix: Prefix, update: Update, *, is_chosen: bool) -> BestPath | None:
        said = update.attributes
        if not isinstance(update.next_hop, IPv4Address):
            self._unused["IPv4 routes with an IPv6 next hop"] += 1
            return None
        return BestPath(
            prefix=prefix,
            next_hop=update.next_hop,
            # RFC 4271 section 5.1.5: what an eBGP peer says of it is ignored.
            local_preference=said.local_preference if is_chosen else None,
            med=said.med,
            as_path=said.as_path or "",
            origin=said.origin or "incomplete",
            communities=said.communities,
        )

    def _with(
        self, table: dict[Prefix, dict[int, BestPath]] | None, nlri: Nlri, path: BestPath
    ) -> BestPath:
        if table is None:
            return path
        paths = table.get(path.prefix, {})
        if nlri.path_id not in paths:
            if self._count >= self._most:
                self._unused["paths beyond what is remembered"] += 1
                return path
            self._count += 1
        table.setdefault(path.prefix, paths)[nlri.path_id] = path
        return paths[min(paths)]

    def _without(
        self, table: dict[Prefix, dict[int, BestPath]] | None, nlri: Nlri, prefix: Prefix
    ) -> BestPath | None:
        paths = {} if table is None else table.get(prefix, {})
        if paths.pop(nlri.path_id, None) is not None:
            self._count -= 1
        if paths:
            return paths[min(paths)]
        if table is not None:
            table.pop(prefix, None)
        return None
