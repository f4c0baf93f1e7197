"""YAML as engineers mean it, with the place of everything."""

from hypothesis import given
from hypothesis import strategies as st

from scenarios.authoring.lint import lint
from scenarios.authoring.scenario_document import read
from tests.scenario_files import text_of


def test_words_of_yaml_1_1_are_just_words() -> None:
    """`on` is a key, 22:00 a time, a date a date; only true and false are truth values."""
    document, problems = read("on: off\nat: 22:00\nday: 2026-12-18\nno: yes\nis: true\nn: 5\n")

    assert problems == ()
    assert document is not None
    assert document.content == {
        "on": "off",
        "at": "22:00",
        "day": "2026-12-18",
        "no": "yes",
        "is": True,
        "n": 5,
    }


def test_every_value_knows_its_place() -> None:
    """A missing one is where it should have been; a key is where its name begins."""
    document, _ = read("a:\n  - b: 1\n    c: 2\n")

    assert document is not None
    assert document.place(("a", 0, "c")) == (3, 8)
    assert document.key_place(("a", 0, "c")) == (3, 5)
    assert document.place(("a", 0, "missing")) == (2, 5)
    assert document.has(("a", 0, "b"))
    assert not document.has(("a", 1))


def test_a_key_that_is_there_twice_is_a_problem() -> None:
    """YAML would let the second win in silence; what an alias stands for is said once."""
    _, problems = read("a: &x {b: 1, b: 2}\nc: *x\na: 3\n")

    assert [str(problem) for problem in problems] == [
        "1:14: a.b: 'b' is there twice; the first is in line 1; keep one of them",
        "3:1: a: 'a' is there twice; the first is in line 1; keep one of them",
    ]


def test_what_is_no_yaml_is_one_problem_with_its_place() -> None:
    """And no document."""
    document, (problem,) = read("a: [1\nb: 2")

    assert document is None
    assert (problem.line, problem.column) == (2, 2)
    assert problem.message.startswith("not valid YAML")


_WORDS = st.sampled_from(
    ["version", "steps", "select", "inject", "on", "link-down", "for", "5s", "serial", "repeat"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.integers(0, 2), inner, max_size=4)
    ),
    max_leaves=12,
)


_PARTS = ("select", "steps", "checks", "limits", "trigger", "budget")


@given(
    st.text(max_size=60)
    | _VALUES.map(repr)
    | st.dictionaries(st.sampled_from(_PARTS), _VALUES, max_size=4).map(
        lambda parts: text_of("\n".join(f"{name}: {value!r}" for name, value in parts.items()))
    )
)
def test_whatever_a_file_holds_lint_says_something(text: str) -> None:
    """Never a traceback; a file that cannot be used has at least one problem, in the file."""
    linted = lint(text)

    assert linted.scenario is not None or linted.problems
    assert all(
        1 <= problem.line <= text.count("\n") + 2 and problem.column >= 1
        for problem in linted.problems
    )
