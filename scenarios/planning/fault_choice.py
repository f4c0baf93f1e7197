"""From an injection and what it was aimed at to the faults themselves."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix, SrlgId
from scenarios.authoring.injection_entry import KINDS
from scenarios.faults.catalogue import AnyFault, make
from scenarios.planning.selection import Picked, Selection
from scenarios.scenario import Injection, TargetKind

Fields = Mapping[str, object]
_LONGEST_PREFIX = 32


def faults_of(injection: Injection, picked: Picked, selection: Selection) -> tuple[AnyFault, ...]:
    """One fault for each target, or one for all of them, as the kind has it.

    Raises:
        ConfigError: The kind cannot be done to what was picked.
    """
    takes = KINDS[injection.kind]
    if picked.kind not in takes.targets:
        wanted = " or ".join(takes.targets)
        raise ConfigError(
            f"{injection.kind} is done to {wanted}; {', '.join(injection.on)} picks {picked.kind}"
        )
    made: list[Fields]
    if injection.kind == "partition":
        if len(picked.names) >= len(selection.ground.routers):
            raise ConfigError("partition needs routers on both sides, and all of them are picked")
        made = [{"nodes": picked.names}]
    elif injection.kind == "srlg-cut" and picked.kind is TargetKind.LINKS:
        made = [{"group": SrlgId("+".join(injection.on)), "links": picked.names}]
    else:
        aim = _AIMS[picked.kind]
        made = [fields for name in picked.names for fields in aim(injection, name, selection)]
    extra = _parameters(injection)
    return tuple(make(injection.kind, {**fields, **extra}) for fields in made)


def _link(_injection: Injection, name: str, _selection: Selection) -> Iterator[Fields]:
    yield {"link": LinkId(name)}


def _node(_injection: Injection, name: str, _selection: Selection) -> Iterator[Fields]:
    yield {"node": NodeId(name)}


def _srlg(_injection: Injection, name: str, selection: Selection) -> Iterator[Fields]:
    yield {"group": SrlgId(name), "links": selection.ground.srlgs[SrlgId(name)]}


def _session(_injection: Injection, name: str, _selection: Selection) -> Iterator[Fields]:
    node, _, peer = name.partition(":")
    yield {"node": NodeId(node), "peer": NodeId(peer)}


def _demand(_injection: Injection, name: str, _selection: Selection) -> Iterator[Fields]:
    ingress, _, prefix = name.partition(">")
    yield {"ingress": NodeId(ingress), "prefix": prefix}


def _prefix(injection: Injection, name: str, selection: Selection) -> Iterator[Fields]:
    prefix = Prefix(name)
    match injection.kind:
        case "prefix-withdrawn":
            for node in selection.ground.originators(prefix):
                yield {"node": node, "prefix": name}
        case "prefix-hijacked":
            owners = {
                *selection.ground.announcers[prefix],
                *selection.ground.originators(prefix),
            }
            for node in _nodes(injection, "by", selection):
                if node not in owners:
                    yield {"node": node, "prefix": str(_longer(prefix, injection))}
        case _:
            sources = _nodes(injection, "sources", selection)
            owners = set(selection.ground.announcers[prefix])
            yield {"prefix": name, "sources": tuple(s for s in sources if s not in owners)}


_AIMS: Mapping[TargetKind, Callable[[Injection, str, Selection], Iterator[Fields]]] = {
    TargetKind.LINKS: _link,
    TargetKind.NODES: _node,
    TargetKind.SRLGS: _srlg,
    TargetKind.SESSIONS: _session,
    TargetKind.PREFIXES: _prefix,
    TargetKind.DEMANDS: _demand,
}


def _nodes(injection: Injection, name: str, selection: Selection) -> tuple[NodeId, ...]:
    words = injection.parameter(name)
    if not isinstance(words, tuple):
        return ()
    ours = {node.id for node in selection.ground.routers}
    picked = selection.picked(words, (TargetKind.NODES,)).names
    is_broad = words == ("*",)
    return tuple(NodeId(each) for each in picked if not is_broad or each in ours)


def _longer(prefix: IPv4Network, injection: Injection) -> IPv4Network:
    """The first more specific prefix of the length asked for."""
    bits = injection.parameter("longer_by")
    longer = prefix.prefixlen + (bits if isinstance(bits, int) else 0)
    return next(iter(prefix.subnets(new_prefix=min(longer, _LONGEST_PREFIX))))


def _parameters(injection: Injection) -> dict[str, object]:
    """The rest of a fault's fields, from the names of the file to the fault's own."""
    found: dict[str, object] = {}
    for name, value in injection.parameters:
        renamed, turn = _FIELDS.get((injection.kind, name), (name, None))
        if renamed:
            found[renamed] = turn(value) if turn else value
    return found


_FIELDS: Mapping[tuple[str, str], tuple[str, Callable[[Any], object] | None]] = {
    ("link-flap", "down"): ("down_s", None),
    ("link-flap", "up"): ("up_s", None),
    ("link-degrade", "rate"): ("rate_bps", None),
    ("link-degrade", "delay"): ("delay_s", None),
    ("link-degrade", "loss"): ("loss_ratio", None),
    ("timer-mismatch", "hello"): ("hello_s", lambda hello_s: max(1, round(hello_s))),
    ("prefix-hijacked", "by"): ("", None),
    ("prefix-hijacked", "longer_by"): ("", None),
    ("ddos", "rate"): ("total_bps", None),
    ("ddos", "sources"): ("", None),
}
"""Where the file's word and the fault's field differ: the field ("" for used already), and how."""
