"""The network as it stands now, and where traffic would go if more of it failed."""

from dataclasses import dataclass

from foreshadow.demand import DemandKey
from foreshadow.discovery import discover, links_down
from foreshadow.exits import observed_exits, observed_reflectors
from foreshadow.observed import Stream
from foreshadow.state import NetworkState
from foreshadow.topology import LinkId
from foreshadow.walk import RoutingMatrix
from foreshadow.whatif import NO_CUT, WhatIf

ROUTING_STREAMS = frozenset(
    {Stream.INTERFACE, Stream.SESSION, Stream.BEST_PATH, Stream.RECEIVED, Stream.CONFIG}
)
"""A change in one of these may change where traffic goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The network's model, and the links that are down now."""

    what_if: WhatIf
    down: frozenset[LinkId] = NO_CUT

    def under(self, cut: frozenset[LinkId], keys: tuple[DemandKey, ...]) -> RoutingMatrix:
        """Where the demands go when `cut` fails as well."""
        return self.what_if.route(keys, self.down | cut)

    def is_as(self, other: "Present") -> bool:
        """Whether both route alike."""
        mine, theirs = self.what_if, other.what_if
        return (
            self.down == other.down
            and mine.topology == theirs.topology
            and mine.exits == theirs.exits
            and mine.reflectors == theirs.reflectors
        )


def present(state: NetworkState, known: Present | None = None) -> Present | None:
    """The network as the synced state shows it.

    Args:
        state: Production's.
        known: What it was; given back itself where nothing has changed, with all it has worked out.

    Returns:
        None while the state shows no internal link or no exit.
    """
    topology = discover(state)
    exits = observed_exits(state, topology)
    if not exits or all(link.is_external for link in topology.links):
        return None
    found = Present(
        what_if=WhatIf(topology, exits, reflectors=observed_reflectors(state)),
        down=links_down(state, topology),
    )
    return known if known is not None and known.is_as(found) else found
