"""Which ends of which links have a whole IGP adjacency, now and before a fault."""

from collections.abc import Iterable

from scenarios.faults.fault import Memory, recall
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd, LabLink

_WHOLE = ("Full", "Up")
"""How OSPF and IS-IS call an adjacency over which the link-state databases agree."""

_ADJACENT = "adjacent"


def adjacent(lab: Emulator, links: Iterable[LabLink]) -> tuple[LabEnd, ...]:
    """The ends of these links at which a router has a whole adjacency."""
    whole = {
        (node, adjacency.interface)
        for node, adjacencies in lab.adjacencies().items()
        for adjacency in adjacencies
        if adjacency.state.startswith(_WHOLE)
    }
    ends = (end for link in links for end in (link.a, link.b))
    return tuple(end for end in ends if (end.node, end.interface) in whole)


def noted(ends: Iterable[LabEnd]) -> Memory:
    """The ends as something to remember."""
    return ((_ADJACENT, " ".join(f"{end.node}:{end.interface}" for end in ends)),)


def still_adjacent(lab: Emulator, links: Iterable[LabLink], memory: Memory) -> str:
    """Which of the remembered adjacencies are still there, as a sentence; "" for none."""
    now = {f"{end.node}:{end.interface}" for end in adjacent(lab, links)}
    left = [end for end in recall(memory, _ADJACENT).split() if end in now]
    return f"still adjacent: {', '.join(left)}" if left else ""


def missing_again(lab: Emulator, links: Iterable[LabLink], memory: Memory) -> str:
    """Which of the remembered adjacencies are not there, as a sentence; "" for none."""
    now = {f"{end.node}:{end.interface}" for end in adjacent(lab, links)}
    gone = [end for end in recall(memory, _ADJACENT).split() if end not in now]
    return f"not adjacent again: {', '.join(gone)}" if gone else ""
