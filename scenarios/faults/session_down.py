"""A BGP session is shut down by its operator and stays down."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import bgp
from scenarios.faults.fault import Memory, recall
from scenarios.faults.statement import ConfiguredFault, Statement, change, not_mended
from shadow.emulation.emulator import Emulator

_SHUT = "Idle (Admin)"
_SESSIONS = "sessions"


class SessionDown(ConfiguredFault, frozen=True, kw_only=True, tag="session-down.v1"):
    """A BGP session is shut down and stays down (`neighbor ... shutdown`)."""

    undoing: ClassVar[str] = "remove `neighbor ... shutdown`"
    node: NodeId
    peer: Annotated[NodeId, Meta(description="the router at the other end")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"session of {self.node} to {self.peer} down"

    def remember(self, lab: Emulator) -> Memory:
        """The sessions between the two, one for each address family."""
        known = bgp.peers(lab, self.node)
        addresses = [
            it for it in bgp.sessions(lab, self.node, self.peer) if known[it].state != _SHUT
        ]
        if not addresses:
            raise ConfigError(f"the session of {self.node} to {self.peer} is shut down already")
        section = bgp.instance(lab, self.node)
        lines = [f"neighbor {address} shutdown" for address in addresses]
        return (
            (_SESSIONS, " ".join(addresses)),
            *change(
                [Statement(node=self.node, section=section, line=line) for line in lines],
                [Statement(node=self.node, section=section, line=f"no {line}") for line in lines],
            ),
        )

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the sessions are down and their Adj-RIB-In empty."""
        known = bgp.peers(lab, self.node)
        for address in recall(memory, _SESSIONS).split():
            if known[address].state != _SHUT:
                return f"{self.node}'s session to {address} is {known[address].state}"
            if bgp.adj_rib_in(lab, self.node, address):
                return f"{self.node} still has prefixes of {address}"
        return ""

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the sessions are established again."""
        addresses = recall(memory, _SESSIONS).split()
        return bgp.not_established(lab, self.node, addresses) or not_mended(lab, memory)
