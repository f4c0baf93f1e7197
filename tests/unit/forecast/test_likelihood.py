"""Incidents become chances: of the right element, once each, with the reason in words."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecast.elements import Elements
from forecast.likelihood import FailureWatch
from foreshadow.clock import to_ns
from foreshadow.incident import Incident, IncidentKind
from foreshadow.topology import LinkId, NodeId
from foreshadow.warning import ElementKind
from tests.planned_network import planned
from tests.production_state import abilene

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STEP = timedelta(minutes=5)
NETWORK = planned(abilene()).what_if.topology
LINK = next(link for link in NETWORK.links if not link.is_external)
A, B = LINK.a, LINK.b


def _watch() -> FailureWatch:
    watch = FailureWatch((HOUR, 6 * HOUR))
    watch.know(Elements.of(NETWORK))
    watch.advance(AT, frozenset(), frozenset())
    return watch


def _incident(what: IncidentKind, subject: str, at: datetime, device: NodeId = A.node) -> Incident:
    return Incident(
        device=device, what=what, subject=subject, at_ns=to_ns(at), heard_at_ns=0, source="test"
    )


def _chance(watch: FailureWatch, link: LinkId = LINK.id) -> float:
    found = watch.chance(ElementKind.LINK, link, HOUR)
    assert found is not None
    return found


@pytest.mark.parametrize("subject", [A.interface, str(B.address), f"{A.interface}/{B.address}"])
def test_an_incident_is_its_links_whatever_it_is_called(subject: str) -> None:
    """Interface, neighbor's address and adjacency key all name the link."""
    watch = _watch()
    before = _chance(watch)
    watch.hear(_incident(IncidentKind.ADJACENCY_LOST, subject, AT + STEP / 2))
    watch.advance(AT + STEP, frozenset(), frozenset())

    assert _chance(watch) > 2 * before
    assert watch.because(ElementKind.LINK, LINK.id) == (
        "1 lost adjacency or session in the last hour"
    )


def test_a_fall_told_by_both_ends_and_by_the_state_is_one() -> None:
    """One cut, three voices: one failure; three cuts are three."""
    once, thrice = _watch(), _watch()
    for device, end in ((A.node, A), (B.node, B)):
        once.hear(_incident(IncidentKind.LINK_DOWN, end.interface, AT + STEP - HOUR / 90, device))
    once.advance(AT + STEP, frozenset({LINK.id}), frozenset())
    once.advance(AT + 2 * STEP, frozenset(), frozenset())
    for minute in (1, 2.5, 4):
        at = AT + timedelta(minutes=minute)
        thrice.hear(_incident(IncidentKind.LINK_DOWN, A.interface, at))
    thrice.advance(AT + 2 * STEP, frozenset(), frozenset())

    assert once.because(ElementKind.LINK, LINK.id) == "1 failure in the last hour"
    assert thrice.because(ElementKind.LINK, LINK.id) == "3 failures in the last hour"
    assert _chance(thrice) > _chance(once)


def test_what_is_planned_is_no_failure() -> None:
    """A link that goes down, is shut, or is under maintenance teaches nothing about failures."""
    watch, quiet = _watch(), _watch()
    watch.hear(_incident(IncidentKind.ADMIN_DOWN, A.interface, AT + STEP / 2))
    watch.hear(_incident(IncidentKind.LINK_DOWN, A.interface, AT + STEP / 2))
    for each in (watch, quiet):
        each.advance(AT + STEP, frozenset(), frozenset({LINK.id}))

    assert _chance(watch) == pytest.approx(_chance(quiet))


def test_the_likeliest_lead_and_what_is_down_is_left_out() -> None:
    """A list for people: worst first, chances per window ascending, every one with a reason."""
    watch = _watch()
    other = next(link for link in NETWORK.links if not link.is_external and link.id != LINK.id)
    watch.hear(_incident(IncidentKind.ADJACENCY_LOST, A.interface, AT + STEP / 2))
    watch.advance(AT + STEP, frozenset({other.id}), frozenset())
    first, *rest = watch.likelihoods(1000)

    assert first.name == LINK.id
    assert first.chances[0][1] < first.chances[1][1]
    assert other.id not in {found.name for found in rest}
    assert all(found.because for found in rest)


def test_unknown_devices_and_far_futures_do_no_harm() -> None:
    """They are counted, and memory is bounded."""
    watch = _watch()
    before = _chance(watch)
    watch.hear(_incident(IncidentKind.LINK_DOWN, "eth0", AT + STEP / 2, NodeId("stranger")))
    for year in range(10_050):
        watch.hear(_incident(IncidentKind.LINK_DOWN, A.interface, AT + timedelta(days=365 + year)))
    watch.advance(AT + STEP, frozenset(), frozenset())

    assert watch.incidents["of an unknown device"] == 1
    assert watch.incidents["too many of the future"] == 51
    assert _chance(watch) == pytest.approx(before, rel=0.01)


def test_a_clock_that_is_wrong_keeps_nobody_elses_news_out() -> None:
    """What happens now counts, however much is said to happen in years."""
    watch = _watch()
    before = _chance(watch)
    for year in range(10_050):
        watch.hear(_incident(IncidentKind.LINK_DOWN, "eth9", AT + timedelta(days=365 + year)))
    watch.hear(_incident(IncidentKind.LINK_DOWN, A.interface, AT + STEP / 2))
    watch.advance(AT + STEP, frozenset(), frozenset())

    assert _chance(watch) > 2 * before


def test_a_link_that_was_taken_away_is_not_said_to_fail() -> None:
    """What it taught stays; it is not named any more."""
    watch = _watch()
    watch.hear(_incident(IncidentKind.LINK_DOWN, A.interface, AT + STEP / 2))
    watch.advance(AT + STEP, frozenset(), frozenset())
    assert watch.likelihoods(1)[0].name == LINK.id

    watch.know(Elements.of(NETWORK.without({LINK.id})))

    assert LINK.id not in {found.name for found in watch.likelihoods(1000)}


def test_chances_are_scored_when_their_window_has_passed() -> None:
    """On links of which one flaps, the score beats that of the class, and is nothing before."""
    watch, rng, at = _watch(), np.random.default_rng(3), AT
    assert np.isnan(watch.scores[HOUR].brier)
    for _ in range(2000):
        at += STEP
        if rng.random() < 0.05:
            watch.hear(_incident(IncidentKind.LINK_DOWN, A.interface, at))
        watch.advance(at, frozenset(), frozenset())
    scores = watch.scores[HOUR]

    assert scores.outcomes > 1000
    assert scores.skill > 0.1
    assert scores.log_loss < 0.2
