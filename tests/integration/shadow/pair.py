"""The smallest lab in which a link can be measured: two routers that speak OSPF and IS-IS."""

from foreshadow.topology import LinkId, NodeId, Prefix
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec

A, B = NodeId("A"), NodeId("B")
LINK = LinkId("A-B")
LOOPBACKS = {A: "10.255.0.1", B: "10.255.0.2"}
_NET = "49.0001.0000.0000.000{number}.00"

_CONFIG = """\
frr defaults traditional
hostname {name}
no zebra nexthop kernel enable
interface lo
 ip address {loopback}/32
 ip ospf area 0
 ip router isis lab
 isis passive
interface to-{peer}
 ip address 10.254.0.{number}/30
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip router isis lab
 isis network point-to-point
 isis hello-interval 1
 isis hello-multiplier 4
router ospf
 ospf router-id {loopback}
router isis lab
 net {net}
 is-type level-2-only
"""


def pair() -> LabSpec:
    """Two routers and the link between them."""
    return LabSpec(
        nodes=(_node(A, B, 1), _node(B, A, 2)),
        links=(LabLink(id=LINK, a=LabEnd(node=A, interface="to-B"), b=_end(B)),),
    )


def everywhere() -> dict[NodeId, frozenset[Prefix]]:
    """The other's loopback in each table: what up means for this lab."""
    return {
        A: frozenset({Prefix(f"{LOOPBACKS[B]}/32")}),
        B: frozenset({Prefix(f"{LOOPBACKS[A]}/32")}),
    }


def _end(node: NodeId) -> LabEnd:
    return LabEnd(node=node, interface="to-A" if node == B else "to-B")


def _node(name: NodeId, peer: NodeId, number: int) -> LabNode:
    config = _CONFIG.format(
        name=name,
        peer=peer,
        number=number,
        loopback=LOOPBACKS[name],
        net=_NET.format(number=number),
    )
    return LabNode(id=name, config=config)
