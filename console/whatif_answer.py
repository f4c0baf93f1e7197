"""What a person asked of the model, and its answer, for a table, a file or a program."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from console.whatif_ground import Site
from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Topology
from scenarios.failures.cases import ALL, Case, Kind, srlg_cases
from scenarios.failures.engine import FailureEngine, Loaded
from scenarios.failures.ranking import Ranked, effects_of, rank
from scenarios.triage import NamedDemand, engine_of

_NAMED = 8
NO_FAILURE = Case(name="", kind=Kind.LINK, cut=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAnswer:
    """One link direction, before and under the failure."""

    link: str
    capacity_bps: float
    load_bps: float
    load_ratio: float | None
    """None where nobody says the capacity, or where the link is down."""
    before_ratio: float | None
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandAnswer:
    """What a failure does at one demand."""

    demand: str
    offered_bps: float
    lost_bps: float
    over_bps: float
    cost_bps: float
    worst_link: str
    worst_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureAnswer:
    """One failure of a ranking."""

    failure: str
    kind: str
    cut: tuple[str, ...]
    at: tuple[DemandAnswer, ...]
    like: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The whole answer.

    Attributes:
        failure: The one asked about, or the dearest of the ranking.
        links: Every direction under that failure at the last demand, the fullest first.
        ranking: Of all failures of a kind; empty where one was asked about.
        tried: How many failures were tried.
        harmful: How many of them cost anything.
        took_s: Of the trying, without reading and compiling.
    """

    network: str
    routers: int
    limit_ratio: float
    without_failure: FailureAnswer
    failure: FailureAnswer
    links: tuple[LinkAnswer, ...]
    ranking: tuple[FailureAnswer, ...] = ()
    tried: int = 1
    harmful: int = 0
    took_s: float = 0.0
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        case: The failure, where one is named.
        every: The kind of failures that are all tried, where one is not.
    """

    case: Case | None
    every: str | None
    limit_ratio: float
    most: int


def question(  # noqa: PLR0913 - one argument is one option
    topology: Topology,
    *,
    cuts: Sequence[str],
    srlgs: Sequence[str],
    nodes: Sequence[str],
    every: str | None,
    limit_ratio: float,
    most: int,
) -> Question:
    """What was asked on the command line.

    Raises:
        ConfigError: A link, group or router that is not there, or two questions in one.
    """
    named = [*cuts, *srlgs, *nodes]
    if every is not None and (named or every not in ALL):
        raise ConfigError(
            "--all tries failures by itself; leave out --cut, --srlg and --node"
            if named
            else f"--all {every} is not known; there are {', '.join(ALL)}"
        )
    cut = {link for name in cuts for link in (_link(topology, name),)}
    for name in srlgs:
        cut |= _group(topology, name)
    for name in nodes:
        cut |= _attached(topology, name)
    kind = Kind.LINK if not (srlgs or nodes) else Kind.SRLG if srlgs else Kind.NODE
    case = None if every else Case(name=" + ".join(named), kind=kind, cut=frozenset(cut))
    return Question(case=case, every=every, limit_ratio=limit_ratio, most=most)


def cases_of(asked: Question, topology: Topology) -> Iterator[Case]:
    """Every failure that is tried."""
    if asked.case is not None:
        yield asked.case
    elif asked.every is not None:
        yield from ALL[asked.every](topology)


def answer(
    site: Site,
    demands: Sequence[NamedDemand],
    asked: Question,
    *,
    monotonic_s: Callable[[], float],
    tell: Callable[[int], None] | None = None,
) -> Answer:
    """Ask the engine.

    Args:
        site: The network.
        demands: From the mildest to the one that decides.
        asked: The failure, or the kind of failures.
        monotonic_s: Measures what the trying takes.
        tell: Told how many failures have been tried.
    """
    engine = engine_of(site.network)
    loaded = engine.under([demand.matrix for demand in demands])
    limit = asked.limit_ratio
    begun_s = monotonic_s()
    ranking = rank(
        loaded,
        cases_of(asked, engine.topology),
        limit_ratio=limit,
        most=asked.most,
        tell=tell,
    )
    took_s = monotonic_s() - begun_s
    (base,) = effects_of(loaded, (NO_FAILURE,), limit_ratio=limit)
    shown = ranking.rows[0] if ranking.rows else base
    names = [demand.name for demand in demands]
    return Answer(
        network=site.file.name,
        routers=len(site.file.routers),
        limit_ratio=limit,
        without_failure=_failure(base, loaded, names),
        failure=_failure(shown, loaded, names),
        links=tuple(_links(engine, loaded, shown.case)),
        ranking=tuple(_failure(row, loaded, names) for row in ranking.rows) if asked.every else (),
        tried=ranking.tried,
        harmful=ranking.harmful,
        took_s=took_s,
        assumptions=site.assumptions,
    )


def write_csv(found: Answer, path: Path) -> None:
    """The ranking, or every link's load where one failure was asked about.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerows(_ranking_lines(found) if found.ranking else _link_lines(found))
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", path=path) from error


