"""What `foreshadow whatif` is asked about: a network from any file, and traffic from any file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from foreshadow.demand import DemandMatrix
from foreshadow.document import parse_document
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.present import Present
from foreshadow.topology import NodeId
from foreshadow.whatif import WhatIf
from ingest.sources.matrix_file import read_matrix_file
from ingest.sources.profile import Profile, profile_matrices
from ingest.sources.traffic import DemandSeries, TrafficMatrices, demands
from ingest.topologies.house import FORMAT as HOUSE
from ingest.topologies.network import network_of
from ingest.topologies.numbered import FORMAT as NUMBERED
from ingest.topologies.reading import read_topology
from scenarios.planning.planned_network import planned
from scenarios.triage import NamedDemand

_QUANTILE = re.compile(r"P(\d{1,2}(\.\d+)?|100)", re.IGNORECASE)
_PROFILE_LASTS = timedelta(days=7)
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A network, and which of its routers every name of the source means.

    Attributes:
        names: Router by each name it is known by; `#3` is the fourth of the source.
        is_numbered: The source has no names at all.
        assumptions: What was taken for granted, one sentence each.
    """

    file: NetworkFile
    network: Present
    names: dict[str, NodeId]
    is_numbered: bool = False
    assumptions: tuple[str, ...] = ()


def read_site(
    path: Path, *, capacity_bps: float | None = None, format_name: str | None = None
) -> Site:
    """The network of a file.

    Raises:
        ConfigError: Nothing can be made of it; says why.
    """
    topology = read_topology(path, format_name=format_name)
    if topology.format == HOUSE:
        file = parse_network(path.read_text(encoding="utf-8"), path=path)
        known = {router.name: NodeId(router.name) for router in file.routers}
        return Site(file=file, network=planned(file), names=known)
    made = network_of(topology, capacity_bps=capacity_bps)
    labels = [node.label for node in topology.nodes]
    names: dict[str, NodeId] = {}
    for number, node in enumerate(topology.nodes):
        router = NodeId(made.names[node.id])
        names |= {f"#{number}": router, node.id: router}
        if labels.count(node.label) == 1:
            names.setdefault(node.label, router)
    for called in made.names.values():
        names.setdefault(called, NodeId(called))
    return Site(
        file=made.file,
        network=_full_mesh(made.file),
        names=names,
        is_numbered=topology.format == NUMBERED,
        assumptions=(
            *topology.warnings,
            *(it for it in made.assumptions if not it.startswith("route reflectors")),
        ),
    )


def _full_mesh(file: NetworkFile) -> Present:
    """A network of which nobody says how BGP is set up: no reflector's death leaves it dumb."""
    what_if = planned(file).what_if
    return Present(what_if=WhatIf(what_if.topology, what_if.exits))


def read_traffic(
    path: Path, site: Site, *, growth: float, at: Sequence[str] = ()
) -> tuple[Site, DemandSeries]:
    """The traffic of a file as demands of the network; the site gets names where it had none.

    Args:
        path: A profile (YAML), or measured matrices.
        site: The network.
        growth: Every rate is multiplied by it.
        at: What `demand_at` will be asked for: a profile is worked out as far as that.

    Raises:
        ConfigError: Not a traffic file, or about another network.
    """
    if path.suffix in {".yaml", ".yml"}:
        times = [time for each in at if (time := _time(each)) is not None]
        until = max([_profile_begins(path) + _PROFILE_LASTS, *times])
        matrices = profile_matrices(path, site.file, until=until)
    else:
        matrices = read_matrix_file(path)
        if site.is_numbered:
            site = _with_names_of(matrices, site)
        matrices = _resolved(matrices, site, path)
    return site, demands(matrices, site.file, growth=growth)


def demand_at(series: DemandSeries, at: str | None) -> NamedDemand:
    """One matrix of a series.

    Args:
        series: The traffic.
        at: A time, `P95` for each demand's quantile, or nothing for the interval with most traffic.

    Raises:
        ConfigError: Not a time, or none of the series.
    """
    if at is None:
        row = int(series.rates_bps.sum(axis=1).argmax())
        return NamedDemand(name=f"{series.starts[row]:%Y-%m-%d %H:%M}", matrix=series.matrix(row))
    if _QUANTILE.fullmatch(at):
        rates = np.quantile(series.rates_bps, float(at[1:]) / 100, axis=0)
        matrix = DemandMatrix(
            at=series.starts[-1], keys=series.keys, rates_bps=tuple(rates.tolist())
        )
        return NamedDemand(name=at.upper(), matrix=matrix)
    time = _time(at)
    if time is None:
        raise ConfigError(f"--at {at} is neither a time as 2004-03-11T20:10 nor a quantile as P95")
    return NamedDemand(name=f"{time:%Y-%m-%d %H:%M}", matrix=series.at(time))


def _time(text: str) -> datetime | None:
    """UTC where nothing else is said; None for what is no time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _profile_begins(path: Path) -> datetime:
    """A profile's first moment, read before the profile itself is."""
    try:
        return parse_document(path.read_text(encoding="utf-8"), Profile, path=path).begins
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error


def _with_names_of(matrices: TrafficMatrices, site: Site) -> Site:
    """Numbered routers take the names of the traffic, in alphabetical order."""
    named = sorted({end for pair in matrices.pairs for end in pair})
    routers = site.file.routers
    if len(named) != len(routers):
        raise ConfigError(
            f"the topology numbers {len(routers)} routers and the traffic names {len(named)}; "
            "which is which cannot be told"
        )
    renamed = {router.name: name for router, name in zip(routers, named, strict=True)}
    file = NetworkFile.model_validate(
        site.file.model_dump()
        | {
            "routers": [router.model_dump() | {"name": renamed[router.name]} for router in routers],
            "links": [
                link.model_dump() | {"a": renamed[link.a], "b": renamed[link.b]}
                for link in site.file.links
            ],
        }
    )
    said = "routers are numbered: they take the names of the traffic, in alphabetical order"
    return replace(
        site,
        file=file,
        network=_full_mesh(file),
        names={name: NodeId(name) for name in named},
        assumptions=(*site.assumptions, said),
    )


def _resolved(matrices: TrafficMatrices, site: Site, path: Path) -> TrafficMatrices:
    unknown = sorted({e for pair in matrices.pairs for e in pair if e not in site.names})
    if unknown:
        some = ", ".join(map(repr, unknown[:_NAMED]))
        known = ", ".join(router.name for router in site.file.routers[:_NAMED])
        raise ConfigError(
            f"names {some}, which the topology does not have; its routers are {known}...",
            path=path,
        )
    pairs = [(site.names[src], site.names[dst]) for src, dst in matrices.pairs]
    kept = [column for column, (src, dst) in enumerate(pairs) if src != dst]
    if len({pairs[column] for column in kept}) < len(kept):
        raise ConfigError("names the same pair of routers twice", path=path)
    return replace(
        matrices,
        pairs=tuple(pairs[column] for column in kept),
        rates_mbps=matrices.rates_mbps[:, kept],
    )
