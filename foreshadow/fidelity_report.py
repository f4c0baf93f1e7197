"""How well the shadow reproduces production, and which state of production was compared."""

from datetime import datetime

import msgspec

from foreshadow.observed import Stream
from foreshadow.topology import LinkId, NodeId


class RouterFidelity(msgspec.Struct, frozen=True, kw_only=True):
    """What one router's copy does as the router itself does.

    Attributes:
        agree: Adjacencies, sessions and best next hops that are the same.
        total: Those that either has.
    """

    router: NodeId
    agree: int
    total: int

    @property
    def share(self) -> float:
        """The part that agrees, 0 to 1; 0 where nothing could be compared."""
        return self.agree / self.total if self.total else 0.0


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that production and the shadow do differently.

    Attributes:
        what: `adjacency`, `session` or `best next hop`.
        where: Which one: interface and neighbor, peer, prefix.
        production: What production does; `none` where it has no such thing.
        shadow: What the shadow does; likewise.
        cause: The likely reason, as far as both sides together tell.
    """

    router: NodeId
    what: str
    where: str
    production: str
    shadow: str
    cause: str

    def __str__(self) -> str:
        return (
            f"{self.what} {self.router} {self.where}: production {self.production}, "
            f"shadow {self.shadow}"
        )


class FidelityReport(
    msgspec.Struct, frozen=True, kw_only=True, tag="fidelity.v1", tag_field="kind"
):
    """One comparison of the mirror with production.

    Attributes:
        at: When the mirror was read.
        adjacencies_agree: IGP adjacencies that both have, in the same state and at the same cost.
        adjacencies_total: IGP adjacencies that either has.
        next_hops_agree: (router, prefix) pairs with the same best next hop.
        next_hops_total: (router, prefix) pairs that either has.
        sessions_agree: BGP sessions in the same state.
        sessions_total: BGP sessions that either has.
        disagreements: The first ten, one sentence each.
        links_down: Links that are down in the mirror.
        vector: State the mirror has applied: (device, stream, epoch, seq).
        is_stale: Some stream of production was known to be out of date.
        routers: The same router by router.
        explained: The first ten disagreements with their likely causes.
    """

    at: datetime
    adjacencies_agree: int
    adjacencies_total: int
    next_hops_agree: int
    next_hops_total: int
    sessions_agree: int
    sessions_total: int
    disagreements: tuple[str, ...]
    links_down: tuple[LinkId, ...]
    vector: tuple[tuple[NodeId, Stream, int, int], ...]
    is_stale: bool
    routers: tuple[RouterFidelity, ...] = ()
    explained: tuple[Disagreement, ...] = ()

    @property
    def share(self) -> float:
        """Everything compared that agrees, 0 to 1; 0 where nothing could be compared."""
        total = self.adjacencies_total + self.next_hops_total + self.sessions_total
        agree = self.adjacencies_agree + self.next_hops_agree + self.sessions_agree
        return agree / total if total else 0.0

    @property
    def percent(self) -> float:
        """The share in percent, as reports show it."""
        return 100 * self.share
