"""Which source a stream follows, and when that changes."""

import pytest

from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest.precedence import Place, Precedence

R1 = NodeId("R1")
FIB: Place = (R1, Stream.FIB)
DEMAND: Place = (R1, Stream.DEMAND)
S = 1_000_000_000


def test_first_come_holds_and_the_others_are_counted() -> None:
    """Two that take turns do not make the stream flap."""
    precedence = Precedence(patience_s=60)
    spoke = [
        precedence.may_speak(FIB, source, at * S, is_holder_whole=True)
        for at, source in enumerate(["a", "b", "a", "b", "b", "a"])
    ]

    assert spoke == [True, False, True, False, False, True]
    assert precedence.holder(FIB) == "a"
    assert precedence.shadowed == {"b": 3}
    assert precedence.takeovers == 0


def test_a_silent_holder_is_replaced() -> None:
    """Another takes over once the patience is over; the first then waits like any other."""
    precedence = Precedence(patience_s=60)
    precedence.may_speak(FIB, "a", 0, is_holder_whole=False)

    assert not precedence.may_speak(FIB, "b", 60 * S, is_holder_whole=True)
    assert precedence.may_speak(FIB, "b", 61 * S, is_holder_whole=True)
    assert not precedence.may_speak(FIB, "a", 62 * S, is_holder_whole=True)
    assert precedence.takeovers == 1


@pytest.mark.parametrize(("is_whole", "expected"), [(True, False), (False, True)])
def test_a_session_that_is_heard_keeps_its_quiet_streams(*, is_whole: bool, expected: bool) -> None:
    """Where nothing changes nothing is told; but who does not know it whole has no claim."""
    precedence = Precedence(patience_s=60)
    precedence.may_speak(FIB, "a", 0, is_holder_whole=False)
    precedence.hear(R1, "a", 100 * S)

    assert precedence.may_speak(FIB, "b", 101 * S, is_holder_whole=is_whole) == expected


def test_the_operator_knows_better() -> None:
    """A preferred source takes the stream at once, and gives it only when it is silent."""
    precedence = Precedence(["best", "good"], patience_s=60)
    order = ["other", "good", "other", "best", "good"]
    spoke = [
        precedence.may_speak(FIB, source, at * S, is_holder_whole=True)
        for at, source in enumerate(order)
    ]

    assert spoke == [True, True, False, True, False]
    assert precedence.may_speak(FIB, "other", 100 * S, is_holder_whole=True)


def test_demand_has_more_patience() -> None:
    """It is told once an interval, by whoever exports flows."""
    precedence = Precedence(patience_s=60)
    precedence.may_speak(DEMAND, "a", 0, is_holder_whole=False)

    assert not precedence.may_speak(DEMAND, "b", 300 * S, is_holder_whole=True)
    assert precedence.may_speak(DEMAND, "b", 601 * S, is_holder_whole=True)


def test_streams_are_decided_one_by_one() -> None:
    """Who holds one of a device's streams has no claim on another."""
    precedence = Precedence()
    precedence.may_speak(FIB, "a", 0, is_holder_whole=True)
    precedence.may_speak((R1, Stream.SESSION), "b", 1, is_holder_whole=True)

    assert dict(precedence.held()).keys() == {FIB, (R1, Stream.SESSION)}
    assert precedence.holder((NodeId("R2"), Stream.FIB)) is None
