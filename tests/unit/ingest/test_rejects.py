"""The book of what was refused: by reason, bounded, readable."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.telemetry import Rejected
from ingest.rejects import RejectBook, plain_reason

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _rejected(reason: str, sample: bytes = b"{}") -> Rejected:
    return Rejected(origin="telemetry.v1/0/7", reason=reason, sample=sample)


def test_records_of_one_reason_are_one_line() -> None:
    """Its count, when it began and was last seen, and the latest samples."""
    book = RejectBook()
    for number in range(5):
        at = NOON + timedelta(minutes=number)
        book.take(_rejected(f"line {number}: 'eth{number}' is no interface", b"%d" % number), at)
    (line,) = book.lines()

    assert (line.count, line.first_at) == (5, NOON)
    assert line.last_at == NOON + timedelta(minutes=4)
    assert [it.sample for it in line.specimens] == [b"2", b"3", b"4"]
    assert line.reason == "line N: ... is no interface"


def test_the_most_frequent_comes_first_and_may_be_looked_for() -> None:
    """Whoever looks wants to know what is wrong most."""
    book = RejectBook()
    for reason in ("rare", "often", "often"):
        book.take(_rejected(reason))

    assert [line.reason for line in book.lines()] == ["often", "rare"]
    assert [line.reason for line in book.lines("RAR")] == ["rare"]
    assert not list(book.lines("nothing"))


@given(st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=6), max_size=40))
def test_nothing_is_lost_from_the_total(reasons: list[str]) -> None:
    """What is shown and what had to make room add up to what came."""
    book = RejectBook()
    for reason in reasons:
        book.take(_rejected(reason))

    assert sum(line.count for line in book.lines()) + book.forgotten == book.total == len(reasons)


def test_a_flood_of_reasons_stays_bounded() -> None:
    """The oldest reasons make room; they are counted."""
    book = RejectBook()
    for number in range(2_000):
        book.take(_rejected("".join(chr(ord("a") + int(digit)) for digit in str(number))))

    assert len(list(book.lines())) <= 500
    assert book.forgotten == 2_000 - sum(line.count for line in book.lines())


def test_a_dead_letter_may_stand_for_many() -> None:
    """Of records that are the same one a minute is kept, with the count of all."""
    book = RejectBook()
    book.take(Rejected(origin="192.0.2.1", reason="too short", sample=b"", count=61_204))
    book.take(_rejected("too short"))
    (line,) = book.lines()

    assert line.count == book.total == 61_205


def test_samples_are_fit_for_a_terminal() -> None:
    """Control characters are spelt out, and what is no text is shown as octets."""
    book = RejectBook()
    for sample in (b"plain", b"\x1b[31mred", b"\xff\x00"):
        book.take(_rejected("x", sample))
    (line,) = book.lines()

    assert [it.text for it in line.specimens] == ["plain", "\\x1b[31mred", "ff 00"]


def test_a_reason_keeps_its_sentence() -> None:
    """Numbers and names go."""
    assert plain_reason('field "x" of 12: `y` expected') == "field ... of N: ... expected"
