"""Measured traffic matrices, and the demand they mean for a network.

A matrix file says how much went from router to router. Forwarding knows prefixes, so `demands`
turns each column into demands per (ingress router, destination prefix): what a peer takes of a
router's incoming traffic is split over the peer's prefixes, the rest belongs to the router's own
site.
"""

import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from foreshadow.clock import to_ns
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile
from foreshadow.observed import Stream
from foreshadow.telemetry import FlowRecord, TelemetrySample
from foreshadow.topology import NodeId, Prefix

_BPS_PER_MBPS = 1e6
_TIME_COLUMN = "timestamp_utc"
FLOW_SOURCE = "flow-exporter"

DEFAULT_GROWTH = 2.5
"""Planned growth of the demo: Abilene ran at 3 % of its capacity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Which part of the traffic is history, and when the day everybody waits for comes.

    Attributes:
        live_from: First interval that is replayed live; everything before it is history.
        failure_at: Interval in which the demo's link really fails in production.
        until: Last interval of the replay.
    """

    live_from: datetime = datetime(2004, 3, 11, 17, 10, tzinfo=UTC)
    failure_at: datetime = datetime(2004, 3, 11, 20, 10, tzinfo=UTC)
    until: datetime = datetime(2004, 3, 11, 20, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrafficMatrices:
    """Mean rates between routers over consecutive intervals.

    Attributes:
        name: Where they come from, for people.
        pairs: (from, to), one per column.
        starts: Start of each interval.
        rates_mbps: Shape (n_intervals, n_pairs).
    """

    name: str
    pairs: tuple[tuple[NodeId, NodeId], ...]
    starts: tuple[datetime, ...]
    rates_mbps: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandSeries:
    """A demand matrix per interval, kept as one array.

    Attributes:
        rates_bps: Shape (n_intervals, n_demands).
    """

    name: str
    keys: tuple[DemandKey, ...]
    starts: tuple[datetime, ...]
    rates_bps: npt.NDArray[np.float64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[DemandMatrix]:
        return (self.matrix(index) for index in range(len(self)))

    def matrix(self, index: int) -> DemandMatrix:
        """The demand of one interval."""
        rates = tuple(self.rates_bps[index].tolist())
        return DemandMatrix(at=self.starts[index], keys=self.keys, rates_bps=rates)

    def at(self, start: datetime) -> DemandMatrix:
        """The demand of the interval that starts then.

        Raises:
            ConfigError: There is no such interval.
        """
        return self.matrix(self.index(start))

    def index(self, start: datetime) -> int:
        """The number of the interval that starts then.

        Raises:
            ConfigError: There is no such interval.
        """
        found = int(np.searchsorted(np.asarray([to_ns(s) for s in self.starts]), to_ns(start)))
        if found == len(self.starts) or self.starts[found] != start:
            raise ConfigError(
                f"{self.name} has no interval {start:%Y-%m-%d %H:%M}; "
                f"it goes from {self.starts[0]:%Y-%m-%d %H:%M} to {self.starts[-1]:%Y-%m-%d %H:%M}"
            )
        return found


def read_matrices(
    path: Path, routers: Iterable[str], *, step: timedelta = timedelta(minutes=5)
) -> TrafficMatrices:
    """The matrices of a CSV file (`.gz` too): `timestamp_utc,SRC->DST,...` in Mbit/s, blank = 0.

    Raises:
        ConfigError: Missing or malformed; names file, line and column and what was expected.
    """
    text = _read_text(path)
    header, _, _ = text.partition("\n")
    names = [name.strip() for name in header.split(",")]
    pairs = _pairs(names, frozenset(routers), path)
    _require_even_lines(text, len(names), path)
    table = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""], dtype=object)
    times = _times(table.iloc[:, 0], step, path)
    return TrafficMatrices(
        name=path.name, pairs=pairs, starts=times, rates_mbps=_rates(table, names, path)
    )


def demands(
    matrices: TrafficMatrices, network: NetworkFile, *, growth: float = DEFAULT_GROWTH
) -> DemandSeries:
    """What the matrices mean for this network: rates per (ingress router, destination prefix).

    Args:
        matrices: Between routers of the network.
        network: Says which prefixes are behind which router, and what a peer takes over.
        growth: Every rate is multiplied by it.
    """
    split = _split(network)
    places = [
        (DemandKey(ingress=src, prefix=prefix), column, share)
        for column, (src, dst) in enumerate(matrices.pairs)
        for prefix, share in split[dst]
    ]
    places.sort(key=lambda place: place[0])
    columns = [column for _, column, _ in places]
    factors = np.asarray([share for _, _, share in places]) * growth * _BPS_PER_MBPS
    return DemandSeries(
        name=matrices.name,
        keys=tuple(key for key, _, _ in places),
        starts=matrices.starts,
        rates_bps=matrices.rates_mbps[:, columns] * factors,
    )


