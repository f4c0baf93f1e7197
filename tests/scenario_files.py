"""Grounds to try scenarios on, and scenarios from a few lines: for tests."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from textwrap import dedent

from foreshadow.network_file import NetworkFile, parse_network
from scenarios.authoring.lint import lint
from scenarios.planning.ground import Ground
from scenarios.planning.planned_network import assumed_demand, planned
from scenarios.scenario import Scenario
from tests.production_state import ABILENE

SQUARE = Path(__file__).parent / "networks" / "square.yaml"
AT = datetime(2026, 1, 1, tzinfo=UTC)

HEAD = """\
version: 1
name: test
rationale: Something may fail, and then we would like to know.
"""


@cache
def ground(path: Path = SQUARE) -> Ground:
    """The network of a file under assumed traffic."""
    return ground_of(parse_network(path.read_text(), path=path))


def ground_of(network: NetworkFile) -> Ground:
    """A network under assumed traffic."""
    present = planned(network)
    return Ground(network=present, demand=assumed_demand(present, at=AT))


def abilene_ground() -> Ground:
    """The demo's network under assumed traffic."""
    return ground(ABILENE)


def text_of(body: str) -> str:
    """A scenario file with these fields beside the usual ones."""
    return HEAD + dedent(body).strip("\n") + "\n"


def scenario_of(body: str) -> Scenario:
    """The scenario of a file with these fields; there must be nothing wrong with it."""
    linted = lint(text_of(body))
    assert linted.scenario is not None, linted.problems
    assert linted.is_sound, linted.problems
    return linted.scenario
