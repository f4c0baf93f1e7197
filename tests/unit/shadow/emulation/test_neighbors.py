"""Which addresses are at the other end of a cable, by the routers' configurations."""

from ipaddress import IPv4Address

from foreshadow.topology import LinkId, NodeId
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec
from shadow.emulation.neighbors import addresses

_A, _B = NodeId("A"), NodeId("B")
_CONFIG = """\
hostname A
interface lo
 ip address 10.255.0.1/32
exit
interface to-B
 ip address 10.254.0.0/31
 ipv6 address 2001:db8::/127
 ip ospf area 0
exit
"""


def test_every_interface_has_the_addresses_it_is_given() -> None:
    """IPv4 only; a router without interfaces has none."""
    a, b = LabEnd(node=_A, interface="to-B"), LabEnd(node=_B, interface="to-A")
    spec = LabSpec(
        nodes=(LabNode(id=_A, config=_CONFIG), LabNode(id=_B, config="hostname B\n")),
        links=(LabLink(id=LinkId("A-B"), a=a, b=b),),
    )

    assert addresses(spec) == {
        LabEnd(node=_A, interface="lo"): (IPv4Address("10.255.0.1"),),
        a: (IPv4Address("10.254.0.0"),),
    }
