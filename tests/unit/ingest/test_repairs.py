"""What copies ask for: answered together, and not more often than it takes."""

from foreshadow.control import ResyncRequest
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest.repairs import PAUSE_S, Repairs

PLACE = (NodeId("R1"), Stream.FIB)


def _ask(buckets: bytes = b"") -> ResyncRequest:
    return ResyncRequest(
        device=PLACE[0],
        stream=PLACE[1],
        epoch=1,
        seq=1,
        asked_by="test",
        reason="gap",
        buckets=buckets,
    )


def test_one_snapshot_answers_everybody() -> None:
    """Also those whose question was still on the way."""
    repairs = Repairs()
    for buckets in (b"a", b"", b"b"):
        repairs.take(_ask(buckets), 0)

    assert list(repairs.due(0)) == [(PLACE, [b""])]
    repairs.take(_ask(b"late"), PAUSE_S / 2)
    assert list(repairs.due(PAUSE_S * 2)) == []
    repairs.take(_ask(b"new"), PAUSE_S * 2)
    assert list(repairs.due(PAUSE_S * 2)) == [(PLACE, [b"new"])]


def test_questions_about_buckets_wait_for_each_other() -> None:
    """Each copy lacks its own, so none is dropped; what comes too soon is answered later."""
    repairs = Repairs()
    repairs.take(_ask(b"a"), 0)
    repairs.take(_ask(b"b"), 0)
    first = list(repairs.due(0))
    repairs.take(_ask(b"c"), PAUSE_S / 2)
    soon = list(repairs.due(PAUSE_S / 2))

    assert first == [(PLACE, [b"a", b"b"])]
    assert soon == []
    assert list(repairs.due(PAUSE_S)) == [(PLACE, [b"c"])]


def test_many_copies_get_everything() -> None:
    """Comparing with each of them would cost more than it saves, without bound."""
    repairs = Repairs()
    for number in range(100):
        repairs.take(_ask(str(number).encode()), 0)

    assert list(repairs.due(0)) == [(PLACE, [b""])]
