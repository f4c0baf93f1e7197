"""Steps on a time line."""

from hypothesis import given
from hypothesis import strategies as st

from scenarios.planning.sequence import lay_out, length_s
from scenarios.scenario import Injection, Parallel, Repeat, Sequence, Serial, injections


def _fault(lasts_s: float, after_s: float = 0.0) -> Injection:
    return Injection(kind="link-down", on=("x",), lasts_s=lasts_s, after_s=after_s)


def test_steps_follow_each_other_and_groups_begin_together() -> None:
    """A group ends with its last step; what follows begins there, after its own pause."""
    steps = (
        _fault(5),
        Parallel(steps=(_fault(10), Serial(steps=(_fault(2, 1), _fault(3, 1))))),
        _fault(1, 2),
    )
    placed = lay_out(steps)

    assert [(each.start_s, each.end_s, each.turn) for each in placed] == [
        (0, 5, 0),
        (5, 15, 1),
        (6, 8, 2),
        (9, 12, 3),
        (17, 18, 4),
    ]
    assert length_s(steps) == 18


def test_a_repeat_begins_anew_every_so_often() -> None:
    """Or one right after the other; what follows waits for the last."""
    spaced = Repeat(times=3, every_s=10, steps=(_fault(4),))
    dense = Repeat(times=2, every_s=0, steps=(_fault(4, 1),))

    assert [each.start_s for each in lay_out((spaced, _fault(1)))] == [0, 10, 20, 24]
    assert [each.start_s for each in lay_out((dense,))] == [1, 6]
    assert [each.turn for each in lay_out((spaced, _fault(1)))] == [0, 0, 0, 1]


_STEPS = st.recursive(
    st.builds(_fault, st.integers(1, 20), st.integers(0, 5)),
    lambda inner: st.one_of(
        st.builds(Serial, steps=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Parallel, steps=st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(
            Repeat,
            times=st.integers(1, 3),
            every_s=st.just(0.0),
            steps=st.lists(inner, min_size=1, max_size=2).map(tuple),
        ),
    ),
    max_leaves=6,
)


@given(st.lists(_STEPS, min_size=1, max_size=4).map(tuple))
def test_every_step_of_the_file_gets_its_place(steps: tuple[Sequence, ...]) -> None:
    """None is lost, none begins before the drill, turns number them as the file has them."""
    placed = lay_out(steps)
    listed = tuple(injections(steps))

    assert all(each.start_s >= 0 for each in placed)
    assert {each.turn for each in placed} == set(range(len(listed)))
    assert all(each.injection == listed[each.turn] for each in placed)
    assert length_s((Serial(steps=steps), _fault(1))) == length_s(steps) + 1
