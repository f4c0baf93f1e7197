"""A scenario in plain words: for whoever must decide whether to run it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from cronsim import CronSim

from scenarios.authoring.quantities import say_duration, say_rate, say_ratio
from scenarios.calendar_trigger import (
    DAYS,
    Blackout,
    Calendar,
    Concurrency,
    DailyBlackout,
    DatesBlackout,
    Missed,
)
from scenarios.check import Check, CheckKind, Moment
from scenarios.faults.catalogue import kind_named
from scenarios.planning.sequence import length_s
from scenarios.scenario import (
    Budget,
    Injection,
    Limits,
    Manual,
    OnForecast,
    Parallel,
    Parameter,
    Ranking,
    Repeat,
    Scenario,
    Selector,
    Sequence,
    Serial,
    TargetKind,
    Trigger,
)

Section = tuple[str, tuple[str, ...]]
"""A heading and its sentences; two blanks in front of a sentence put it one step further in."""


def explain(scenario: Scenario) -> tuple[Section, ...]:
    """Every field of a scenario in words, heading by heading."""
    takes = say_duration(length_s(scenario.steps))
    return (
        ("Why", (scenario.rationale,)),
        ("What it picks", tuple(f"{n}: {say_selector(s)}" for n, s in scenario.selectors)),
        (f"What happens ({takes} in all)", tuple(_steps(scenario.steps, ""))),
        *(
            (_MOMENTS[moment], said)
            for moment in Moment
            if (said := tuple(say_check(c) for c in scenario.checks if c.moment is moment))
        ),
        ("When it is broken off", tuple(_limits(scenario.limits))),
        ("What starts it", tuple(_trigger(scenario.trigger))),
        *((("Budget", said),) if (said := tuple(_budget(scenario.budget))) else ()),
    )


def say_selector(selector: Selector) -> str:
    """What a selector picks, as a sentence without its end."""
    kind = selector.kind
    every = "SRLGs" if kind is TargetKind.SRLGS else kind.value
    if kind is TargetKind.NODES:
        every = "routers"
    narrowed = f"{every}{_narrowing(selector)}"
    order = "" if selector.by is None else f" {_ORDERS[selector.by]}"
    if selector.count is None:
        said = f"all {narrowed}"
    elif selector.rank > 1:
        said = f"number {selector.rank} of the {narrowed}{order}"
        said += f" and the next {selector.count - 1}" if selector.count > 1 else ""
    else:
        said = f"the {selector.count if selector.count > 1 else 'one'} of the {narrowed}{order}"
    return said + (f"; where there is none, {selector.otherwise}" if selector.otherwise else "")


def say_check(check: Check) -> str:
    """What a check demands and what it means, as a sentence."""
    limit = say_duration(check.limit) if check.kind.unit == "s" else say_ratio(check.limit)
    return _CHECKS[check.kind].format(limit=limit)


def say_injection(injection: Injection) -> str:
    """What an injection does, as a sentence."""
    on = ", ".join(injection.on)
    extra = ", ".join(f"{name} {_say(name, value)}" for name, value in injection.parameters)
    lasts = say_duration(injection.lasts_s)
    pause = f"after {say_duration(injection.after_s)}, " if injection.after_s else ""
    what = kind_named(injection.kind)
    return (
        f"{pause}{injection.kind} on {on} for {lasts}{f' ({extra})' if extra else ''}: "
        f"{what.summary.removesuffix('.')}. Undo: {what.undoing}."
    )


_MOMENTS = {
    Moment.BEFORE: "What must hold before anything is broken",
    Moment.DURING: "What must hold while the faults are in",
    Moment.AFTER: "What must hold when everything is undone",
}

_CHECKS = {
    CheckKind.CONVERGENCE: "Converged within {limit}: so long after the fault no forwarding table "
    "changes any more, on any router.",
    CheckKind.OUTAGE: "No outage longer than {limit}: no watched pair of routers is without a "
    "single packet for longer.",
    CheckKind.LOSS: "At most {limit} loss: of all probe packets between watched pairs.",
    CheckKind.LATENCY: "At most {limit} one way, on the slowest watched pair, at rest.",
    CheckKind.UTILISATION: "No link above {limit} of its capacity, by the routers' real tables and "
    "the demand.",
    CheckKind.REACHABILITY: "At least {limit} of the demand between living routers arrives.",
    CheckKind.NO_LOOP: "No loop: no demand goes in circles.",
    CheckKind.NO_BLACKHOLE: "No blackhole: no demand between living routers is dropped on the way.",
    CheckKind.FIDELITY: "The shadow agrees with production on at least {limit} of adjacencies, "
    "sessions and next hops.",
}

_ORDERS = {
    Ranking.HIGHEST_FORECAST_LOAD: "with the highest load at the forecast peak",
    Ranking.HIGHEST_LOAD: "with the highest load",
    Ranking.LOWEST_LOAD: "with the lowest load",
    Ranking.HIGHEST_BETWEENNESS: "on most shortest paths",
    Ranking.RANDOM: "drawn by lot, with the drill's seed",
}


def _narrowing(selector: Selector) -> str:
    parts = []
    if selector.names != ("*",):
        parts.append(f" called {' or '.join(selector.names)}")
    if selector.roles:
        parts.append(f" with role {' or '.join(selector.roles)}")
    if selector.srlgs:
        parts.append(f" in risk group {' or '.join(selector.srlgs)}")
    if selector.is_external is not None:
        parts.append(" towards other networks" if selector.is_external else " inside our network")
    if selector.among:
        parts.append(f" among {selector.among}")
    if selector.excluded:
        parts.append(f" except {', '.join(selector.excluded)}")
    return "".join(parts)


def _steps(steps: tuple[Sequence, ...], inset: str) -> Iterator[str]:
    for step in steps:
        match step:
            case Injection():
                yield inset + say_injection(step)
            case Serial(steps=inner):
                yield f"{inset}one after the other:"
                yield from _steps(inner, inset + "  ")
            case Parallel(steps=inner):
                yield f"{inset}together:"
                yield from _steps(inner, inset + "  ")
            case Repeat(times=times, every_s=every_s, steps=inner):
                every = f", a new one every {say_duration(every_s)}" if every_s else ""
                yield f"{inset}{times} times{every}:"
                yield from _steps(inner, inset + "  ")


def _limits(limits: Limits) -> Iterator[str]:
    yield f"It may take {say_duration(limits.longest_s)}."
    if limits.demand_ratio < 1:
        yield f"At most {say_ratio(limits.demand_ratio)} of the demand may be cut off."
    if limits.routers_ratio < 1:
        yield f"Faults may touch at most {say_ratio(limits.routers_ratio)} of the routers."
    if limits.never:
        yield f"Nothing may touch {', '.join(limits.never)}."


def _trigger(trigger: Trigger) -> Iterator[str]:
    match trigger:
        case Manual():
            yield "A person: `foreshadow scenario run`."
        case OnForecast(links=links, at_least_ratio=ratio):
            of = "any link" if links == ("*",) else " or ".join(links)
            load = f" at {say_ratio(ratio)} or more" if ratio else ""
            yield f"A warning of the forecast for {of}{load}; at the forecast demand."
        case Calendar():
            yield from _calendar(trigger)


def _calendar(calendar: Calendar) -> Iterator[str]:
    when = CronSim(calendar.cron, _SOME_DAY).explain()
    yield f"The calendar: {when[:1].lower() + when[1:]} ({calendar.cron}), {calendar.timezone}."
    if calendar.jitter_s:
        yield f"Delayed by up to {say_duration(calendar.jitter_s)}, drawn for each run."
    for blackout in calendar.blackouts:
        yield f"Not {say_blackout(blackout)}."
    yield _MISSED[calendar.missed]
    yield _CONCURRENCY[calendar.concurrency]


def say_blackout(blackout: Blackout) -> str:
    """A blackout in words: `from 22:00 to 02:00 on fri, sat`."""
    match blackout:
        case DailyBlackout(start=start, end=end, days=days):
            on = "" if len(days) == len(DAYS) else f" on {', '.join(DAYS[d] for d in sorted(days))}"
            return f"from {start:%H:%M} to {end:%H:%M}{on}"
        case DatesBlackout(first=first, last=last):
            return f"from {first} to {last}"


_MISSED = {
    Missed.RUN_ONCE: "Of runs missed while nothing was running, the latest is made up for.",
    Missed.SKIP: "Runs missed while nothing was running are not made up for.",
}
_CONCURRENCY = {
    Concurrency.FORBID: "Skipped while its last run has no verdict yet.",
    Concurrency.QUEUE: "Waits while its last run has no verdict yet.",
    Concurrency.REPLACE: "Waits while its last run has no verdict yet, instead of one that waits.",
}


def _budget(budget: Budget) -> Iterator[str]:
    if budget.drills_a_day is not None:
        yield f"At most {budget.drills_a_day} a day."
    if budget.seconds_a_day is not None:
        yield f"At most {say_duration(budget.seconds_a_day)} of drilling a day."


def _say(name: str, value: Parameter) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, float):
        return _UNITS.get(name, say_duration)(value)
    return str(value)


_UNITS: Mapping[str, Callable[[float], str]] = {
    "rate": say_rate,
    "loss": say_ratio,
    "factor": "x{:g}".format,
}
"""How a parameter is said that is no duration."""

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
