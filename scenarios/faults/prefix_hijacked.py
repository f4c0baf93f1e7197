"""Somebody announces a prefix that is not theirs."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from scenarios.faults import bgp
from scenarios.faults.fault import Memory
from scenarios.faults.statement import ConfiguredFault, Statement, change, not_mended
from shadow.emulation.emulator import Emulator


class PrefixHijacked(ConfiguredFault, frozen=True, kw_only=True, tag="prefix-hijacked.v1"):
    """A router announces a prefix that is not its own and drops what it attracts.

    Announce a more specific one than the owner does and longest match gives it all the traffic.
    Its own outbound policies let the prefix pass; what the others do about it is their policy.
    """

    undoing: ClassVar[str] = "remove the announcement, its discard route and its policy"
    node: Annotated[NodeId, Meta(description="who announces it: a peer's border router or ours")]
    prefix: Annotated[Prefix, Meta(description="what it announces")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.prefix} hijacked by {self.node}"

    def remember(self, lab: Emulator) -> Memory:
        """The outbound policies the prefix has to get past."""
        section = bgp.instance(lab, self.node)
        if bgp.known(lab, self.node, self.prefix).is_own:
            raise ConfigError(f"{self.node} announces {self.prefix} anyway; choose another prefix")
        hole = f"FS-HIJACK-{self.prefix.network_address}-{self.prefix.prefixlen}"
        broken: list[Statement] = [
            self._top(f"ip route {self.prefix} blackhole"),
            self._top(f"ip prefix-list {hole} seq 5 permit {self.prefix}"),
        ]
        mended: list[Statement] = []
        for number, policy in enumerate(bgp.outbound_policies(lab, self.node), start=1):
            name = f"{hole}-{number}"
            broken += self._passed(name, hole, policy.route_map)
            attach = f"neighbor {policy.neighbor} route-map {name} out"
            broken.append(self._announced(section, attach))
            mended.append(
                self._announced(
                    section,
                    f"neighbor {policy.neighbor} route-map {policy.route_map} out"
                    if policy.route_map
                    else f"no {attach}",
                )
            )
            mended.append(self._top(f"no route-map {name}"))
        network = f"network {self.prefix}"
        broken.append(self._announced(section, network))
        mended.insert(0, self._announced(section, f"no {network}"))
        mended.append(self._top(f"no ip prefix-list {hole}"))
        mended.append(self._top(f"no ip route {self.prefix} blackhole"))
        return change(broken, mended)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Announce it."""
        at_s = super().inject(lab, memory)
        lab.execute(self.node, "clear bgp ipv4 unicast * soft out")
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether it is in the Loc-RIB and in some Adj-RIB-Out."""
        del memory
        known = bgp.known(lab, self.node, self.prefix)
        if not known.is_own:
            return f"{self.node} does not originate {self.prefix} yet"
        return "" if known.announced_to else f"{self.node} announces {self.prefix} to nobody"

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Withdraw it and put the policies back."""
        at_s = super().undo(lab, memory)
        lab.execute(self.node, "clear bgp ipv4 unicast * soft out")
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether its Loc-RIB has no such prefix of its own."""
        if bgp.known(lab, self.node, self.prefix).is_own:
            return f"{self.node} still originates {self.prefix}"
        return not_mended(lab, memory)

    def _passed(self, name: str, hole: str, policy: str) -> list[Statement]:
        """A policy that lets the prefix pass and asks the one of before about all others."""
        first, second = f"route-map {name} permit 10", f"route-map {name} permit 20"
        statements = [
            Statement(node=self.node, section=first, line=f"match ip address prefix-list {hole}")
        ]
        if policy:
            statements.append(Statement(node=self.node, section=second, line=f"call {policy}"))
        return statements

    def _top(self, line: str) -> Statement:
        return Statement(node=self.node, line=line)

    def _announced(self, section: str, line: str) -> Statement:
        return Statement(node=self.node, section=section, family=bgp.IPV4, line=line)
