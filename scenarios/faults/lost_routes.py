"""Routes that the kernel dropped while zebra believes them installed, and how they come back.

The kernel forgets routes over an interface that goes down and tells nobody. When the interface is
back before the IGP has run its SPF, bgpd's next hop is what it was, so nothing is sent to zebra and
zebra sends nothing to the kernel: BGP routes over the link stay lost (FRR 8.4.4, IPv6 behind IS-IS
whose SPF is held back to a second, in a third of the flaps of 0.2 s). A real FRR router would lose
them too, so nothing is done about it while the fault lasts; afterwards the lab must be as before.
"""

import time

from foreshadow.topology import NodeId
from shadow.emulation.emulator import Emulator

_QUIET_S, _WITHIN_S = 0.3, 3.0
_LOOKS, _POLL_S = 5, 0.1


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


def _lost(lab: Emulator) -> frozenset[tuple[NodeId, str]]:
    """Routers and address families in which the kernel has nothing where zebra has something."""
    named = (line.split() for line in lab.disagreements() if line.endswith("kernel nothing"))
    return frozenset((NodeId(words[0]), "ipv6" if "::" in words[1] else "ipv4") for words in named)