def _ranking_lines(found: Answer) -> Iterator[Sequence[object]]:
    yield (
        *("failure", "kind", "cut", "demand", "cost_bps", "lost_bps", "over_bps"),
        *("worst_link", "worst_ratio", "like"),
    )
    for row in found.ranking:
        for at in row.at:
            yield (
                *(row.failure, row.kind, " ".join(row.cut), at.demand),
                *(at.cost_bps, at.lost_bps, at.over_bps),
                *(at.worst_link, at.worst_ratio, " | ".join(row.like)),
            )


def _link_lines(found: Answer) -> Iterator[Sequence[object]]:
    yield "link", "capacity_bps", "load_bps", "load_ratio", "before_ratio", "is_cut"
    for it in found.links:
        yield (
            *(it.link, it.capacity_bps, it.load_bps),
            *("" if ratio is None else ratio for ratio in (it.load_ratio, it.before_ratio)),
            int(it.is_cut),
        )


def _failure(found: Ranked, loaded: Loaded, names: Sequence[str]) -> FailureAnswer:
    return FailureAnswer(
        failure=found.case.name,
        kind=found.case.kind.value if found.case.cut else "none",
        cut=tuple(sorted(found.case.cut)),
        at=tuple(
            DemandAnswer(
                demand=name,
                offered_bps=offered,
                lost_bps=effect.lost_bps,
                over_bps=effect.over_bps,
                cost_bps=effect.cost_bps,
                worst_link="" if effect.worst_link is None else str(effect.worst_link),
                worst_ratio=effect.worst_ratio,
            )
            for name, offered, effect in zip(
                names, loaded.offered_bps.tolist(), found.effects, strict=True
            )
        ),
        like=found.like,
    )


def _links(engine: FailureEngine, loaded: Loaded, case: Case) -> Iterator[LinkAnswer]:
    loads = loaded.loads_bps(case.cut)[:, -1]
    before = loaded.loads_bps(frozenset())[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios, earlier = loads / engine.capacity_bps, before / engine.capacity_bps
    is_cut = [arc.link in case.cut for arc in loaded.arcs]
    order = sorted(range(len(loads)), key=lambda row: (is_cut[row], -ratios[row], row))
    for row in order:
        capacity = float(engine.capacity_bps[row])
        yield LinkAnswer(
            link=str(loaded.arcs[row]),
            capacity_bps=capacity,
            load_bps=float(loads[row]),
            load_ratio=float(ratios[row]) if capacity and not is_cut[row] else None,
            before_ratio=float(earlier[row]) if capacity else None,
            is_cut=is_cut[row],
        )


def _link(topology: Topology, name: str) -> LinkId:
    try:
        return topology.link(name).id
    except KeyError:
        ends = set(name.split("-"))
        near = [link.id for link in topology.links if ends & set(link.id.split("-"))]
        some = ", ".join((near or [link.id for link in topology.links])[:_NAMED])
        raise ConfigError(f"--cut {name}: no such link; there are {some}...") from None


def _group(topology: Topology, name: str) -> frozenset[LinkId]:
    groups = {case.name: case.cut for case in srlg_cases(topology)}
    if name not in groups:
        known = ", ".join(sorted(groups)) or "none in this network"
        raise ConfigError(f"--srlg {name}: no such risk group; there are {known}")
    return groups[name]


def _attached(topology: Topology, name: str) -> frozenset[LinkId]:
    inside = {node.id for node in topology.nodes if not node.is_external}
    if NodeId(name) not in inside:
        raise ConfigError(f"--node {name}: no such router; there are {', '.join(sorted(inside))}")
    return frozenset(
        link.id for link in topology.links if NodeId(name) in (link.a.node, link.b.node)
    )
