"""Which router of a lab has which address."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_interface

from foreshadow.topology import NodeId
from frr.configuration import parse
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd

_ADDRESS = re.compile(r"^ +ip(?:v6)? address (\S+)", re.MULTILINE)


def addresses_of(lab: Emulator, node: NodeId) -> frozenset[IPv4Address | IPv6Address]:
    """Every address a router was configured with."""
    return frozenset(ip_interface(text).ip for text in _ADDRESS.findall(lab.spec.node(node).config))


def addresses_at(lab: Emulator, end: LabEnd) -> tuple[IPv4Address | IPv6Address, ...]:
    """The addresses an interface was configured with."""
    lines = next(
        (
            block.body
            for block in parse(lab.spec.node(end.node).config)
            if block.header == f"interface {end.interface}"
        ),
        (),
    )
    return tuple(ip_interface(text).ip for text in _ADDRESS.findall("\n".join(lines)))
