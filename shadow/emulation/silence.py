"""Links that carry nothing while their carrier stays up: the failure no router notices by itself.

An nftables table of the family `netdev` drops what an interface takes in and what it sends. On the
way out that includes what IS-IS sends past the IP stack; on the way in such frames are seen before
the hook, which is why a link is silenced at both ends. A change is one transaction of one process.
"""

import msgspec

from foreshadow.codec import from_json
from shadow.emulation.network_tools import run_tool_at

_TABLE = "silent-"
_SILENCE = """\
table netdev {table} {{
  chain in {{ type filter hook ingress device "{interface}" priority -500; policy drop; }}
  chain out {{ type filter hook egress device "{interface}" priority -500; policy drop; }}
}}
"""
_END = "add table netdev {table}\ndelete table netdev {table}\n"
"""Adding what is there already changes nothing, so the deletion cannot miss it."""


class _Table(msgspec.Struct, frozen=True):
    name: str = ""


class _Item(msgspec.Struct, frozen=True):
    table: _Table = _Table()


class _Listing(msgspec.Struct, frozen=True):
    nftables: tuple[_Item, ...] = ()


def silence(netns: str, interface: str) -> None:
    """Drop everything at an interface, both ways; nothing changes where it is silent.

    Raises:
        EmulationFailed: The kernel refused.
    """
    table = f"{_TABLE}{interface}"
    # First away with it: declaring a chain that is there would be an error.
    _nft(netns, "-f", "-", script=_END.format(table=table) + _text(table, interface))


def end_silence(netns: str, interface: str) -> None:
    """Let an interface carry again; nothing changes where it does.

    Raises:
        EmulationFailed: The kernel refused.
    """
    _nft(netns, "-f", "-", script=_END.format(table=f"{_TABLE}{interface}"))


def silent_interfaces(netns: str) -> frozenset[str]:
    """The interfaces that drop everything now, as the kernel says.

    Raises:
        EmulationFailed: It does not say.
    """
    listing = from_json(_nft(netns, "-j", "list", "tables", "netdev"), _Listing)
    names = (item.table.name for item in listing.nftables)
    return frozenset(name.removeprefix(_TABLE) for name in names if name.startswith(_TABLE))


def _text(table: str, interface: str) -> str:
    return _SILENCE.format(table=table, interface=interface)


def _nft(netns: str, *arguments: str, script: str = "") -> str:
    return run_tool_at(netns, "nft", *arguments, script=script)
