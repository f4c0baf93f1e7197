"""Who is at the other end of each cable, told to the kernel in advance.

The kernel has one table of neighbors for all network namespaces together, and by default 1024 of
them (`net.ipv4.neigh.default.gc_thresh3`, whose change would be one of the host). Every OSPF link
needs four: at each end its neighbor and the multicast group 224.0.0.5. Beyond 250 links the table
overflows and packets are dropped while adjacencies form: a lab of 500 routers never comes up, and
no small one that is started beside it sends more than two hellos. So every lab does this.

Permanent entries do not count. They are also never wrong here: a cable has two ends, so whatever
address is not ours is the other's, and the group's link address is fixed (RFC 1112). They go when
an interface is set down, and a neighbor's becomes a learnt one when ospfd has it looked up anew
(`proactive-arp`, FRR's default); the group's comes back with the interface.
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface

from frr.configuration import parse
from shadow.emulation.lab import LabEnd, LabSpec

GROUPS = {IPv4Address("224.0.0.5"): bytes.fromhex("01005e000005")}
"""All OSPF routers of a cable, and their link address."""

_ADDRESS = re.compile(r"\s*ip address (\S+)$")

Addresses = Mapping[LabEnd, tuple[IPv4Address, ...]]


def addresses(spec: LabSpec) -> Addresses:
    """The addresses of each interface, as the routers' configurations give them."""
    return {
        LabEnd(node=node.id, interface=interface): tuple(found)
        for node in spec.nodes
        for interface, found in _of_interfaces(node.config)
    }


def _of_interfaces(config: str) -> Iterator[tuple[str, list[IPv4Address]]]:
    for block in parse(config):
        if block.header.startswith("interface "):
            lines = (_ADDRESS.match(line) for line in block.body)
            found = [IPv4Interface(line[1]).ip for line in lines if line]
            yield block.header.removeprefix("interface "), found
