"""Scenarios in plain words."""

import pytest

from scenarios.authoring.explain import explain
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import find
from tests.scenario_files import scenario_of


def test_every_field_is_told() -> None:
    """Heading by heading, with what each fault and each check means."""
    told = dict(explain(read_scenario(find("weekly-resilience-drill"))))

    assert told["What it picks"][1] == (
        "border: the one of the routers with role border with the highest load; where there is "
        "none, any-router"
    )
    assert told["What happens (20s in all)"][1] == (
        "after 5s, node-down on border for 10s: A router dies: no daemon runs and no link of it "
        "has carrier. Undo: start the daemons and give the links their carrier again."
    )
    assert told["What must hold while the faults are in"][0] == (
        "Converged within 8s: so long after the fault no forwarding table changes any more, on "
        "any router."
    )
    assert told["What starts it"] == (
        "The calendar: at 02:30 on Tuesday (30 2 * * TUE), Europe/Berlin.",
        "Delayed by up to 10m, drawn for each run.",
        "Not from 2026-12-18 to 2027-01-06.",
        "Of runs missed while nothing was running, the latest is made up for.",
        "Skipped while its last run has no verdict yet.",
    )
    assert told["Budget"] == ("At most 1 a day.", "At most 10m of drilling a day.")


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ('{links: "*"}', "all links"),
        ("{links: [a-b, c-d]}", "all links called a-b or c-d"),
        ('{links: "*", srlg: x, not: y}', "all links in risk group x except y"),
        ('{links: "*", external: true, count: 2}', "the 2 of the links towards other networks"),
        (
            '{links: "*", by: highest-forecast-load, rank: 2}',
            "number 2 of the links with the highest load at the forecast peak",
        ),
        ('{links: "*", by: random}', "the one of the links drawn by lot, with the drill's seed"),
    ],
)
def test_a_selector_is_told_in_a_phrase(selector: str, words: str) -> None:
    """What it picks, of what, in which order."""
    scenario = scenario_of(
        f"""
        select: {{it: {selector}}}
        steps: [{{inject: link-down, on: it}}]
        checks: {{during: {{no_loop: true}}}}
        """
    )

    assert dict(explain(scenario))["What it picks"] == (f"it: {words}",)


def test_nested_steps_are_told_one_step_in() -> None:
    """Together, one after the other, several times; parameters as they would be written."""
    scenario = scenario_of(
        """
        steps:
          - parallel:
              - {inject: link-degrade, on: a-b, rate: 1Gbps, delay: 20ms, loss: 1%, for: 3s}
              - serial: [{inject: demand-surge, on: A>*, factor: x2}]
          - repeat: {times: 3, every: 20s, steps: [{inject: link-down, on: a-b}]}
        checks: {during: {no_loop: true}}
        limits: {demand: 5%, routers: 10%, never: [core]}
        """
    )
    told = dict(explain(scenario))
    steps = told["What happens (1m in all)"]

    assert [line.partition(":")[0] for line in steps] == [
        "together",
        "  link-degrade on a-b for 3s (rate 1Gbps, delay 20ms, loss 1%)",
        "  one after the other",
        "    demand-surge on A>* for 10s (factor x2)",
        "3 times, a new one every 20s",
        "  link-down on a-b for 10s",
    ]
    assert told["When it is broken off"] == (
        "It may take 5m.",
        "At most 5% of the demand may be cut off.",
        "Faults may touch at most 10% of the routers.",
        "Nothing may touch core.",
    )