def flow_samples(
    demand: DemandMatrix, *, epoch: int, seq: int, observed_at_ns: int
) -> tuple[TelemetrySample, ...]:
    """One interval as flow exporters would send it: a reading per ingress router.

    Args:
        demand: The interval's rates; its start is the readings' event time.
        epoch: Of this run of the exporter.
        seq: Of this reading, from 1.
        observed_at_ns: Wall clock of the export.
    """
    flows: dict[NodeId, list[FlowRecord]] = {}
    for key, rate_bps in zip(demand.keys, demand.rates_bps, strict=True):
        flows.setdefault(key.ingress, []).append(
            FlowRecord(prefix=str(key.prefix), rate_bps=rate_bps)
        )
    return tuple(
        TelemetrySample(
            device=router,
            stream=Stream.DEMAND,
            source=FLOW_SOURCE,
            epoch=epoch,
            seq=seq,
            observed_at_ns=observed_at_ns,
            encoding="flow",
            body=msgspec.msgpack.encode(records),
            event_at_ns=to_ns(demand.at),
        )
        for router, records in flows.items()
    )


def _split(network: NetworkFile) -> dict[str, list[tuple[Prefix, float]]]:
    """Per router: the prefixes its incoming demand goes to, with their shares (sum 1)."""
    split: dict[str, list[tuple[Prefix, float]]] = {
        router.name: [(router.site, 1.0)] for router in network.routers
    }
    for peer in network.peers:
        own = split[peer.takes_share_of]
        site, left = own[0]
        own[0] = (site, left - peer.share)
        own.extend((entry.prefix, peer.share * entry.weight) for entry in peer.prefixes)
    return split


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such file; expected a CSV of traffic matrices", path=path) from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error


def _pairs(
    names: list[str], routers: frozenset[str], path: Path
) -> tuple[tuple[NodeId, NodeId], ...]:
    if names[0] != _TIME_COLUMN or len(names) < 2:
        raise ConfigError(
            f"expected the header {_TIME_COLUMN},SRC->DST,... but it begins with {names[0]!r}",
            path=path,
            line=1,
            column=1,
        )
    pairs = []
    for column, name in enumerate(names[1:], start=2):
        src, arrow, dst = name.partition("->")
        unknown = [router for router in (src, dst) if router not in routers]
        if not arrow or unknown or name in names[1 : column - 1]:
            wrong = f"names the unknown router {unknown[0]!r}" if arrow and unknown else "is not"
            wrong = "is there twice" if name in names[1 : column - 1] else wrong
            raise ConfigError(
                f"{name!r} {wrong}; expected SRC->DST, each pair once, "
                f"of the routers {', '.join(sorted(routers))}",
                path=path,
                line=1,
                column=column,
            )
        pairs.append((NodeId(src), NodeId(dst)))
    return tuple(pairs)


def _require_even_lines(text: str, width: int, path: Path) -> None:
    lines = text.splitlines()
    if len(lines) < 2:
        raise ConfigError("no interval after the header", path=path, line=2)
    for number, line in enumerate(lines, start=1):
        if line.count(",") != width - 1:
            found = line.count(",") + 1
            raise ConfigError(
                f"expected {width} columns as in the header, found {found}",
                path=path,
                line=number,
                column=min(found, width),
            )


def _times(raw: "pd.Series[str]", step: timedelta, path: Path) -> tuple[datetime, ...]:
    parsed = pd.to_datetime(raw, errors="coerce", utc=True, format="ISO8601")
    bad = np.flatnonzero(parsed.isna().to_numpy())
    if bad.size:
        raise ConfigError(
            f"{raw.iloc[bad[0]]!r} is not a time; expected UTC as 2004-03-01 00:05:00",
            path=path,
            line=int(bad[0]) + 2,
            column=1,
        )
    gaps = parsed.diff().to_numpy()[1:]
    uneven = np.flatnonzero(gaps != np.timedelta64(step))
    if uneven.size:
        raise ConfigError(
            f"{raw.iloc[uneven[0] + 1]} does not follow {raw.iloc[uneven[0]]} after "
            f"{step.total_seconds() / 60:g} minutes; times must increase by that step",
            path=path,
            line=int(uneven[0]) + 3,
            column=1,
        )
    return tuple(at.to_pydatetime() for at in parsed)


def _rates(table: pd.DataFrame, names: list[str], path: Path) -> npt.NDArray[np.float64]:
    cells = table.iloc[:, 1:].fillna("0")
    try:
        rates: npt.NDArray[np.float64] = cells.to_numpy().astype(np.float64)
    except ValueError:
        numbers = cells.apply(pd.to_numeric, errors="coerce")
        rates = numbers.to_numpy(dtype=np.float64)
    bad = np.argwhere(~(np.isfinite(rates) & (rates >= 0)))
    if len(bad):
        row, column = (int(part) for part in bad[0])
        raise ConfigError(
            f"{cells.iloc[row, column]!r} in column {names[column + 1]} is not a rate; "
            "expected Mbit/s, 0 or more, or nothing for 0",
            path=path,
            line=row + 2,
            column=column + 2,
        )
    return rates
