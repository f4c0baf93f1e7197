"""Where a packet goes of which a router exported the first bytes."""

from dataclasses import dataclass

import dpkt

_UNDECODABLE = (dpkt.Error, IndexError)
"""What dpkt raises on headers that are none: it was fed a few hundred thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledPacket:
    """The outermost IP header of a packet.

    Attributes:
        destination: IPv4 address as a number; None for IPv6.
        octets: Length of the IP packet by its header; 0 where that does not say (segments that the
            network card had joined).
    """

    destination: int | None
    octets: int


def of_frame(header: bytes) -> SampledPacket | None:
    """The packet in an Ethernet frame cut short, VLAN tags and MPLS labels taken off."""
    try:
        inside = dpkt.ethernet.Ethernet(header).data
    except _UNDECODABLE:
        return None
    match inside:
        case dpkt.ip.IP():
            return _ipv4(inside)
        case dpkt.ip6.IP6():
            return SampledPacket(destination=None, octets=40 + inside.plen)
        case _:
            return None


def of_packet(header: bytes) -> SampledPacket | None:
    """The packet that begins with these bytes."""
    try:
        match header[0] >> 4 if header else 0:
            case 4:
                return _ipv4(dpkt.ip.IP(header))
            case 6:
                return SampledPacket(destination=None, octets=40 + dpkt.ip6.IP6(header).plen)
            case _:
                return None
    except _UNDECODABLE:
        return None


def _ipv4(packet: dpkt.ip.IP) -> SampledPacket:
    return SampledPacket(destination=int.from_bytes(packet.dst, "big"), octets=packet.len)
