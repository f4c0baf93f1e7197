"""What a source has told: in its order, whole or not, and what its patches make."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from foreshadow.observed import Stream
from foreshadow.telemetry import Patch, TelemetrySample
from foreshadow.topology import NodeId
from ingest import testimony
from ingest.testimony import gone


def sample(epoch: int, seq: int) -> TelemetrySample:
    """A sample of which only the number counts."""
    return TelemetrySample(
        device=NodeId("R1"),
        stream=Stream.INTERFACE,
        source="s",
        epoch=epoch,
        seq=seq,
        observed_at_ns=0,
        encoding="patch",
        body=b"",
    )


def tell(line: testimony.Testimony, seq: int, phase: Any, *, epoch: int = 1, **fields: Any) -> bool:
    """Say one patch; returns whether it was heard."""
    if not line.hears(sample(epoch, seq)):
        return False
    line.note_patch(Patch(phase=phase, **fields), at_ns=seq)
    return True


def upserts(**values: bytes) -> dict[str, Any]:
    """Values of a patch."""
    return {"upserts": tuple(values.items())}


def test_a_map_counts_from_its_end_on() -> None:
    """Changes before everything was told are merged, and are nobody's to see."""
    line = testimony.Testimony()
    tell(line, 1, "change", **upserts(a=b"0", z=b"0"))
    tell(line, 2, "begin")
    tell(line, 3, "part", **upserts(a=b"1", b=b"1"))
    tell(line, 4, "change", **upserts(a=b"2"))
    before = line.is_whole
    tell(line, 5, "end", **upserts(c=b"1"))

    assert not before
    assert line.is_whole
    assert line.hand_over() == ({"a": b"2", "b": b"1", "c": b"1"}, 1)


def test_without_an_end_it_never_counts() -> None:
    """A format that has no word for it says nothing whole, however long it talks."""
    line = testimony.Testimony()
    for seq in range(1, 500):
        tell(line, seq, "change", **upserts(a=b"%d" % seq))

    assert not line.is_whole


def test_a_source_that_began_anew_is_not_whole() -> None:
    """What it told before its restart is forgotten; what it says late of that time is ignored."""
    line = testimony.Testimony()
    tell(line, 1, "end", **upserts(old=b"1"))
    tell(line, 1, "change", epoch=2, **upserts(new=b"1"))

    assert not line.is_whole
    assert not tell(line, 2, "end")
    tell(line, 2, "end", epoch=2)
    assert line.hand_over() == ({"new": b"1"}, 0)


@pytest.mark.parametrize(("epoch", "seq"), [(1, 4), (2, 2)])
def test_what_was_lost_is_mended_by_telling_everything_again(epoch: int, seq: int) -> None:
    """A hole in the numbers undoes what was whole; an end alone does not heal it."""
    line = testimony.Testimony()
    tell(line, 1, "begin")
    tell(line, 2, "end", **upserts(a=b"1"))
    tell(line, seq, "change", epoch=epoch, **upserts(b=b"1"))
    tell(line, seq + 1, "end", epoch=epoch)
    torn = line.is_whole, line.is_torn
    tell(line, seq + 2, "begin", epoch=epoch)
    tell(line, seq + 3, "end", epoch=epoch, **upserts(c=b"1"))

    assert torn == (False, True)
    assert line.is_whole
    assert line.hand_over() == ({"c": b"1"}, 0)


@pytest.mark.parametrize(("epoch", "seq"), [(1, 2), (1, 1), (0, 9)])
def test_what_was_said_is_not_heard_again(epoch: int, seq: int) -> None:
    """Duplicates and dead sources are passed over."""
    line = testimony.Testimony()
    tell(line, 1, "begin")
    tell(line, 2, "end")

    assert not line.hears(sample(epoch, seq))
    assert line.is_whole


def test_a_map_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that only ever adds is refused at some point."""
    monkeypatch.setattr(testimony, "MOST_ENTRIES", 3)
    line = testimony.Testimony()

    with pytest.raises(ValueError, match="no more are followed"):
        tell(line, 1, "change", **upserts(a=b"", b=b"", c=b"", d=b""))


_keys = st.text("ab/", max_size=4)


@given(st.lists(_keys), st.lists(_keys), st.lists(_keys, max_size=4))
def test_what_is_under_a_subtree_goes(
    keys: list[str], deletes: list[str], subtrees: list[str]
) -> None:
    """Exactly the keys that begin with one of the prefixes, and those that are named."""
    patch = Patch(phase="change", deletes=tuple(deletes), subtrees=tuple(subtrees))

    under = {key for key in keys if key.startswith(tuple(subtrees))}
    assert set(gone(keys, patch)) == under | set(deletes)
