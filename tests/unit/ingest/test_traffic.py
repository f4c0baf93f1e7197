"""Traffic matrices: read exactly, refused with a place, and turned into demand by the file."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from foreshadow.clock import to_ns
from foreshadow.demand import DemandKey
from foreshadow.errors import ConfigError
from foreshadow.observed import Stream
from foreshadow.telemetry import FlowRecord
from foreshadow.topology import NodeId
from ingest.sources.traffic import Story, demands, flow_samples, read_matrices
from tests.planned_network import measured, without_peers
from tests.production_state import abilene

ROUTERS = tuple(router.name for router in abilene().routers)
HEADER = "timestamp_utc,CHINng->NYCMng,NYCMng->CHINng\n"
GOOD = HEADER + "2004-03-01 00:00:00,1.5,\n2004-03-01 00:05:00,2,4\n"


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "traffic.csv"
    path.write_text(text)
    return path


def test_blank_is_zero_and_times_are_utc(tmp_path: Path) -> None:
    """A small file comes out as written."""
    found = read_matrices(_file(tmp_path, GOOD), ROUTERS)

    assert found.pairs == (("CHINng", "NYCMng"), ("NYCMng", "CHINng"))
    assert found.starts[1] == datetime(2004, 3, 1, 0, 5, tzinfo=UTC)
    assert found.rates_mbps.tolist() == [[1.5, 0.0], [2.0, 4.0]]


def test_compressed_is_the_same(tmp_path: Path) -> None:
    """A `.gz` file reads like the plain one."""
    path = tmp_path / "traffic.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode()))

    assert read_matrices(path, ROUTERS).rates_mbps.sum() == 7.5


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "1:1: expected the header"),
        ("time,CHINng->NYCMng\n", "1:1: expected the header"),
        ("timestamp_utc,CHINng->NOWHERE\n", "1:2: 'CHINng->NOWHERE' names the unknown router"),
        ("timestamp_utc,CHINng\n", "1:2: 'CHINng' is not"),
        ("timestamp_utc,CHINng->NYCMng,CHINng->NYCMng\n", "1:3: 'CHINng->NYCMng' is there twice"),
        (HEADER, "2: no interval"),
        (HEADER + "2004-03-01 00:00:00,1\n", "2:2: expected 3 columns"),
        (HEADER + "2004-03-01 00:00:00,1,2,3\n", "2:3: expected 3 columns"),
        (HEADER + "2004-03-01 00:00:00,1,x\n", "2:3: 'x' in column NYCMng->CHINng"),
        (HEADER + "2004-03-01 00:00:00,nan,1\n", "2:2: 'nan' in column CHINng->NYCMng"),
        (HEADER + "2004-03-01 00:00:00,-1,1\n", "2:2: '-1' in column"),
        (HEADER + "yesterday,1,1\n", "2:1: 'yesterday' is not a time"),
        (GOOD + "2004-03-01 00:05:00,1,1\n", "4:1: 2004-03-01 00:05:00 does not follow"),
        (GOOD + "2004-03-01 00:15:00,1,1\n", "4:1: 2004-03-01 00:15:00 does not follow"),
    ],
)
def test_a_malformed_file_is_refused_at_its_place(tmp_path: Path, text: str, place: str) -> None:
    """One error names file, line and column, and says what was expected."""
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        read_matrices(path, ROUTERS)

    assert str(refused.value).startswith(f"{path}:{place}")


@pytest.mark.parametrize("name", ["none.csv", "broken.csv.gz"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """Missing, or not what its name says."""
    (tmp_path / "broken.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(ConfigError, match=name):
        read_matrices(tmp_path / name, ROUTERS)


def test_a_peer_takes_its_share_and_nothing_is_lost(tmp_path: Path) -> None:
    """60 % of what goes to CHINng goes to the peer's prefixes by weight, all times growth."""
    network = abilene()
    series = demands(read_matrices(_file(tmp_path, GOOD), ROUTERS), network, growth=2.0)
    matrix = series.matrix(1)
    rates = dict(zip(matrix.keys, matrix.rates_bps, strict=True))
    chicago = next(r.site for r in network.routers if r.name == "CHINng")
    (peer,) = network.peers

    assert matrix.keys == tuple(sorted(matrix.keys))
    assert rates[DemandKey(ingress=NodeId("NYCMng"), prefix=chicago)] == pytest.approx(3.2e6)
    for entry in peer.prefixes:
        key = DemandKey(ingress=NodeId("NYCMng"), prefix=entry.prefix)
        assert rates[key] == pytest.approx(4.8e6 * entry.weight)
    assert matrix.total_bps == pytest.approx(12e6)


def test_an_interval_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Asking for a moment outside the file says what the file covers."""
    series = demands(read_matrices(_file(tmp_path, GOOD), ROUTERS), without_peers(abilene()))
    with pytest.raises(ConfigError, match="from 2004-03-01 00:00 to 2004-03-01 00:05"):
        series.at(Story().failure_at)


def test_exported_flows_are_the_matrix(tmp_path: Path) -> None:
    """One whole reading per ingress router, in event time."""
    series = demands(read_matrices(_file(tmp_path, GOOD), ROUTERS), abilene())
    matrix = series.matrix(0)
    samples = flow_samples(matrix, epoch=3, seq=7, observed_at_ns=11)
    sent = {
        (sample.device, flow.prefix): flow.rate_bps
        for sample in samples
        for flow in msgspec.msgpack.decode(sample.body, type=tuple[FlowRecord, ...])
    }
    expected = zip(matrix.keys, matrix.rates_bps, strict=True)

    assert [sample.device for sample in samples] == ["CHINng", "NYCMng"]
    assert {(s.stream, s.epoch, s.seq, s.event_at_ns) for s in samples} == {
        (Stream.DEMAND, 3, 7, to_ns(series.starts[0]))
    }
    assert sent == {(key.ingress, str(key.prefix)): rate for key, rate in expected}


@pytest.mark.shared_data
def test_the_public_matrices_are_whole(shared_data: Path) -> None:
    """4,032 intervals, and the story's moments among them."""
    series = measured(shared_data, growth=2.5)

    assert len(series) == 4032
    assert series.at(Story().failure_at).at == Story().failure_at
    assert series.index(Story().live_from) >= 10 * 288
