"""A lab whose packets meet the network's rates and delays, the rates scaled down to the host's."""

from dataclasses import replace

from foreshadow.topology import Link, Topology
from shadow.emulation.lab import LabSpec, LinkShape


def shaped(topology: Topology, lab: LabSpec, *, scale: float) -> LabSpec:
    """The same lab with every link as slow and as long as the network's is.

    Args:
        topology: Says each link's capacity and delay.
        lab: The lab of that network.
        scale: Rates are divided by it, since no host forwards 100 Gbit/s; delays
            are not.
    """
    links = {link.id: link for link in topology.links}

    def shape(link: Link) -> LinkShape:
        rate_bps = link.capacity_bps / scale or None
        return LinkShape(rate_bps=rate_bps, delay_s=link.delay_s)

    return replace(lab, links=tuple(replace(it, shape=shape(links[it.id])) for it in lab.links))
