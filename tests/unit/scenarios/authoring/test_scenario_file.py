"""The format of scenario files, as published."""

import json
import os
from datetime import date, time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scenarios.authoring.scenario_document import read
from scenarios.authoring.scenario_file import json_schema
from scenarios.calendar_trigger import Calendar, Concurrency, DailyBlackout, DatesBlackout, Missed
from scenarios.check import Check, CheckKind, Moment
from scenarios.scenario import Budget, Injection, Limits, OnForecast, Parallel, Repeat, Serial
from tests.scenario_files import scenario_of, text_of

SCHEMA = Path(__file__).parents[4] / "docs" / "scenario.schema.json"


def test_the_golden_schema_is_up_to_date() -> None:
    """docs/scenario.schema.json is what the models say; `make golden` rewrites it."""
    current = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    if os.environ.get("FORESHADOW_GOLDEN") == "rewrite":
        SCHEMA.write_text(current, encoding="utf-8")

    assert SCHEMA.read_text(encoding="utf-8") == current


def test_the_schema_is_one() -> None:
    """As JSON Schema itself sees it, and with a description for every field an editor shows."""
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    entries = [schema, *schema["$defs"].values()]
    bare = [
        f"{entry['title']}.{name}"
        for entry in entries
        for name, field in entry.get("properties", {}).items()
        if not {"description", "const", "enum", "$ref"} & field.keys() and name not in _FORMS
    ]

    assert bare == []


_FORMS = ("inject", "serial", "parallel", "manual", "calendar", "forecast")
"""What these are is said where they stand: each is an object with its own description."""


@pytest.mark.parametrize(
    ("body", "is_valid"),
    [
        ("steps: [{inject: link-down, on: x, for: 500ms}]", True),
        ("steps: [{inject: link-down, on: [x, y]}]", True),
        ("steps: [{inject: link-dwn, on: x}]", False),
        ("steps: [{inject: link-down, on: x, for: 5}]", False),
        ("steps: [{inject: link-down}]", False),
        ("steps: [{inject: ddos, on: x, rate: 1Gbps, from: y}]", True),
        ("steps: [{repeat: {times: 2, steps: [{parallel: [{inject: drained, on: x}]}]}}]", True),
        ("steps: [{inject: link-down, on: x}]\nselect: {x: {links: '*', not: y}}", True),
        ("steps: [{inject: link-down, on: x}]\nselect: {x: {links: '*', nt: y}}", False),
        ("steps: [{inject: link-down, on: x}]\nchecks: {during: {loss_at_most: 0.5}}", True),
        ("steps: [{inject: link-down, on: x}]\nchecks: {during: {loss_at_most: 5}}", False),
    ],
)
def test_the_schema_sees_what_lint_sees(body: str, *, is_valid: bool) -> None:
    """An editor marks the same mistakes while one types."""
    document, _ = read(text_of(body))
    assert document is not None
    validator: Any = jsonschema.Draft202012Validator(json_schema())

    assert validator.is_valid(document.content) is is_valid


def test_every_field_of_a_file_becomes_its_value() -> None:
    """Seconds, ratios and bits per second inside; sequences nest as they are written."""
    scenario = scenario_of(
        """
        select:
          busy: {links: [a-b, "c-*"], role: core, srlg: x, by: highest-load, count: 2, rank: 3}
        steps:
          - {inject: link-degrade, on: busy, rate: 2.5Gbps, loss: 0.1%, for: 1m30s, after: 250ms}
          - serial:
              - parallel:
                  - {inject: cost-changed, on: busy, cost: 7}
          - repeat:
              times: 2
              every: 20s
              steps: [{inject: link-flap, on: busy, down: 100ms}]
        checks:
          before: {fidelity_at_least: 99%}
          during: {converged_within: 2s, no_loop: true}
          after: {reachability_at_least: 100%}
        limits: {longest: 10m, demand: 5%, routers: 0.5, never: [x, y]}
        trigger:
          calendar:
            cron: 30 2 * * TUE
            timezone: Europe/Berlin
            blackout:
              - {from: 22:00, until: 02:00, days: [fri]}
              - {from: 2026-12-18, until: 2027-01-06}
            missed: run-once
            concurrency: replace
            jitter: 10m
        budget: {drills_a_day: 2, minutes_a_day: 30}
        """
    )
    degrade, serial, repeat = scenario.steps
    assert isinstance(degrade, Injection)
    assert (degrade.lasts_s, degrade.after_s) == (90, 0.25)
    assert dict(degrade.parameters) == {"rate": 2.5e9, "loss": pytest.approx(0.001)}
    assert isinstance(serial, Serial)
    assert isinstance(serial.steps[0], Parallel)
    assert isinstance(repeat, Repeat)
    assert (repeat.times, repeat.every_s) == (2, 20)
    assert scenario.checks == (
        Check(moment=Moment.BEFORE, kind=CheckKind.FIDELITY, limit=0.99),
        Check(moment=Moment.DURING, kind=CheckKind.CONVERGENCE, limit=2),
        Check(moment=Moment.DURING, kind=CheckKind.NO_LOOP, limit=0),
        Check(moment=Moment.AFTER, kind=CheckKind.REACHABILITY, limit=1),
    )
    assert scenario.limits == Limits(
        longest_s=600, demand_ratio=0.05, routers_ratio=0.5, never=("x", "y")
    )
    assert scenario.trigger == Calendar(
        cron="30 2 * * TUE",
        timezone="Europe/Berlin",
        blackouts=(
            DailyBlackout(start=time(22), end=time(2), days=frozenset({4})),
            DatesBlackout(first=date(2026, 12, 18), last=date(2027, 1, 6)),
        ),
        missed=Missed.RUN_ONCE,
        concurrency=Concurrency.REPLACE,
        jitter_s=600,
    )
    assert scenario.budget == Budget(drills_a_day=2, seconds_a_day=1800)


def test_a_forecast_triggers_for_some_links_at_some_load() -> None:
    """Any link at any load where nothing is said."""
    step = "steps: [{inject: link-down, on: a-b}]\nchecks: {during: {no_loop: true}}\n"

    assert scenario_of(step + "trigger: {forecast: {}}").trigger == OnForecast()
    assert scenario_of(
        step + "trigger: {forecast: {links: 'A->*', at_least: 90%}}"
    ).trigger == OnForecast(links=("A->*",), at_least_ratio=0.9)
