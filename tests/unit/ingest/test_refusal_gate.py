"""Refusals that are the same: one a minute is told, and the counts add up."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.heard import Refused
from ingest.refusal_gate import RefusalGate

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


def _refused(reason: str = "too short", sample: bytes = b"") -> Refused:
    return Refused(reason=reason, sample=sample, origin="192.0.2.1:5")


def test_what_is_repeated_is_told_once_a_minute_with_its_count() -> None:
    """The first at once; those that follow as one, with the latest sample."""
    gate = RefusalGate()
    told = [*gate.let_through("a", _refused(), 0)]
    for second in range(1, 10):
        told += gate.let_through("a", _refused(sample=b"%d" % second), second * SECOND_NS)
    assert [each.count for each in told] == [1]

    assert not [*gate.due(59 * SECOND_NS)]
    (later,) = gate.due(MINUTE_NS)
    assert (later.count, later.sample) == (9, b"9")


def test_numbers_and_names_make_no_other_mistake() -> None:
    """Who sends noise makes thousands of sentences that differ in a number."""
    gate = RefusalGate()
    told = [*gate.let_through("a", _refused("template 300 of 'x'"), 0)]
    told += gate.let_through("a", _refused("template 301 of 'y'"), 1)

    assert len(told) == 1
    assert [each.count for each in gate.finish()] == [1]


def test_another_sender_makes_a_mistake_of_its_own() -> None:
    """One noisy router hides nobody else's."""
    gate = RefusalGate()

    assert [*gate.let_through("a", _refused(), 0)] == [*gate.let_through("b", _refused(), 0)]


def test_what_is_not_repeated_is_forgotten() -> None:
    """The next time is a first time, told at once."""
    gate = RefusalGate()
    first = [*gate.let_through("a", _refused(), 0)]

    assert not [*gate.due(MINUTE_NS)]
    assert [*gate.let_through("a", _refused(), MINUTE_NS + 1)] == first


@given(
    st.lists(
        st.tuples(
            st.integers(-2, 30),
            st.sampled_from("abcdefgh"),
            st.text(alphabet="xyz", min_size=1, max_size=7),
            st.booleans(),
        ),
        max_size=200,
    )
)
def test_the_counts_add_up(steps: list[tuple[int, str, str, bool]]) -> None:
    """Whatever comes, and whatever the clock does, nothing is lost and nothing told twice."""
    gate, now_s, told = RefusalGate(), 1_000, 0
    for seconds, sender, reason, is_due in steps:
        now_s += seconds
        now_ns, refused = now_s * SECOND_NS, _refused(reason)
        told += sum(it.count for it in gate.let_through(sender, refused, now_ns))
        if is_due:
            told += sum(it.count for it in gate.due(now_ns))
    told += sum(it.count for it in gate.finish())

    assert told == len(steps)


def test_a_flood_of_mistakes_is_bounded_and_counted() -> None:
    """The oldest mistakes make room, and are told before they do."""
    gate, told = RefusalGate(), 0
    for number in range(5_000):
        reason = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        for _ in range(2):
            told += sum(it.count for it in gate.let_through("a", _refused(reason), number))

    assert told + sum(it.count for it in gate.finish()) == 10_000
