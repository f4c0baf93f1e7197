"""The network and the traffic a scenario is tried on, from the files a user names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from foreshadow.demand import DemandMatrix
from foreshadow.document import parse_document
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile, parse_network
from ingest.sources.profile import Profile, profile_matrices
from ingest.sources.traffic import DemandSeries, demands, read_matrices
from scenarios.ground import Ground
from scenarios.planned_network import assumed_demand, planned

ASSUMED_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""Time of traffic that nobody has measured."""

_WEEK = timedelta(days=7)


def read_network(path: Path) -> NetworkFile:
    """The network of a file.

    Raises:
        ConfigError: Missing or malformed; names file, line, column and field.
    """
    try:
        return parse_network(path.read_text(encoding="utf-8"), path=path)
    except FileNotFoundError as error:
        raise ConfigError("no such network file", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error


def ground_of(
    network: NetworkFile,
    *,
    traffic: Path | None = None,
    at: datetime | None = None,
    growth: float = 1.0,
) -> Ground:
    """The network as planned, with measured or assumed traffic.

    Args:
        network: As its file has it.
        traffic: Matrices (`.csv`, `.csv.gz`) or a traffic profile (`.yaml`); None for a gravity
            model whose fullest link is half full.
        at: Start of the interval to take; None for the one with most traffic.
        growth: Factor on measured traffic.

    Raises:
        ConfigError: The traffic cannot be read, or has no such interval.
    """
    present = planned(network)
    when = at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
    if traffic is None:
        return Ground(network=present, demand=assumed_demand(present, at=when or ASSUMED_AT))
    series = _series(traffic, network, at=when, growth=growth)
    return Ground(network=present, demand=series.at(when) if when else _peak(series))


def say_traffic(demand: DemandMatrix, *, traffic: Path | None, growth: float) -> str:
    """Where the traffic of a ground comes from, for people."""
    if traffic is None:
        return "gravity model by capacity, fullest link half full; --demand takes measured traffic"
    return f"{traffic.name} at {demand.at:%Y-%m-%d %H:%M} UTC, x {growth:g}"


def _series(
    path: Path, network: NetworkFile, *, at: datetime | None, growth: float
) -> DemandSeries:
    if path.suffix in (".yaml", ".yml"):
        matrices = profile_matrices(path, network, until=at or _first_week_of(path))
    else:
        matrices = read_matrices(path, (router.name for router in network.routers))
    return demands(matrices, network, growth=growth)


def _first_week_of(path: Path) -> datetime:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such traffic profile", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error
    return parse_document(text, Profile, path=path).begins + _WEEK


def _peak(series: DemandSeries) -> DemandMatrix:
    return series.matrix(int(series.rates_bps.sum(axis=1).argmax()))
