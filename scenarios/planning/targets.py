"""What there is in a network for a selector to pick, by name."""

from fnmatch import fnmatchcase

from foreshadow.topology import Link, LinkId, NodeId, Prefix, SrlgId
from scenarios.planning.ground import Ground
from scenarios.scenario import TargetKind


def candidates(
    ground: Ground, kind: TargetKind, *, is_external: bool | None, is_all: bool = False
) -> tuple[str, ...]:
    """Everything of a kind that could be picked, in the network's order.

    Args:
        ground: The network.
        kind: Of what.
        is_external: Only links or sessions with other networks, or only our own; None for what is
            usual: our own links and routers, sessions with others.
        is_all: Both.
    """
    match kind:
        case TargetKind.LINKS:
            known = [(str(ln.id), ln.is_external) for ln in ground.links.values()]
        case TargetKind.SESSIONS:
            known = [(str(each), each.is_external) for each in ground.sessions]
        case TargetKind.NODES:
            known = [(str(node.id), node.is_external) for node in ground.topology.nodes]
        case TargetKind.SRLGS:
            return tuple(ground.srlgs)
        case TargetKind.PREFIXES:
            return tuple(map(str, ground.announcers))
        case TargetKind.DEMANDS:
            return tuple(f"{key.ingress}>{key.prefix}" for key in ground.demand.keys)
    usual = kind is TargetKind.SESSIONS
    wanted = usual if is_external is None else is_external
    return tuple(name for name, external in known if is_all or external == wanted)


def routers_of(ground: Ground, kind: TargetKind, name: str) -> tuple[NodeId, ...]:
    """Our routers that a target is on: both ends of a link, the announcers of a prefix..."""
    ours = {node.id for node in ground.routers}
    found: tuple[NodeId, ...]
    match kind:
        case TargetKind.LINKS:
            found = _ends(ground.links[LinkId(name)])
        case TargetKind.NODES:
            found = (NodeId(name),)
        case TargetKind.SRLGS:
            members = ground.srlgs[SrlgId(name)]
            found = tuple(end for link in members for end in _ends(ground.links[link]))
        case TargetKind.SESSIONS:
            found = (NodeId(name.partition(":")[0]),)
        case TargetKind.PREFIXES:
            found = ground.announcers[Prefix(name)]
        case TargetKind.DEMANDS:
            found = (NodeId(name.partition(">")[0]),)
    return tuple(dict.fromkeys(node for node in found if node in ours))


def _ends(link: Link) -> tuple[NodeId, NodeId]:
    return link.a.node, link.b.node


def is_called(name: str, glob: str, kind: TargetKind) -> bool:
    """Whether a name matches a glob; a link has a name from either end."""
    if fnmatchcase(name, glob):
        return True
    if kind is TargetKind.LINKS:
        head, dash, tail = name.partition("-")
        return bool(dash) and fnmatchcase(f"{tail}-{head}", glob)
    return False
