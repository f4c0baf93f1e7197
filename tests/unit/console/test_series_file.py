"""Series and matrices as others write them down."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from console.series_file import SeriesFile, read_series
from foreshadow.errors import ConfigError

FIVE = timedelta(minutes=5)


def _read(tmp_path: Path, text: str | bytes, *, step: timedelta | None = None) -> SeriesFile:
    path = tmp_path / "series.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_series(path, step=step)


def _timed(values: list[str], *, minutes: int = 5) -> str:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return "".join(
        f"{start + timedelta(minutes=minutes * n):%Y-%m-%d %H:%M:%S},{value}\n"
        for n, value in enumerate(values)
    )


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("1\n2\n3\n", ("column 1",), [1, 2, 3]),
        ("load\n1\n2\n3\n", ("load",), [1, 2, 3]),
        ("time,load\n" + _timed(["1", "2", "3"]), ("load",), [1, 2, 3]),
        (_timed(["1", "2", "3"]), ("column 2",), [1, 2, 3]),
        ("ts;load\n0;1\n", ("ts", "load"), None),
        ("time,load\n1700000000,1\n1700000300,2\n1700000600,3\n", ("load",), [1, 2, 3]),
        ("time,load\n1700000000000,1\n1700000300000,2\n1700000600000,3\n", ("load",), [1, 2, 3]),
        ("t\tload\n2024-01-01T00:00:00Z\t1\n2024-01-01T00:05:00Z\t2\n", ("load",), [1, 2]),
        ("load,what\n1,up\n2,down\n", ("load",), [1, 2]),
        ('"a, b",load\n1,2\n3,4\n', ("a, b", "load"), None),
    ],
)
def test_header_times_and_delimiter_are_found(
    tmp_path: Path, text: str, names: tuple[str, ...], values: list[float] | None
) -> None:
    """With and without header, times, quotes; seconds or milliseconds since 1970."""
    found = _read(tmp_path, text)

    assert found.names == names
    assert found.step == FIVE
    assert not found.is_matrix
    if values is not None:
        assert found.values[:, 0].tolist() == values


def test_a_matrix_has_demands_for_columns(tmp_path: Path) -> None:
    """Blank cells of it are 0; a line without any value is missing as a whole."""
    rows = ["2024-01-01 00:00,1,2", "2024-01-01 00:05,,3", "2024-01-01 00:10,,"]
    found = _read(tmp_path, "timestamp_utc,A->B,B->A\n" + "\n".join(rows) + "\n")

    assert found.is_matrix
    assert found.pairs() == (("A", "B"), ("B", "A"))
    assert found.total()[:2, 0].tolist() == [3, 3]
    assert np.isnan(found.total()[2, 0])
    assert found.column("B->A")[:2, 0].tolist() == [2, 3]


def test_packed_files_are_read(tmp_path: Path) -> None:
    """Gzip is found by content, whatever the name."""
    found = _read(tmp_path, gzip.compress(b"load\n1\n2\n"))

    assert found.values[:, 0].tolist() == [1, 2]


def test_what_lacks_is_missing_and_what_is_twice_is_averaged(tmp_path: Path) -> None:
    """A gap of two intervals, a line twice, and lines out of order; all of it is told."""
    text = "t,v\n2024-01-01 00:00,1\n2024-01-01 00:10,3\n2024-01-01 00:05,2\n"
    text += "2024-01-01 00:10,5\n2024-01-01 00:25,7\n"
    found = _read(tmp_path, text)

    assert np.array_equal(found.values[:, 0], [1, 2, 4, np.nan, np.nan, 7], equal_nan=True)
    assert len(found.notes) == 3
    assert "line 3" in found.notes[0] or "line 4" in found.notes[0]


def test_blank_and_negative_values_are_missing(tmp_path: Path) -> None:
    """NA, nan, blank and below zero."""
    found = _read(tmp_path, "t,v\n" + _timed(["1", "", "NA", "-3", "inf", "2"]))

    assert np.isnan(found.values[1:5, 0]).all()
    assert any("2 values" in note for note in found.notes)


def test_longer_intervals_are_means(tmp_path: Path) -> None:
    """--step 15m of a 5-minute file; another step than a multiple is refused."""
    text = "t,v\n" + _timed([str(n) for n in range(7)])

    assert _read(tmp_path, text, step=3 * FIVE).values[:, 0].tolist() == [1, 4]
    with pytest.raises(ConfigError, match="no whole multiple"):
        _read(tmp_path, text, step=timedelta(minutes=7))


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", "", "empty"),
        ("t,v\n", "", "nothing under it"),
        ("t,v\n" + _timed(["1"] * 30) + "2024-01-01 02:30:00,abc\n", ":32:2", "'abc' is no number"),
        ("t,v\n" + _timed(["1"] * 30) + "yesterday,4\n", ":32:1", "'yesterday' is no time"),
        ("t,v\n" + _timed(["1", "2"]) + "2024-01-01 00:10:00,4,5\n", ":4", "has 3 fields"),
        ("t,v\n" + _timed(["1", "2"]) + "2094-01-01 00:10:00,4\n", ":4", "jumps by"),
        ("t,v,v\n" + "2024-01-01,1,2\n2024-01-02,1,2\n", "", "same name"),
        ("t,v\n2024-01-01,1\n2024-01-01,2\n", "", "the same"),
        (b"v\n1\n\xff\xfe\n", ":3", "UTF-8"),
        (b"\x1f\x8b\x08broken", "", "cannot be read"),
        ("a,b\nx,y\n", ":", "is no number"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, place: str, reason: str
) -> None:
    """File, line and column, and what is wrong there."""
    with pytest.raises(ConfigError, match=reason) as caught:
        _read(tmp_path, text)

    assert f"series.csv{place}" in str(caught.value)


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With those that are."""
    with pytest.raises(ConfigError, match="it has a, b"):
        _read(tmp_path, "a,b\n1,2\n3,4\n").column("c")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_series(tmp_path / "none.csv")


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=300), st.text('0123456789.,;\n"-:T ->eabc\t', max_size=300)))
def test_whatever_is_in_a_file_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    """No content brings anything but numbers or a refusal."""
    try:
        found = _read(tmp_path_factory.getbasetemp(), content)
    except ConfigError:
        return

    assert found.values.ndim == 2
    assert found.values.shape[1] == len(found.names)
    assert not np.isinf(found.values).any()


