"""Where a policy attaches on a router: one neighbor's inbound route-map line, as configured.

Foreshadow owns `FS-*` objects and this one line, nothing else. The operator's own
route-map stays what it is: every generation calls it first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from foreshadow.errors import UnsafeRollout
from foreshadow.topology import NodeId, Prefix
from frr.configuration import Block, parse

_PROCESS = re.compile(r"router bgp (?P<asn>\d+)")
_ATTACHED = re.compile(r"neighbor (?P<neighbor>\S+) route-map (?P<map>\S+) in")
_LISTED = re.compile(r"ip prefix-list (?P<list>\S+) seq \d+ permit (?P<prefix>\S+)")
_OBJECT = re.compile(r"(?:route-map|ip prefix-list) (?P<name>\S+) ")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """The inbound policy line of one neighbor, as it stands.

    Attributes:
        attached: Route-map the line names now; None where there is no such line.
        operator_map: The operator's own: the one attached, or the one our generation calls.
        generation: The highest generation of ours on the device for this neighbor; 0 for none.
        listed: Prefixes the attached generation moves already.
    """

    device: NodeId
    autonomous_system: int
    neighbor: IPv4Address
    attached: str | None = None
    operator_map: str | None = None
    generation: int = 0
    listed: tuple[Prefix, ...] = ()

    @property
    def stem(self) -> str:
        """What the names of all our generations at this neighbor begin with."""
        return f"FS-in-{self.neighbor}-g"


def read_hook(device: NodeId, neighbor: IPv4Address, running_config: str) -> Hook:
    """The hook of one neighbor in a router's running configuration (FRR).

    Raises:
        UnsafeRollout: The text has no such neighbor, or a name we would not put in a template.
    """
    blocks = parse(running_config)
    process = next((block for block in blocks if _PROCESS.match(block.header)), None)
    if process is None or f"neighbor {neighbor} " not in "".join(process.body):
        raise UnsafeRollout(f"{device} has no BGP neighbor {neighbor}; is its state in step?")
    hook = Hook(
        device=device,
        autonomous_system=int(process.header.split()[2]),
        neighbor=neighbor,
        attached=_plain(device, _attached(process, neighbor)),
    )
    hook = replace(hook, operator_map=hook.attached, generation=_newest(hook, blocks))
    if hook.attached is None or not hook.attached.startswith(hook.stem):
        return hook
    return replace(
        hook,
        operator_map=_plain(device, _called(hook.attached, blocks)),
        listed=_listed(hook.attached, blocks),
    )


def _attached(process: Block, neighbor: IPv4Address) -> str | None:
    for line in process.body:
        found = _ATTACHED.fullmatch(line.strip())
        if found and found["neighbor"] == str(neighbor):
            return found["map"]
    return None


def _called(route_map: str, blocks: Iterable[Block]) -> str | None:
    """The route-map that `route_map` calls, None where it calls none."""
    for block in blocks:
        if block.header.startswith(f"route-map {route_map} "):
            for line in block.body:
                if line.split()[0] == "call":
                    return line.split()[1]
    return None


def _listed(prefix_list: str, blocks: Iterable[Block]) -> tuple[Prefix, ...]:
    entries = (_LISTED.fullmatch(block.header) for block in blocks)
    return tuple(
        sorted(
            Prefix(entry["prefix"]) for entry in entries if entry and entry["list"] == prefix_list
        )
    )


def _newest(hook: Hook, blocks: Iterable[Block]) -> int:
    names = (_OBJECT.match(block.header) for block in blocks)
    numbers = (
        int(name["name"].removeprefix(hook.stem))
        for name in names
        if name and re.fullmatch(re.escape(hook.stem) + r"\d+", name["name"])
    )
    return max(numbers, default=0)


def _plain(device: NodeId, name: str | None) -> str | None:
    if name is not None and not _PLAIN_NAME.fullmatch(name):
        raise UnsafeRollout(
            f"{device} has a route-map called {name!r}; give it a name of plain characters"
        )
    return name
