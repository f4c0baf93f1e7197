"""What is the most important link, router, session...: by traffic, or by structure."""

from collections.abc import Mapping

from scenarios.planning.ground import Ground
from scenarios.planning.targets import candidates
from scenarios.scenario import Ranking, TargetKind


def weigh(ground: Ground, kind: TargetKind, by: Ranking) -> Mapping[str, float]:
    """How much each target of a kind weighs; what there is no measure for weighs nothing."""
    weights = dict.fromkeys(candidates(ground, kind, is_external=None, is_all=True), 0.0)
    if by is Ranking.HIGHEST_BETWEENNESS and kind not in (TargetKind.PREFIXES, TargetKind.DEMANDS):
        weights |= _importance(ground, kind)
    else:
        weights |= _load(ground, kind, at_peak=by is Ranking.HIGHEST_FORECAST_LOAD)
    return weights


def _importance(ground: Ground, kind: TargetKind) -> Mapping[str, float]:
    match kind:
        case TargetKind.LINKS:
            return {str(link): share for link, share in ground.link_betweenness.items()}
        case TargetKind.SRLGS:
            return {
                group: sum(ground.link_betweenness.get(link, 0.0) for link in links)
                for group, links in ground.srlgs.items()
            }
        case TargetKind.SESSIONS:
            nodes = ground.node_betweenness
            return {str(each): nodes.get(each.node, 0.0) for each in ground.sessions}
        case _:
            return {str(node): share for node, share in ground.node_betweenness.items()}


def _load(ground: Ground, kind: TargetKind, *, at_peak: bool) -> Mapping[str, float]:
    match kind:
        case TargetKind.LINKS:
            return _link_load(ground, at_peak=at_peak)
        case TargetKind.NODES:
            return _node_load(ground, at_peak=at_peak)
        case TargetKind.SRLGS:
            loads = _link_load(ground, at_peak=at_peak)
            return {
                group: sum(loads.get(link, 0.0) for link in links)
                for group, links in ground.srlgs.items()
            }
        case TargetKind.SESSIONS:
            return _session_load(ground, _prefix_load(ground, at_peak=at_peak))
        case TargetKind.PREFIXES:
            return _prefix_load(ground, at_peak=at_peak)
        case TargetKind.DEMANDS:
            demand = ground.traffic(at_peak=at_peak)
            names = (f"{key.ingress}>{key.prefix}" for key in demand.keys)
            return dict(zip(names, demand.rates_bps, strict=True))


def _link_load(ground: Ground, *, at_peak: bool) -> dict[str, float]:
    """Load over capacity, the fuller direction."""
    found: dict[str, float] = {}
    for direction, ratio in ground.load_ratios(at_peak=at_peak).items():
        found[direction.link] = max(found.get(direction.link, 0.0), ratio)
    return found


def _node_load(ground: Ground, *, at_peak: bool) -> dict[str, float]:
    """Bits per second that come in, from neighbors and from its own sites."""
    found: dict[str, float] = {}
    capacities = ground.topology.capacities()
    for direction, ratio in ground.load_ratios(at_peak=at_peak).items():
        if ratio:
            bps = ratio * capacities[direction]
            found[direction.dst] = found.get(direction.dst, 0.0) + bps
    demand = ground.traffic(at_peak=at_peak)
    for key, rate in zip(demand.keys, demand.rates_bps, strict=True):
        found[key.ingress] = found.get(key.ingress, 0.0) + rate
    return found


def _prefix_load(ground: Ground, *, at_peak: bool) -> dict[str, float]:
    """Bits per second towards it."""
    demand = ground.traffic(at_peak=at_peak)
    found: dict[str, float] = {}
    for key, rate in zip(demand.keys, demand.rates_bps, strict=True):
        found[str(key.prefix)] = found.get(str(key.prefix), 0.0) + rate
    return found


def _session_load(ground: Ground, prefixes: Mapping[str, float]) -> dict[str, float]:
    """Traffic towards what is preferred over each session; iBGP sessions carry none themselves."""
    found: dict[str, float] = {}
    for prefix, ways in ground.network.what_if.exits.items():
        best = max(ways, key=lambda way: (way.local_preference, way.router))
        link = ground.links.get(best.via) if best.via is not None else None
        if link is not None:
            peer = link.b.node if link.a.node == best.router else link.a.node
            name = f"{best.router}:{peer}"
            found[name] = found.get(name, 0.0) + prefixes.get(str(prefix), 0.0)
    return found