_FEBRUARY = [datetime(2024, 2, 8, tzinfo=UTC) + timedelta(minutes=5 * n) for n in range(3000)]


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p"])
def test_days_come_before_months_or_after(tmp_path: Path, form: str) -> None:
    """Ten days that can be read both ways are read the way they are ten days."""
    found = _read(tmp_path, "when,load\n" + "".join(f"{at:{form}},1\n" for at in _FEBRUARY))

    assert found.start == _FEBRUARY[0]
    assert len(found.values) == len(_FEBRUARY)


@pytest.mark.parametrize(
    "text",
    [
        ",when,load\n" + "".join(f"{n},{at},7\n" for n, at in enumerate(_FEBRUARY)),
        "load,timestamp\n" + "".join(f"7,{at}\n" for at in _FEBRUARY),
        "day,clock,load\n" + "".join(f"{at:%Y-%m-%d},{at:%H:%M:%S},7\n" for at in _FEBRUARY),
        "# from a collector\nt,load\n" + "".join(f"{at},7\n" for at in _FEBRUARY),
        "t;load\n" + "".join(f"{at};7,0\n" for at in _FEBRUARY),
        "t,load,\n" + "".join(f"{at},7,\n" for at in _FEBRUARY),
        ("t,load\n" + "".join(f"{at},7\n" for at in _FEBRUARY)).encode("utf-16"),
    ],
    ids=["row numbers", "times last", "day and clock", "remark", "decimal comma", "tail", "utf-16"],
)
def test_tables_as_others_export_them(tmp_path: Path, text: str | bytes) -> None:
    """Row numbers are no load, times may stand anywhere, and commas may part decimals."""
    found = _read(tmp_path, text)

    assert found.names == ("load",)
    assert (found.start, found.step) == (_FEBRUARY[0], FIVE)
    assert (found.values == 7).all()


def test_a_time_of_day_alone_is_no_time(tmp_path: Path) -> None:
    """Nobody can say on which day it was, so no day is made up."""
    found = _read(tmp_path, "clock,load\n00:00,1\n00:05,2\n")

    assert found.start.year == 2001
    assert found.values[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize("step", [None, FIVE])
def test_clocks_that_jitter_keep_a_round_interval(tmp_path: Path, step: timedelta | None) -> None:
    """Readings every 299 s, or so, are of five minutes."""
    start = 1_700_000_000
    rows = "".join(f"{start + 299 * n + n % 2},1\n" for n in range(200))
    found = _read(tmp_path, "time,load\n" + rows, step=step)

    assert found.step == FIVE


def test_a_number_that_is_none_is_said_where_it_stands(tmp_path: Path) -> None:
    """Thousands in commas: the first value is blamed, not the header."""
    with pytest.raises(ConfigError, match=r":2:2: '1,000' is no number; write 1234.5"):
        _read(tmp_path, 't,load\n2024-01-01,"1,000"\n2024-01-02,"2,000"\n')
