"""Routes that the kernel dropped while zebra believes them installed, and how they come back.

The kernel forgets routes over an interface that goes down. When the interface is back soon, BGP's
next hops are what they were, so zebra believes its routes to be where they were and tells the
kernel nothing: they stay lost (seen with FRR 8.4.4 and IPv6 behind IS-IS, in a third of the flaps
of 0.2 s, once after half a second, not after a second). A real FRR router would lose them too, so
nothing is done about it while the fault lasts; afterwards the lab must be as before.
"""

import time

from foreshadow.topology import NodeId
from scenarios.faults import witness
from scenarios.faults.fault import Memory
from shadow.emulation.emulator import Emulator

_QUIET_S, _WITHIN_S = 0.3, 3.0
_LOOKS, _POLL_S = 5, 0.1
_NEIGHBORS_WITHIN_S = 5.0


def bring_back(lab: Emulator) -> frozenset[NodeId]:
    """Let routers whose kernel lacks what zebra has learn it again; returns which.

    Zebra and kernel disagree for a moment after every change, so only what stays counts.
    """
    lab.wait_settled(quiet_s=_QUIET_S, within_s=_WITHIN_S)
    lost = _lost(lab)
    for _ in range(_LOOKS):
        if not lost:
            break
        time.sleep(_POLL_S)
        lost &= _lost(lab)
    for node, family in sorted(lost):
        lab.execute(node, f"clear bgp {family} unicast *")
    return frozenset(node for node, _ in lost)


def bring_back_after(lab: Emulator, memory: Memory) -> None:
    """The same, once the remembered neighbors are there again; they are not waited for long."""
    deadline_s = time.monotonic() + _NEIGHBORS_WITHIN_S
    while witness.not_again(lab, memory) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    bring_back(lab)


def _lost(lab: Emulator) -> frozenset[tuple[NodeId, str]]:
    """Routers and address families in which the kernel has nothing where zebra has something."""
    named = (line.split() for line in lab.disagreements() if line.endswith("kernel nothing"))
    return frozenset((NodeId(words[0]), "ipv6" if "::" in words[1] else "ipv4") for words in named)
