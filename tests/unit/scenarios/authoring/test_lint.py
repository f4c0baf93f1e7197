"""What lint says: everything that is wrong, where, and the fix."""

from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from scenarios.authoring.lint import lint, read_scenario
from scenarios.authoring.lint_on_network import network_problems
from tests.scenario_files import ground, scenario_of, text_of

SOUND = """
select: {victim: {links: "*", by: highest-load}}
steps: [{inject: link-down, on: victim, for: 5s}]
checks: {during: {no_loop: true}}
"""


def _said(body: str) -> list[str]:
    return [str(problem) for problem in lint(text_of(body)).problems]


def test_a_sound_file_has_nothing_to_be_said_about() -> None:
    """And is a scenario with the digest of its text."""
    linted = lint(text_of(SOUND))

    assert linted.problems == ()
    assert linted.is_sound
    assert linted.scenario is not None
    assert len(linted.scenario.sha256) == 64


def test_everything_is_said_at_once() -> None:
    """Misspelt names and kinds, wrong units, missing and unknown fields, each with its fix."""
    assert _said(
        """
        select:
          victim: {links: "*", by: highest-lod, conut: 2}
          peers: {sessions: "*"}
        steps:
          - {inject: link-don, on: victim, for: 5}
          - {inject: link-down, on: peers, for: 5 parsecs}
          - {inject: link-down, on: victm, rate: 3}
          - {inject: ddos, on: 10.0.0.0/8}
          - {on: victim}
          - repeat: {times: 0, steps: []}
        checks: {during: {utilisation_at_most: 185%, converged_withn: 5s}}
        """
    ) == [
        "5:28: select.victim.by: 'highest-lod' will not do; did you mean 'highest-load'?",
        "5:41: select.victim.conut: there is no field 'conut' here; did you mean 'count'?",
        "8:14: steps.0.inject: there is no fault 'link-don'; did you mean 'link-down'?",
        (
            "9:29: steps.1.on: 'peers' picks sessions, but on takes links here; aim it at a "
            "selector of links, or choose a fault for sessions"
        ),
        "9:41: steps.1.for: '5 parsecs' is no duration; write 500ms, 5s or 1m30s",
        "10:29: steps.2.on: there is no selector 'victm'; did you mean 'victim'?",
        "10:36: steps.2.rate: there is no field 'rate' here; remove it",
        "11:5: steps.3.rate: rate is missing; add it",
        "12:5: steps.4: says neither inject, serial, parallel nor repeat; name a fault",
        "13:21: steps.5.repeat.times: input should be greater than or equal to 1",
        "13:31: steps.5.repeat.steps: is empty; say at least one",
        "14:40: checks.during.utilisation_at_most: 185% is not between 0% and 100%",
        (
            "14:46: checks.during.converged_withn: there is no field 'converged_withn' here; "
            "did you mean 'converged_within'?"
        ),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            SOUND.replace("no_loop: true", "converged_within: 5s"),
            "can never fail: no fault lasts longer than 5s; let the fault last longer than 5s",
        ),
        (
            SOUND.replace("during: {no_loop: true}", "before: {outage_at_most: 1s}"),
            "is about a fault, and before there is none; move it to during",
        ),
        (
            SOUND.replace("no_loop: true", "utilisation_at_most: 0%"),
            "can never hold: nothing is that low; allow more than 0",
        ),
        (
            SOUND + "limits: {longest: 4s}",
            "the steps take 5s, the drill may take 4s; shorten them or set limits.longest to 1m5s",
        ),
        (
            SOUND + "budget: {minutes_a_day: 0.05}",
            "one drill takes 5s, so none is ever within the budget; allow 0.1 minutes or more",
        ),
        (
            SOUND.replace("[{inject", "[{repeat: {times: 2, every: 3s, steps: [{inject").replace(
                "5s}]", "5s}]}}]"
            ),
            (
                "begins anew every 3s, but one time takes 5s: the same fault would be there twice; "
                "set every to 5s or more"
            ),
        ),
        (
            SOUND.partition("checks")[0],
            (
                "nothing is checked: only loads over the limit and lost demand will fail it; "
                "add `checks`"
            ),
        ),
        (
            SOUND.replace("on: victim", "on: lisbon"),
            (
                "there is no selector 'lisbon', so it is taken for a name in the network; check it "
                "with --network, or add the selector under `select`"
            ),
        ),
        (
            SOUND.replace("by: highest-load}", "among: edge, otherwise: victim}"),
            "there is no selector 'edge'; add it under `select`",
        ),
        (
            SOUND.replace("by: highest-load}", "otherwise: victim}"),
            "'victim' asks itself in the end; break the circle",
        ),
        (
            SOUND.replace('links: "*"', 'links: "*", nodes: "*"'),
            (
                "has links and nodes; give exactly one of links, nodes, srlgs, sessions, prefixes, "
                "demands"
            ),
        ),
        (
            SOUND.replace("by: highest-load", "rank: 2"),
            "rank 2 needs an order; add `by: highest-load`",
        ),
        (
            SOUND + 'trigger: {calendar: {cron: "0 3 * *", timezone: UTC}}',
            (
                "4 fields, but cron has 5: minute, hour, day of month, month, day of week; "
                "nightly is 30 2 * * *"
            ),
        ),
        (
            SOUND + 'trigger: {calendar: {cron: "0 25 * * *", timezone: UTC}}',
            "trigger.calendar.cron: bad hour",
        ),
        (
            SOUND + 'trigger: {calendar: {cron: "0 3 * * *", timezone: Mars/Olympus}}',
            "no timezone 'Mars/Olympus'; write an IANA name as Europe/Berlin",
        ),
        (
            SOUND + "trigger: {manual: true, forecast: {}}",
            "give exactly one of manual: true, calendar, forecast",
        ),
        (
            SOUND + 'trigger: {calendar: {cron: "0 3 * * *", timezone: UTC, '
            "blackout: [{from: 22:00, until: 04:00}]}}",
            (
                "every run falls into a blackout, or would reach into one; move cron, or shorten "
                "limits.longest"
            ),
        ),
        (
            SOUND + 'trigger: {calendar: {cron: "0 3 * * *", timezone: UTC, '
            "blackout: [{from: 22:00, until: 2026-01-01}]}}",
            "22:00 to 2026-01-01 is no window; write 22:00 and 02:00, or 2026-12-18 and 2027-01-06",
        ),
    ],
)
def test_what_cannot_work_is_said_with_its_remedy(body: str, said: str) -> None:
    """Checks that can never hold or fail, drills that never end or never run, circles."""
    assert any(said in line for line in _said(body)), _said(body)


