"""The drills that designs are compared by: one link fails, with or without its carrier.

The same for every design, chosen on the network as it is: the single cuts that the routing model
fears most, and the worst of them once more in silence.
"""

import networkx as nx

from foreshadow.demand import DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile
from foreshadow.topology import LinkId, Topology
from foreshadow.walk import worst
from foreshadow.whatif import single_cuts
from scenarios.check import Check, CheckKind, Moment
from scenarios.drill_plan import NO_LOAD_LIMIT, DrillLimits, DrillPlan, PlannedFault
from scenarios.drills.pace import Patience
from scenarios.faults.catalogue import encode, kind_of
from scenarios.faults.link_down import LinkDown
from scenarios.faults.link_silent import LinkSilent
from scenarios.planning.planned_network import planned

DesignFault = LinkDown | LinkSilent

_HEALED = tuple(
    Check(moment=moment, kind=kind, limit=0.0)
    for moment in (Moment.DURING, Moment.AFTER)
    for kind in (CheckKind.NO_LOOP, CheckKind.NO_BLACKHOLE)
)
"""What every design has to achieve; how fast and at which load is what is compared."""

_NOTICED_LATE_S = 1.5
"""What passes between the last missed hello and the first changed table, at most."""


def worst_cuts(network: NetworkFile, demand: DemandMatrix, count: int) -> tuple[LinkId, ...]:
    """The single cuts that fill a link most, worst first; those that split the network left out.

    What enters behind a bridge is lost with it in any design.
    """
    model = planned(network)
    topology = model.what_if.topology
    ratios = {
        link: worst(model.under(cut, demand.keys).load_ratios(demand))[1]
        for cut in single_cuts(topology)
        for link in cut
        if _is_whole(topology.without(cut))
    }
    return tuple(sorted(ratios, key=lambda link: (-ratios[link], link))[:count])


def design_faults(
    network: NetworkFile, demand: DemandMatrix, *, cuts: tuple[str, ...] = (), count: int = 3
) -> tuple[DesignFault, ...]:
    """The faults each design is put to.

    Args:
        network: As it is; every design has its links.
        demand: What it carries.
        cuts: Links to cut, `A-B`; empty for the `count` worst.
        count: How many.

    Raises:
        ConfigError: There is no such link, or none that can be cut without splitting the network.
    """
    topology = planned(network).what_if.topology
    chosen = tuple(_link(topology, name) for name in cuts)
    chosen = chosen or worst_cuts(network, demand, count)
    if not chosen:
        raise ConfigError(f"every link of {network.name} is a bridge; name the links to cut")
    return (*(LinkDown(link=link) for link in chosen), LinkSilent(link=chosen[0]))


def design_plan(name: str, fault: DesignFault, demand: DemandMatrix) -> DrillPlan:
    """One fault that lasts until the tables under it are at rest and read."""
    return DrillPlan(
        id=name,
        scenario="",
        scenario_sha256="",
        faults=(
            PlannedFault(
                number=0,
                kind=kind_of(fault),
                name=fault.name,
                fault=encode(fault),
                inject_at_s=0.0,
                undo_at_s=0.0,
                links=(fault.link,),
            ),
        ),
        checks=_HEALED,
        limits=DrillLimits(),
        demand=demand,
        load_limit=NO_LOAD_LIMIT,  # How full links get is compared, not judged.
        seed=0,
    )


def design_patience(network: NetworkFile, fault: DesignFault) -> Patience:
    """How long tables must rest before they count as settled under a fault.

    Nothing at all happens between a silent failure and its detection; who reads the tables then
    reads those of the network before it.
    """
    usual = Patience()
    if isinstance(fault, LinkDown):
        return usual
    quiet_s = detection_s(network, fault.link) + _NOTICED_LATE_S
    return Patience(
        quiet_s=quiet_s, settle_s=usual.settle_s + 3 * quiet_s, recover_s=usual.recover_s + quiet_s
    )


def detection_s(network: NetworkFile, link_id: LinkId) -> float:
    """After what silence the routers at its ends give a link up."""
    link = next(link for link in network.links if link.id == link_id)
    bfd = network.bfd if link.bfd is None else link.bfd
    if bfd:
        return bfd.interval_ms * bfd.multiplier / 1e3
    return float((link.hello or network.hello).dead_s)


def _link(topology: Topology, name: str) -> LinkId:
    try:
        found = topology.link(name)
    except KeyError as error:
        known = ", ".join(link.id for link in topology.links if not link.is_external)
        raise ConfigError(f"no link {name!r} in the network; there are {known}") from error
    if found.is_external:
        raise ConfigError(f"{name} leads to another network; name a link between our own routers")
    return found.id


def _is_whole(topology: Topology) -> bool:
    return bool(nx.is_weakly_connected(topology.graph()))
