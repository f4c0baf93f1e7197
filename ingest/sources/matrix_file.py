"""Traffic matrices in any of the forms they are published in.

A CSV of many intervals (`traffic`), an SNDlib XML network with its demands, or Repetita's
`.demands`. Routers keep the names the file gives them; whoever knows the topology says which router
is meant.
"""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from ingest.sources.traffic import TrafficMatrices, read_matrices
from ingest.topologies.numbers import number
from ingest.topologies.xml_text import parse_xml

_NS = "{http://sndlib.zib.de/network}"
_MBPS = {"KBITPERSEC": 1e-3, "MBITPERSEC": 1.0, "GBITPERSEC": 1e3}
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL_STEP = timedelta(minutes=5)
_HEAD = 1 << 20


def read_matrix_file(path: Path) -> TrafficMatrices:
    """The matrices of a file; one interval of 1970 where the file names no time.

    Raises:
        ConfigError: Missing, of no known form, or malformed; names the place and the reason.
    """
    head = _head(path)
    if head.lstrip().startswith(b"<"):
        return _sndlib(path)
    if head.startswith(b"DEMANDS"):
        return _repetita(path)
    if head.startswith(b"timestamp_utc"):
        return _csv(path, head.decode("utf-8", errors="replace"))
    raise ConfigError(
        "no traffic matrix: expected a CSV `timestamp_utc,SRC->DST,...` in Mbit/s, an SNDlib XML "
        "file with demands, Repetita's .demands, or a traffic profile (YAML)",
        path=path,
    )


def _head(path: Path) -> bytes:
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                return packed.read(_HEAD)
        with path.open("rb") as plain:
            return plain.read(_HEAD)
    except (OSError, EOFError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"cannot be read: {said}", path=path) from error


def _csv(path: Path, head: str) -> TrafficMatrices:
    lines = head.splitlines()
    names = {end for pair in lines[0].split(",")[1:] for end in pair.strip().split("->")}
    times = pd.to_datetime(
        pd.Series([line.partition(",")[0] for line in lines[1:3]]), errors="coerce", utc=True
    ).dropna()
    step = times.iloc[1] - times.iloc[0] if len(times) == 2 else _USUAL_STEP
    return read_matrices(path, names, step=max(step, timedelta(seconds=1)))


def _sndlib(path: Path) -> TrafficMatrices:
    root = parse_xml(path.read_bytes(), path=path)
    factor = _MBPS.get((root.findtext(f"{_NS}meta/{_NS}unit") or "").strip(), 1.0)
    stamp = (root.findtext(f"{_NS}meta/{_NS}time") or "").strip()
    rates: dict[tuple[NodeId, NodeId], float] = {}
    for demand in root.iterfind(f"{_NS}demands/{_NS}demand"):
        name = demand.get("id", "")
        src, dst = (
            NodeId((demand.findtext(f"{_NS}{end}") or "").strip()) for end in ("source", "target")
        )
        text = (demand.findtext(f"{_NS}demandValue") or "").strip()
        value = factor * number(text, f"value of demand {name}", path=path)
        rates[src, dst] = rates.get((src, dst), 0.0) + value
    return _single(path, rates, at=_time(stamp))


def _repetita(path: Path) -> TrafficMatrices:
    rates: dict[tuple[NodeId, NodeId], float] = {}
    text = path.read_text(encoding="utf-8", errors="replace")
    for line, words in enumerate(map(str.split, text.splitlines()), start=1):
        match words:
            case [] | ["DEMANDS", _] | ["label", *_]:
                continue
            case [label, src, dst, kbps] if src.isdigit() and dst.isdigit():
                pair = NodeId(f"#{src}"), NodeId(f"#{dst}")
                value = 1e-3 * number(kbps, f"rate of {label}", path=path, line=line)
                rates[pair] = rates.get(pair, 0.0) + value
            case _:
                raise ConfigError("expected `label src dest bw`", path=path, line=line)
    return _single(path, rates, at=_NO_TIME)


def _single(
    path: Path, rates: dict[tuple[NodeId, NodeId], float], *, at: datetime
) -> TrafficMatrices:
    if not rates:
        raise ConfigError("holds no demand", path=path)
    return TrafficMatrices(
        name=path.name,
        pairs=tuple(rates),
        starts=(at,),
        rates_mbps=np.asarray([list(rates.values())]),
    )


def _time(stamp: str) -> datetime:
    """SNDlib's `20040301-0000`; files without one hold a static demand."""
    try:
        return datetime.strptime(stamp, "%Y%m%d-%H%M").replace(tzinfo=UTC)
    except ValueError:
        return _NO_TIME
