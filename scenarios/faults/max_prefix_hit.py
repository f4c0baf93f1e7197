"""A peer announces more prefixes than the session's limit, and the session is torn down."""

import time
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import bgp
from scenarios.faults.fault import Memory, recall
from scenarios.faults.statement import ConfiguredFault, Statement, change, lines_of, not_mended
from shadow.emulation.emulator import Emulator

_OVER_LIMIT = "Idle (PfxCt)"
_SESSION = "session"


class MaxPrefixHit(ConfiguredFault, frozen=True, kw_only=True, tag="max-prefix-hit.v1"):
    """A session dies because its peer announces more than `maximum-prefix` allows.

    The limit is set one below what the peer announces now; the session stays down until cleared.
    """

    undoing: ClassVar[str] = "set the limit as it was and clear the session"
    node: NodeId
    peer: Annotated[NodeId, Meta(description="the router at the other end")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} over its prefix limit with {self.peer}"

    def remember(self, lab: Emulator) -> Memory:
        """The session, and the limit it has."""
        address = bgp.ipv4_session(lab, self.node, self.peer)
        if broken := bgp.not_established(lab, self.node, [address]):
            raise ConfigError(f"{broken}; it cannot hit a limit")
        received = bgp.peers(lab, self.node)[address].received
        if received < 2:
            raise ConfigError(
                f"{self.node} has {received} prefixes from {self.peer}; the lowest limit is 1, "
                "so it takes two to pass it"
            )
        section, line = bgp.instance(lab, self.node), f"neighbor {address} maximum-prefix"
        before = [
            it for it in lines_of(lab, self.node, section, bgp.IPV4) if it.startswith(f"{line} ")
        ]

        def statement(text: str) -> Statement:
            return Statement(node=self.node, section=section, family=bgp.IPV4, line=text)

        mended = [statement(it) for it in before] or [statement(f"no {line}")]
        broken_by = [statement(f"{line} {received - 1}")]
        return ((_SESSION, address), *change(broken_by, mended))

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the session is down because of its limit and its Adj-RIB-In empty."""
        address = recall(memory, _SESSION)
        state = bgp.peers(lab, self.node)[address].state
        if state != _OVER_LIMIT:
            return f"{self.node}'s session to {address} is {state}"
        if bgp.adj_rib_in(lab, self.node, address):
            return f"{self.node} still has prefixes of {address}"
        return ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Set the limit as it was; the session does not start by itself."""
        super().undo(lab, memory)
        at_s = time.monotonic()
        address = recall(memory, _SESSION)
        if bgp.peers(lab, self.node)[address].state == _OVER_LIMIT:
            lab.execute(self.node, f"clear bgp {address}")
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the session is established again."""
        address = recall(memory, _SESSION)
        return bgp.not_established(lab, self.node, [address]) or not_mended(lab, memory)
