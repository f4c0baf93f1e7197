"""A router no longer announces a prefix it originates."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from scenarios.faults import bgp
from scenarios.faults.fault import Memory
from scenarios.faults.statement import ConfiguredFault, Statement, change, lines_of, not_mended
from shadow.emulation.emulator import Emulator


class PrefixWithdrawn(ConfiguredFault, frozen=True, kw_only=True, tag="prefix-withdrawn.v1"):
    """A router no longer announces a prefix it originates (`no network ...`)."""

    undoing: ClassVar[str] = "enter the router's `network` statement again"
    node: NodeId
    prefix: Annotated[Prefix, Meta(description="as the router's `network` statement has it")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.prefix} withdrawn by {self.node}"

    def remember(self, lab: Emulator) -> Memory:
        """The whole `network` statement, with whatever it sets."""
        section, line = bgp.instance(lab, self.node), f"network {self.prefix}"
        found = [
            it
            for it in lines_of(lab, self.node, section, bgp.IPV4)
            if it == line or it.startswith(f"{line} ")
        ]
        if not found:
            raise ConfigError(f"{self.node} has no statement `{line}`")

        def statement(text: str) -> Statement:
            return Statement(node=self.node, section=section, family=bgp.IPV4, line=text)

        return change([statement(f"no {line}")], [statement(found[0])])

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether its Loc-RIB has no path of its own, and its peers none from it."""
        del memory
        known = bgp.known(lab, self.node, self.prefix)
        if known.is_own:
            return f"{self.node} still originates {self.prefix}"
        if known.next_hops:
            return ""  # Somebody else announces it too, and it passes that on.
        told = [
            address
            for address, peer in bgp.peers(lab, self.node).items()
            if peer.state == bgp.ESTABLISHED
            and ":" not in address
            and str(self.prefix) in bgp.adj_rib_out(lab, self.node, address)
        ]
        return f"{self.node} still announces {self.prefix} to {', '.join(told)}" if told else ""

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether it originates the prefix again."""
        if not bgp.known(lab, self.node, self.prefix).is_own:
            return f"{self.node} does not originate {self.prefix} again"
        return not_mended(lab, memory)
