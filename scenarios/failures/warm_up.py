"""The kernel, compiled before anybody waits for it."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.exits import Exit
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, Topology
from scenarios.failures.engine import FailureEngine

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def warm_up() -> None:
    """Have the kernel ready: some 20 s the first time on a host, a second after that."""
    ends = [
        LinkEnd(node=NodeId(name), interface="i", address=IPv4Address(number), metric=1)
        for number, name in enumerate("ab")
    ]
    link = Link(id=LinkId("a-b"), a=ends[0], b=ends[1], capacity_bps=1.0)
    site = IPv4Network("192.0.2.0/24")
    topology = Topology(nodes=(Node(id=NodeId("a")), Node(id=NodeId("b"))), links=(link,))
    demand = DemandMatrix(
        at=_LONG_AGO, keys=(DemandKey(ingress=NodeId("a"), prefix=site),), rates_bps=(1.0,)
    )
    engine = FailureEngine(topology, {site: (Exit(router=NodeId("b")),)})
    engine.under((demand,)).survey((frozenset({link.id}),), limit_ratio=1.0)
