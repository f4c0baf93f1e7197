"""A topology that was imported, as people and programs are told of it."""

import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import yaml

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedTopology
from ingest.topologies.network import PlannedNetwork, network_of

_INDENT = " " * len("  capacities  ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was read and what became of it.

    Attributes:
        capacities_bps: Lowest and highest of those that are known; none where none is.
        without_capacity: Links whose capacity nobody says.
        assumptions: What the network file holds that the source does not say.
        output: The network file that was written.
    """

    topology: ImportedTopology
    routers: int
    links: int
    diameter: int
    capacities_bps: tuple[float, float] | None
    without_capacity: int
    assumptions: tuple[str, ...] = ()
    output: str | None = None


def imported(
    topology: ImportedTopology,
    *,
    capacity_bps: float | None = None,
    name: str | None = None,
    output: Path | None = None,
) -> Imported:
    """The account of a topology, and its network file where one is asked for.

    Raises:
        ConfigError: No network file can be made of it, or it cannot be written.
    """
    assumptions: tuple[str, ...] = ()
    if output is not None:
        planned = network_of(topology, capacity_bps=capacity_bps, name=name)
        _write(planned, output)
        assumptions = planned.assumptions
    capacities = topology.capacities()
    return Imported(
        topology=topology,
        routers=len(topology.nodes),
        links=len(topology.links),
        diameter=topology.diameter(),
        capacities_bps=(min(capacities), max(capacities)) if capacities else None,
        without_capacity=len(topology.links) - len(capacities),
        assumptions=assumptions,
        output=None if output is None else str(output),
    )


def summary(found: Imported) -> str:
    """The account in a few lines."""
    topology = found.topology
    lines = [
        f"{topology.name} ({topology.format})",
        f"  routers     {found.routers}",
        f"  links       {found.links}",
        f"  diameter    {found.diameter} links",
        f"  capacities  {_capacities(found)}",
        *(f"  note        {warning}" for warning in topology.warnings),
        *(f"  assumed     {assumption}" for assumption in found.assumptions),
    ]
    if found.output:
        lines.append(f"  written     {found.output}")
    return "\n".join(map(_wrapped, lines))


def _wrapped(line: str) -> str:
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )


def _capacities(found: Imported) -> str:
    missing = found.without_capacity
    if found.capacities_bps is None:
        return "not known; --capacity-gbps says what a network file is to assume"
    low, high = (f"{bps / 1e9:g}" for bps in found.capacities_bps)
    known = f"{low} Gbit/s" if low == high else f"{low} to {high} Gbit/s"
    return known + (f", not known of {missing} links" if missing else "")


def _write(planned: PlannedNetwork, output: Path) -> None:
    content = planned.file.model_dump(mode="json", exclude_defaults=True)
    try:
        output.write_text(
            yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", path=output) from error
