"""A border router hands another network more than it must."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import bgp
from scenarios.faults.fault import Memory, recall
from scenarios.faults.statement import ConfiguredFault, Statement, change, lines_of, not_mended
from shadow.emulation.emulator import Emulator

_SESSION, _LEAKED = "session", "leaked"
_WATCHED = 10
"""So many of the leaked prefixes are looked for; a full table has a million."""


class RouteLeaked(ConfiguredFault, frozen=True, kw_only=True, tag="route-leaked.v1"):
    """A border router exports all it knows to a peer (RFC 7908): its outbound policy is gone."""

    undoing: ClassVar[str] = "attach the outbound policy the session had"
    node: Annotated[NodeId, Meta(description="our border router")]
    peer: Annotated[NodeId, Meta(description="the peer's border router")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} leaks routes to {self.peer}"

    def remember(self, lab: Emulator) -> Memory:
        """The policy the session has, and prefixes that must not pass it."""
        address = bgp.ipv4_session(lab, self.node, self.peer)
        if broken := bgp.not_established(lab, self.node, [address]):
            raise ConfigError(f"{broken}; nothing can leak over it")
        held_back = (
            bgp.loc_rib(lab, self.node)
            - bgp.adj_rib_out(lab, self.node, address)
            - bgp.adj_rib_in(lab, self.node, address)
        )
        if not held_back:
            raise ConfigError(f"{self.node} announces all it knows to {self.peer} already")
        return (
            (_SESSION, address),
            (_LEAKED, " ".join(sorted(held_back)[:_WATCHED])),
            *self._without_policy(lab, address),
        )

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Attach a policy that lets everything pass."""
        at_s = super().inject(lab, memory)
        self._tell(lab, memory)
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the Adj-RIB-Out has what was held back."""
        out = bgp.adj_rib_out(lab, self.node, recall(memory, _SESSION))
        kept = [it for it in recall(memory, _LEAKED).split() if it not in out]
        return f"{self.node} does not announce {kept[0]} to {self.peer}" if kept else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Attach the policy of before."""
        at_s = super().undo(lab, memory)
        self._tell(lab, memory)
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the Adj-RIB-Out has nothing of it any more."""
        out = bgp.adj_rib_out(lab, self.node, recall(memory, _SESSION))
        left = [it for it in recall(memory, _LEAKED).split() if it in out]
        if left:
            return f"{self.node} still announces {left[0]} to {self.peer}"
        return not_mended(lab, memory)

    def _without_policy(self, lab: Emulator, address: str) -> Memory:
        section = bgp.instance(lab, self.node)
        before = [
            line
            for line in lines_of(lab, self.node, section, bgp.IPV4)
            if line.startswith(f"neighbor {address} route-map ") and line.endswith(" out")
        ]
        leak = f"FS-LEAK-{self.peer}"

        def attached(line: str) -> Statement:
            return Statement(node=self.node, section=section, family=bgp.IPV4, line=line)

        attach = f"neighbor {address} route-map {leak} out"
        return change(
            [
                Statement(node=self.node, section=f"route-map {leak} permit 10", line=""),
                attached(attach),
            ],
            [
                *([attached(line) for line in before] or [attached(f"no {attach}")]),
                Statement(node=self.node, line=f"no route-map {leak}"),
            ],
        )

    def _tell(self, lab: Emulator, memory: Memory) -> None:
        """Let the new policy act at once and not after `bgp route-map delay-timer`."""
        lab.execute(self.node, f"clear bgp ipv4 unicast {recall(memory, _SESSION)} soft out")
