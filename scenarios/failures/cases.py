"""Which failures are worth a look: each link, each shared risk group, each router, each pair."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from foreshadow.topology import Link, LinkId, NodeId, SrlgId, Topology


class Kind(StrEnum):
    """What fails."""

    LINK = "link"
    SRLG = "srlg"
    NODE = "node"
    PAIR = "pair"
    """Two links that have nothing to do with each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One failure.

    Attributes:
        name: `A-B`, a risk group's or a router's name, `A-B + C-D`; several where a person says so.
        cut: The links that are down under it; external ones of a router too.
    """

    name: str
    kind: Kind
    cut: frozenset[LinkId]


def link_cases(topology: Topology) -> Iterator[Case]:
    """Every internal link by itself, in link order (N-1)."""
    for link in _internal(topology):
        yield Case(name=link.id, kind=Kind.LINK, cut=frozenset({link.id}))


def pair_cases(topology: Topology) -> Iterator[Case]:
    """Every two internal links at once (N-2)."""
    for one, other in combinations(_internal(topology), 2):
        yield Case(name=f"{one.id} + {other.id}", kind=Kind.PAIR, cut=frozenset({one.id, other.id}))


def srlg_cases(topology: Topology) -> Iterator[Case]:
    """Every shared risk link group, by name."""
    members: dict[SrlgId, set[LinkId]] = defaultdict(set)
    for link in topology.links:
        for group in link.srlgs:
            members[group].add(link.id)
    for group in sorted(members):
        yield Case(name=group, kind=Kind.SRLG, cut=frozenset(members[group]))


def node_cases(topology: Topology) -> Iterator[Case]:
    """Every router of ours, with all that is attached to it."""
    attached: dict[NodeId, set[LinkId]] = defaultdict(set)
    for link in topology.links:
        attached[link.a.node].add(link.id)
        attached[link.b.node].add(link.id)
    for node in topology.nodes:
        if not node.is_external:
            yield Case(name=node.id, kind=Kind.NODE, cut=frozenset(attached[node.id]))


ALL: Mapping[str, Callable[[Topology], Iterator[Case]]] = {
    "n-1": link_cases,
    "n-2": pair_cases,
    "nodes": node_cases,
    "srlgs": srlg_cases,
}
"""What a person asks for, and the cases it means."""


def usual_cases(topology: Topology) -> Iterator[Case]:
    """What a network has to bear: each link, each risk group and each router."""
    yield from link_cases(topology)
    yield from srlg_cases(topology)
    yield from node_cases(topology)


def _internal(topology: Topology) -> tuple[Link, ...]:
    return tuple(link for link in topology.links if not link.is_external)
