"""What the deadband of demands costs: the error of links' loads, and of a forecast made of them.

The second week of measured demand, routed over the network it was measured on. The forecast is the
last value for the peak of the next hour, which has nothing in it that could hide an error.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from benchmarks._bus_bytes import COARSE, DEFAULT, WEEK, series
from benchmarks._report import Row
from foreshadow.observed import DemandRate, Stream, decode, encode
from foreshadow.topology import NodeId
from ingest.rates_demand import DemandDeadband
from tests.planned_network import planned
from tests.production_state import abilene

_AHEAD = 12
"""Intervals in an hour."""
_MOST_ERROR_PERCENT = 1.0

Array = npt.NDArray[np.float64]


def deadband_error() -> Iterator[Row]:
    """Loads and forecasts with the default deadband, and with one five times as coarse."""
    demand = series()
    true = demand.rates_bps[WEEK:]
    shares = planned(abilene()).under(frozenset(), demand.keys).shares
    loads = true @ shares.T
    exact = _wape_percent(loads, loads)
    for name, deadband, target in (
        ("default deadband", DEFAULT, _MOST_ERROR_PERCENT),
        ("10 % and 2 % of the router's", COARSE, None),
    ):
        told = _said(true, deadband) @ shares.T
        error = 100 * float(np.abs(told - loads).sum() / loads.sum())
        yield _row(f"links' loads, mean error by the {name}", error, "%", target)
        worse = _wape_percent(told, loads) - exact
        yield _row(
            f"last value for the peak in 1 h, WAPE with the {name}, less that without",
            worse,
            "points",
            None if target is None else 0.1,
        )


def _row(name: str, value: float, unit: str, target: float | None) -> Row:
    return Row(name=name, value=value, unit=unit, target=target, repetitions=WEEK)


def _wape_percent(loads: Array, true: Array) -> float:
    """Of the last value as a forecast of each link's peak in the next hour."""
    windows = np.lib.stride_tricks.sliding_window_view(true[1:], _AHEAD, axis=0)
    peaks = windows.max(axis=-1)
    return 100 * float(np.abs(loads[: len(peaks)] - peaks).sum() / peaks.sum())


def _said(rates_bps: Array, deadband: DemandDeadband) -> Array:
    """What copies hold after each interval."""
    by_router: dict[NodeId, list[int]] = {}
    for column, key in enumerate(series().keys):
        by_router.setdefault(key.ingress, []).append(column)
    told = np.empty_like(rates_bps)
    for columns in by_router.values():
        said: Mapping[str, bytes] = {}
        for number, row in enumerate(rates_bps[:, columns].tolist()):
            seen = {str(at): encode(DemandRate(rate_bps=rate)) for at, rate in enumerate(row)}
            said = deadband.settled(seen, said)
            told[number, columns] = [_rate_bps(raw) for raw in said.values()]
    return told


def _rate_bps(raw: bytes) -> float:
    value = decode(Stream.DEMAND, raw)
    if not isinstance(value, DemandRate):
        raise TypeError(f"demand holds {type(value).__name__}")
    return value.rate_bps
