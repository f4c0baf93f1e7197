"""FRR configuration text taken apart and put together, as vtysh does it, without vtysh's 25 ms.

A router's configuration is one text to its operator and several to its daemons. `split` gives each
daemon its own part, `merge` makes one text of the parts. The form is what `show running-config`
prints: a header at the left margin, its body indented by a space, `exit`, `!`.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from foreshadow.errors import ConfigError


class Daemon(StrEnum):
    """The daemons of a router, in the order of start; each owns a part of the configuration."""

    ZEBRA = "zebra"
    STATICD = "staticd"
    BFDD = "bfdd"
    OSPFD = "ospfd"
    ISISD = "isisd"
    BGPD = "bgpd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One statement at the left margin with what is indented below it."""

    header: str
    body: tuple[str, ...] = ()
    line: int = 0

    @property
    def is_section(self) -> bool:
        """Whether the header opens a node that `exit` leaves."""
        return bool(self.body) or _SECTION.match(self.header) is not None

    def lines(self) -> Iterator[str]:
        """The block as text, closed."""
        yield self.header
        yield from self.body
        if self.is_section:
            yield "exit"


_ALL = tuple(Daemon)
_SECTION = re.compile(r"(interface|router|route-map|vrf|line|key chain|bfd|nexthop-group) ?")
_FRAME = re.compile(
    r"(Building configuration|Current configuration|end$|exit|configure terminal$|conf t$)"
)

# Policy objects (prefix lists, route maps) go to bgpd alone: no other daemon of ours refers to any.
_OWNERS: tuple[tuple[re.Pattern[str], tuple[Daemon, ...]], ...] = tuple(
    (re.compile(pattern), owners)
    for pattern, owners in (
        (r"(no )?(frr (version|defaults)|hostname|domainname|log|service|line vty|banner)\b", _ALL),
        (r"(no )?(ip|ipv6) (prefix-list|access-list)\b", (Daemon.BGPD,)),
        (r"(no )?access-list\b", (Daemon.BGPD,)),
        (r"(no )?bgp (community|extcommunity|large-community|as-path)[- ]", (Daemon.BGPD,)),
        (r"(no )?route-map\b", (Daemon.BGPD,)),
        (r"(no )?interface\b", (Daemon.ZEBRA, Daemon.OSPFD, Daemon.ISISD)),
        (
            r"(no )?(ip|ipv6) (forwarding|nht|router-id|protocol|table|import-table)\b",
            (Daemon.ZEBRA,),
        ),
        (r"(no )?(router-id|zebra|allow-external-route-update|nexthop-group)\b", (Daemon.ZEBRA,)),
        (r"(no )?(ip|ipv6) route\b", (Daemon.STATICD,)),
        (r"(no )?router ospf\b", (Daemon.OSPFD,)),
        (r"(no )?router isis\b", (Daemon.ISISD,)),
        (r"(no )?bfd$", (Daemon.BFDD,)),
        (r"(no )?(router bgp|bgp)\b", (Daemon.BGPD,)),
    )
)
_INTERFACE_LINES = {
    Daemon.OSPFD: re.compile(r"\s*(no )?(ip )?ospf\b"),
    Daemon.ISISD: re.compile(r"\s*(no )?(isis|ip router isis|ipv6 router isis)\b"),
}
"""What of an interface section is a routing daemon's; the rest is zebra's."""

_IPV6 = re.compile(r"^ *ipv6 (address|router|route)\b", re.MULTILINE)
_NEEDED_FOR = {
    Daemon.STATICD: re.compile(r"^ip(v6)? route ", re.MULTILINE),
    Daemon.BFDD: re.compile(r"^bfd$|^ +(ip ospf|isis|neighbor \S+) bfd\b", re.MULTILINE),
    Daemon.OSPFD: re.compile(r"^router ospf\b|^ +(ip )?ospf ", re.MULTILINE),
    Daemon.ISISD: re.compile(r"^router isis\b|^ +ip(v6)? router isis ", re.MULTILINE),
    Daemon.BGPD: re.compile(r"^router bgp\b", re.MULTILINE),
}


def parse(text: str) -> tuple[Block, ...]:
    """The blocks of a configuration, in their order, without comments and frame.

    Raises:
        ConfigError: A line is indented below nothing.
    """
    blocks: list[Block] = []
    is_open = False
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.rstrip()
        if not line or line.lstrip().startswith(("!", "#")):
            continue
        if line[0].isspace():
            if not is_open:
                raise ConfigError(f"{line.strip()!r} is indented below no section", line=number)
            last = blocks[-1]
            blocks[-1] = Block(header=last.header, body=(*last.body, line), line=last.line)
        elif _FRAME.match(line):
            is_open = False
        else:
            blocks.append(Block(header=line, line=number))
            is_open = True
    return tuple(blocks)


def daemons_of(config: str) -> tuple[Daemon, ...]:
    """The daemons that a router with this configuration needs, in the order of start."""
    return (Daemon.ZEBRA, *(it for it, needed in _NEEDED_FOR.items() if needed.search(config)))


def uses_ipv6(config: str) -> bool:
    """Whether a router with this configuration speaks IPv6 at all."""
    return _IPV6.search(config) is not None


