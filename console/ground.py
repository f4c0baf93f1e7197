"""The network and the traffic a scenario is tried on, from the files a user names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from foreshadow.demand import DemandMatrix
from foreshadow.document import parse_document
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile, parse_network
from scenarios.planning.ground import Ground
from scenarios.planning.planned_network import assumed_demand, planned

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
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not text; a network file is YAML in UTF-8", path=path) from error


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
    return Ground(network=present, demand=_measured(traffic, network, at=when, growth=growth))


def say_traffic(demand: DemandMatrix, *, traffic: Path | None, growth: float) -> str:
    """Where the traffic of a ground comes from, for people."""
    if traffic is None:
        return "gravity model by capacity, fullest link half full; --demand takes measured traffic"
    return f"{traffic.name} at {demand.at:%Y-%m-%d %H:%M} UTC, x {growth:g}"


def _measured(
    path: Path, network: NetworkFile, *, at: datetime | None, growth: float
) -> DemandMatrix:
    """The interval asked for, or the one with most traffic."""
    # pandas costs seconds and a hundred megabytes; most who read a network need none of it.
    from ingest.sources.profile import Profile, profile_matrices  # noqa: PLC0415
    from ingest.sources.traffic import demands, read_matrices  # noqa: PLC0415

    if path.suffix in (".yaml", ".yml"):
        until = at or parse_document(_text(path), Profile, path=path).begins + _WEEK
        matrices = profile_matrices(path, network, until=until)
    else:
        matrices = read_matrices(path, (router.name for router in network.routers))
    series = demands(matrices, network, growth=growth)
    return series.at(at) if at else series.matrix(int(series.rates_bps.sum(axis=1).argmax()))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such traffic profile", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error
