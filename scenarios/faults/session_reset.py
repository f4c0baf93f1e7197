"""A BGP session is torn down and comes up again by itself."""

import time
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import bgp
from scenarios.faults.fault import FaultValue, Memory
from shadow.emulation.emulator import Emulator


class SessionReset(FaultValue, frozen=True, kw_only=True, tag="session-reset.v1"):
    """A BGP session is torn down (`clear bgp`) and comes up again by itself.

    It may be up again before anybody looks: the counter of lost connections tells.
    """

    undoing: ClassVar[str] = "nothing to take back: see that the session is established again"
    node: NodeId
    peer: Annotated[NodeId, Meta(description="the router at the other end")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"session of {self.node} to {self.peer} reset"

    def remember(self, lab: Emulator) -> Memory:
        """How often each session between the two was lost so far."""
        known = bgp.peers(lab, self.node)
        addresses = bgp.sessions(lab, self.node, self.peer)
        if broken := bgp.not_established(lab, self.node, addresses):
            raise ConfigError(f"{broken}; there is nothing to reset")
        return tuple((address, str(known[address].dropped)) for address in addresses)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Tear it down, unless that was done already."""
        at_s = time.monotonic()
        for address in self._untouched(lab, memory):
            lab.execute(self.node, f"clear bgp {address}")
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether each session was lost once more than before."""
        left = self._untouched(lab, memory)
        return f"{self.node} did not lose its session to {', '.join(left)}" if left else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Nothing: a session that was reset comes up by itself."""
        del lab, memory
        return time.monotonic()

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the sessions are established again."""
        return bgp.not_established(lab, self.node, [address for address, _ in memory])

    def _untouched(self, lab: Emulator, memory: Memory) -> list[str]:
        known = bgp.peers(lab, self.node)
        return [address for address, dropped in memory if known[address].dropped <= int(dropped)]
