"""Whether a scenario that can be read also makes sense: what can never hold, run or end in time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from scenarios.authoring.checks_entry import CHECK_FIELDS
from scenarios.authoring.quantities import say_duration
from scenarios.authoring.scenario_document import Document, Problem, Way
from scenarios.calendar_trigger import Calendar, due_runs
from scenarios.check import Check, CheckKind, Moment
from scenarios.planning.sequence import length_s
from scenarios.scenario import Repeat, Scenario, Sequence, injections

_ABOUT_A_FAULT = (CheckKind.CONVERGENCE, CheckKind.OUTAGE)
_MUST_BE_POSITIVE = (CheckKind.CONVERGENCE, CheckKind.LATENCY, CheckKind.UTILISATION)
_TRIED_RUNS = 400
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_FIELDS = {kind: field for field, kind in CHECK_FIELDS.items()}


def sense_problems(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """What cannot work, whatever the network."""
    yield from _too_long(scenario, document)
    yield from _repeats(scenario.steps, ("steps",), document)
    for check in scenario.checks:
        yield from _check(check, scenario, document)
    if not scenario.checks:
        yield document.problem(
            ("steps",),
            "nothing is checked: only loads over the limit and lost demand will fail it",
            "add `checks`",
        ).as_warning()
    yield from _never(scenario, document)


def _too_long(scenario: Scenario, document: Document) -> Iterator[Problem]:
    takes_s, limit_s = length_s(scenario.steps), scenario.limits.longest_s
    if takes_s > limit_s:
        yield document.problem(
            ("limits", "longest") if document.has(("limits", "longest")) else ("steps",),
            f"the steps take {say_duration(takes_s)}, the drill may take {say_duration(limit_s)}",
            f"shorten them or set limits.longest to {say_duration(takes_s + 60)}",
        )


def _repeats(steps: tuple[Sequence, ...], way: Way, document: Document) -> Iterator[Problem]:
    for index, step in enumerate(steps):
        here = (*way, index)
        match step:
            case Repeat(every_s=every_s, steps=inner):
                takes_s = length_s(inner)
                if 0 < every_s < takes_s:
                    yield document.problem(
                        (*here, "repeat", "every"),
                        f"begins anew every {say_duration(every_s)}, but one time takes "
                        f"{say_duration(takes_s)}: the same fault would be there twice",
                        f"set every to {say_duration(takes_s)} or more",
                    )
                yield from _repeats(inner, (*here, "repeat", "steps"), document)
            case _ if hasattr(step, "steps"):
                form = type(step).__name__.lower()
                yield from _repeats(step.steps, (*here, form), document)
            case _:
                pass


def _check(check: Check, scenario: Scenario, document: Document) -> Iterator[Problem]:
    field = _FIELDS[check.kind]
    way = ("checks", check.moment.value, field)
    if check.moment is Moment.BEFORE and check.kind in _ABOUT_A_FAULT:
        yield document.problem(
            way, "is about a fault, and before there is none", "move it to during", at_key=True
        )
    elif check.limit == 0 and check.kind in _MUST_BE_POSITIVE:
        yield document.problem(way, "can never hold: nothing is that low", "allow more than 0")
    longest_s = max(injection.lasts_s for injection in injections(scenario.steps))
    if check.moment is Moment.DURING and check.kind in _ABOUT_A_FAULT and check.limit >= longest_s:
        yield document.problem(
            way,
            f"can never fail: no fault lasts longer than {say_duration(longest_s)}",
            f"let the fault last longer than {say_duration(check.limit)}",
        ).as_warning()


def _never(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """What would keep it from ever being run."""
    takes_s, budget_s = length_s(scenario.steps), scenario.budget.seconds_a_day
    if budget_s is not None and takes_s > budget_s:
        yield document.problem(
            ("budget", "minutes_a_day"),
            f"one drill takes {say_duration(takes_s)}, so none is ever within the budget",
            f"allow {takes_s / 60:.1f} minutes or more",
        )
    if isinstance(scenario.trigger, Calendar):
        runs = due_runs(
            scenario.trigger,
            after=_SOME_DAY,
            scenario=scenario.name,
            longest_s=scenario.limits.longest_s,
        )
        year = [run for run in islice(runs, _TRIED_RUNS) if run.due < _SOME_DAY + _YEAR]
        if year and all(run.is_blacked_out for run in year):
            yield document.problem(
                ("trigger", "calendar", "blackout"),
                "every run falls into a blackout, or would reach into one",
                "move cron, or shorten limits.longest",
                at_key=True,
            )


_YEAR = timedelta(days=366)