def test_warnings_do_not_stand_in_the_way() -> None:
    """A selector that nothing uses is worth a word, not a refusal."""
    linted = lint(text_of(SOUND.replace("{victim:", '{spare: {nodes: "*"}, victim:')))

    assert [problem.is_error for problem in linted.problems] == [False]
    assert linted.is_sound


def test_on_a_network_every_target_is_looked_up() -> None:
    """Names it has not, selectors that pick nothing, limits it breaks: each at its place."""
    aimless = text_of(
        """
        select: {ducts: {srlgs: "*"}}
        steps:
          - {inject: srlg-cut, on: ducts}
          - serial: [{inject: link-down, on: NW-XX}]
        """
    )
    forbidden = text_of("steps: [{inject: node-down, on: NW}]\nlimits: {never: NW}")

    assert [str(p) for p in _on_square(aimless)] == [
        (
            "6:28: steps.0.on: ducts picks nothing in this network; widen the selector or give it "
            "`otherwise`"
        ),
        (
            "7:38: steps.1.serial.0.on: 'NW-XX' is no selector, and no link of the network has "
            "that name"
        ),
    ]
    assert [str(p) for p in _on_square(forbidden)] == [
        "5:9: limits: NW down touches NW, which must never be touched"
    ]
    assert not _on_square(text_of(SOUND))


def _on_square(text: str) -> tuple[object, ...]:
    scenario = lint(text).scenario
    assert scenario is not None
    return network_problems(text, scenario, ground())


def test_who_needs_a_scenario_gets_it_or_the_first_error(tmp_path: Path) -> None:
    """As every file of an operator: file, line, column, field, remedy, and how many more."""
    path = tmp_path / "s.yaml"
    path.write_text(text_of(SOUND))
    assert read_scenario(path) == scenario_of(SOUND)

    path.write_text(text_of(SOUND.replace("link-down", "link-dwn").replace("5s", "5")))
    with pytest.raises(ConfigError) as refused:
        read_scenario(path)
    assert str(refused.value).startswith(f"{path}:5:18: steps.0.inject: there is no fault")

    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not text"):
        read_scenario(path)
    with pytest.raises(ConfigError, match="no such scenario file"):
        read_scenario(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["", "- 1\n", "just words"])
def test_a_file_that_is_no_mapping_is_told_how_to_begin(text: str) -> None:
    """Empty, a list, or prose."""
    (problem,) = lint(text).problems

    assert problem.fix == "begin with version: 1, name, rationale and steps"
