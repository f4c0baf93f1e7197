"""Which address is whose, by fixed rules, so that the same file always gives the same network.

link       the n-th of the file has the n-th /31 of 10.254.0.0/16, `a` the even address; links
           towards peers likewise in 10.253.0.0/16
IPv6       the IPv4 address in the low 32 bits: link fd00:254::/96 (a /127), towards peers
           fd00:253::/96, loopback fd00:255::/96; a prefix 10.3.0.0/16 is fd00:100:a03::/48
IS-IS      the system id is the loopback in decimal, 10.255.0.3 -> 0102.5500.0003
"""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from foreshadow.network_file import RouterEntry

INTERNAL = IPv4Network("10.254.0.0/16")
EXTERNAL = IPv4Network("10.253.0.0/16")
_BLOCKS6 = {
    INTERNAL: IPv6Network("fd00:254::/96"),
    EXTERNAL: IPv6Network("fd00:253::/96"),
}
_LOOPBACKS6 = IPv6Network("fd00:255::/96")
_PREFIXES6 = IPv6Network("fd00:100::/32")


def pair(block: IPv4Network, number: int) -> tuple[IPv4Address, IPv4Address]:
    """The two addresses of the link of that number, counted from 0."""
    return block[2 * number], block[2 * number + 1]


def loopback6(entry: RouterEntry) -> IPv6Address:
    """A router's IPv6 loopback: its own, or by rule."""
    return entry.loopback6 or _LOOPBACKS6[int(entry.loopback)]


def site6(entry: RouterEntry) -> IPv6Network:
    """A router's IPv6 site: its own, or by rule."""
    return entry.site6 or prefix6(entry.site)


def prefix6(prefix: IPv4Network) -> IPv6Network:
    """The IPv6 prefix that stands for an IPv4 one."""
    bits = int(_PREFIXES6.network_address) | int(prefix.network_address) << 64
    return IPv6Network((bits, _PREFIXES6.prefixlen + prefix.prefixlen))


def address6(address: IPv4Address) -> IPv6Address:
    """The IPv6 address beside an IPv4 one on a link."""
    block = next(six for four, six in _BLOCKS6.items() if address in four)
    return block[int(address)]


def interface6(address: IPv4Interface) -> IPv6Interface:
    """The IPv6 address beside an IPv4 one on a link, with its /127."""
    return IPv6Interface((address6(address.ip), 127))


def isis_net(entry: RouterEntry) -> str:
    """A router's network entity title: `49.0001.0102.5500.0003.00`."""
    digits = "".join(f"{byte:03d}" for byte in entry.loopback.packed)
    system = ".".join(digits[at : at + 4] for at in (0, 4, 8))
    return f"{entry.isis_area}.{system}.00"
