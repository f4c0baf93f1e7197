"""What only shows on a network: names it has not, selectors that pick nothing, limits it breaks."""

from collections.abc import Iterator

from foreshadow.errors import ConfigError
from scenarios.authoring.lint_references import injection_ways
from scenarios.authoring.scenario_document import Problem, read
from scenarios.planning.fault_choice import faults_of
from scenarios.planning.ground import Ground
from scenarios.planning.planner import picked_by, refusals, resolve
from scenarios.planning.selection import Selection
from scenarios.scenario import Scenario, injections


def network_problems(text: str, scenario: Scenario, ground: Ground) -> tuple[Problem, ...]:
    """Everything that keeps a sound scenario from being drilled on this network.

    Args:
        text: The file's.
        scenario: What it says.
        ground: The network.
    """
    return tuple(_problems(text, scenario, ground))


def _problems(text: str, scenario: Scenario, ground: Ground) -> Iterator[Problem]:
    document, _ = read(text)
    if document is None:
        return
    selection = Selection(scenario, ground, seed=0)
    is_aimed = True
    ways = injection_ways(document)
    for way, injection in zip(ways, injections(scenario.steps), strict=True):
        try:
            faults_of(injection, picked_by(injection, selection, scenario), selection)
        except ConfigError as error:
            is_aimed = False
            yield document.problem((*way, "on"), _said(error, scenario))
    if not is_aimed:
        return
    try:
        drill = resolve(scenario, ground, drill_id="lint", load_limit=1.0)
    except ConfigError as error:
        yield document.problem(("steps",), _said(error, scenario))
        return
    for against in refusals(drill, ground):
        yield document.problem(("limits",), against)


def _said(error: ConfigError, scenario: Scenario) -> str:
    said = str(error).removeprefix(f"{error.field}: ")
    return said.removeprefix(f"{scenario.name}: ")
