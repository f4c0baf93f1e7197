"""All links of a shared risk group are cut: the duct, the card, the feed they have in common."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, SrlgId, Topology
from scenarios.faults import carrier, witness
from scenarios.faults.carrier_cut import CarrierCut
from scenarios.faults.fault import Memory
from shadow.emulation.emulator import Emulator


class SrlgCut(CarrierCut, frozen=True, kw_only=True, tag="srlg-cut.v1"):
    """All links of a shared risk group are cut (RFC 4202): what they have in common breaks."""

    undoing: ClassVar[str] = "give each member its carrier again"
    group: SrlgId
    links: Annotated[tuple[LinkId, ...], Meta(min_length=1, description="the group's members")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.group} cut: {', '.join(self.links)}"

    def remember(self, lab: Emulator) -> Memory:
        """Which members are up, and who is a neighbor over them."""
        members = [lab.spec.link(link) for link in self.links]
        if not any(link.is_up for link in members):
            raise ConfigError(f"every link of {self.group} is down already")
        return *carrier.noted(members), *witness.of_links(lab, members)


def members(topology: Topology, group: str) -> tuple[LinkId, ...]:
    """The links of a group, in the order of the topology.

    Raises:
        ConfigError: No link is in a group of that name.
    """
    found = tuple(link.id for link in topology.links if SrlgId(group) in link.srlgs)
    if not found:
        known = sorted({srlg for link in topology.links for srlg in link.srlgs})
        raise ConfigError(
            f"no link is in the group {group!r}; "
            + (f"there are {', '.join(known)}" if known else "the network names no groups")
        )
    return found
