"""Evidence, and when it is none."""

from foreshadow.experiment import Experiment, Purpose, Verdict, doubt_of, unless_void
from tests.bench_answers import answer
from tests.square_story import CUT, demand

ASKED = Experiment(
    id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
)


def test_result_of_a_faithful_bench_stands_as_it_is() -> None:
    """At the threshold too."""
    for verdict in Verdict:
        result = answer(ASKED, verdict)
        assert unless_void(result, result.fidelity) is result


def test_what_was_measured_on_something_else_settles_nothing() -> None:
    """Neither a pass nor a failure; what was found is kept."""
    result = answer(ASKED, Verdict.FAILED)
    void = unless_void(result, 1.01)

    assert void.verdict is Verdict.INCONCLUSIVE
    assert void.reasons[1:] == result.reasons
    assert doubt_of(0.98, 0.99) == "the bench reproduced 98.0% of production; 99% is the least"
    assert doubt_of(0.99, 0.99) == ""