def split(text: str, among: Collection[Daemon] = _ALL) -> dict[Daemon, str]:
    """Each daemon's part of a configuration, in the order of the text but for IS-IS's `net`.

    isisd makes its first link-state packet when it is given its `net`, and the next one only after
    the shortest time that was in force at that moment: 30 s by default. So `net` comes last.

    Args:
        text: The configuration.
        among: The daemons that run.

    Raises:
        ConfigError: A statement belongs to no daemon that runs; names its line.
    """
    return _parts(map(_with_net_last, parse(text)), among)


def startup(text: str) -> dict[Daemon, str]:
    """The start-up file of each daemon that is needed; no other daemon's part is in any.

    `show running-config` prints `router bgp` before the route maps it uses. bgpd treats a route map
    that it does not know yet as "deny all" and looks again only after `bgp route-map delay-timer`
    (5 s), so here policy comes first. IS-IS comes before its interfaces, `net` last (see `split`).

    Raises:
        ConfigError: A statement belongs to no daemon we run; names its line.
    """
    in_order = sorted(parse(text), key=_start_order)
    parts = _parts(map(_with_net_last, in_order), _ALL)
    return {daemon: parts[daemon] for daemon in daemons_of(text)}


def merge(parts: Mapping[Daemon, str]) -> str:
    """One configuration from what each daemon prints as its own."""
    merged: dict[str, Block] = {}
    for daemon in Daemon:
        for block in parse(parts.get(daemon, "")):
            known = merged.get(block.header)
            merged[block.header] = block if known is None else _union(known, block)
    return render(merged.values())


def render(blocks: Iterable[Block]) -> str:
    """Blocks as text that FRR loads, sections closed and set apart."""
    lines: list[str] = []
    for block in blocks:
        lines.extend(block.lines())
        if block.is_section:
            lines.append("!")
    return "".join(f"{line}\n" for line in lines)


def fingerprint(text: str) -> str:
    """SHA-256 of what a configuration says, whichever of vtysh or the daemons printed it.

    Left out: comments, the order of blocks and of the lines of an interface, empty interfaces, the
    version, and the host name (vtysh prints the host's own beside the router's).
    """
    said = sorted("\n".join(_said(block)) for block in parse(text) if _says_something(block))
    return hashlib.sha256("\n!\n".join(said).encode()).hexdigest()


def _said(block: Block) -> Iterator[str]:
    yield block.header
    yield from sorted(block.body) if block.header.startswith("interface ") else block.body


def _says_something(block: Block) -> bool:
    if block.header.startswith(("interface ", "line ")):
        return bool(block.body)
    return not block.header.startswith(("frr version", "hostname"))


def _start_order(block: Block) -> int:
    if block.header.startswith("router isis"):
        return 0
    return 2 if block.header.startswith("router bgp") else 1


def _with_net_last(block: Block) -> Block:
    if not block.header.startswith("router isis"):
        return block
    body = tuple(sorted(block.body, key=lambda line: line.strip().startswith("net ")))
    return Block(header=block.header, body=body, line=block.line)


def _parts(blocks: Iterable[Block], among: Collection[Daemon]) -> dict[Daemon, str]:
    parts: dict[Daemon, list[Block]] = {daemon: [] for daemon in Daemon if daemon in among}
    for block in blocks:
        for owner, part in _owned(block):
            if owner in parts:
                parts[owner].append(part)
            elif not _concerns_whoever_runs(block):
                raise ConfigError(
                    f"{block.header!r} belongs to {owner}, which does not run there",
                    line=block.line,
                )
    return {daemon: render(part) for daemon, part in parts.items()}


def _concerns_whoever_runs(block: Block) -> bool:
    """Whether it is no fault that one of its owners does not run; another one takes it."""
    return _owners(block) is _ALL or block.header.startswith("no interface ")


def _owned(block: Block) -> Iterator[tuple[Daemon, Block]]:
    for owner in _owners(block):
        part = _part(block, owner)
        if part is not None:
            yield owner, part


def _owners(block: Block) -> tuple[Daemon, ...]:
    for pattern, owners in _OWNERS:
        if pattern.match(block.header):
            return owners
    raise ConfigError(
        f"{block.header!r} belongs to none of {', '.join(Daemon)}; remove the line or teach "
        "frr/configuration.py who owns it",
        line=block.line,
    )


def _part(block: Block, owner: Daemon) -> Block | None:
    """What of an interface section concerns one daemon; everything else goes whole."""
    if not block.header.startswith("interface "):
        return block
    wanted = _INTERFACE_LINES.get(owner)
    if wanted is not None:
        body = tuple(line for line in block.body if wanted.match(line))
        return Block(header=block.header, body=body, line=block.line) if body else None
    routing = _INTERFACE_LINES.values()
    body = tuple(it for it in block.body if not any(form.match(it) for form in routing))
    return Block(header=block.header, body=body, line=block.line)


def _union(first: Block, second: Block) -> Block:
    more = tuple(line for line in second.body if line not in first.body)
    return Block(header=first.header, body=first.body + more, line=first.line)
