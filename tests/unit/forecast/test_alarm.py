"""One warning per link and failure per window."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from forecast.alarm import ESCALATION, Alarm, Held, Restraint, warning_id
from foreshadow.demand import DemandMatrix
from foreshadow.topology import LinkId
from foreshadow.warning import SpikeWarning

AT = datetime(2004, 3, 11, 16, tzinfo=UTC)
FIRST = SpikeWarning(
    id=warning_id(("A->B", LinkId("C-D")), AT),
    link="A->B",
    under_failure=LinkId("C-D"),
    quantile=0.95,
    upper_ratio=0.90,
    limit_ratio=0.85,
    made_at=AT,
    window_start=AT + timedelta(hours=1),
    window_end=AT + timedelta(hours=3),
    lead_s=3600,
    demand=DemandMatrix(at=AT, keys=(), rates_bps=()),
)


@pytest.mark.parametrize(
    ("later", "is_due"),
    [
        ({"made_at": AT}, False),
        ({"made_at": AT + timedelta(hours=1)}, False),
        ({"made_at": AT + timedelta(hours=1), "upper_ratio": 0.91 + ESCALATION}, True),
        ({"made_at": AT + timedelta(hours=3)}, True),
        ({"made_at": AT + timedelta(minutes=5), "link": "B->A"}, True),
        ({"made_at": AT + timedelta(minutes=5), "under_failure": None}, True),
    ],
    ids=["same", "flapping", "escalated", "next window", "other link", "other failure"],
)
def test_what_is_said_again(later: dict[str, Any], *, is_due: bool) -> None:
    """Flapping around the limit is not; a worse forecast, a new window or another pair is."""
    alarm = Alarm()
    alarm.remember(FIRST)

    assert (alarm.reason_to_hold(replace(FIRST, **later)) is None) is is_due


def test_warnings_read_back_in_any_order_count_by_their_time() -> None:
    """A restart that reads an older warning last does not forget the newer one."""
    newer = replace(FIRST, made_at=AT + timedelta(hours=3), window_end=AT + timedelta(hours=6))
    alarm = Alarm()
    alarm.remember(newer)
    alarm.remember(FIRST)

    later = replace(FIRST, made_at=AT + timedelta(hours=4))

    assert alarm.reason_to_hold(later) is Held.WARNED


def test_quiet_needs_a_clear_fall_and_then_a_while() -> None:
    """Just under the limit is not quiet; well under it is, and may be said again later."""
    alarm = Alarm(Restraint(cool_down=timedelta(minutes=30), clear_ratio=0.9))
    alarm.remember(FIRST)
    pair, limit = (FIRST.link, FIRST.under_failure), FIRST.limit_ratio
    held = []
    for minutes, upper in ((10, 0.84), (20, 0.70), (60, 0.70)):
        at = AT + timedelta(minutes=minutes)
        alarm.look(pair, upper, limit, at)
        held.append(alarm.reason_to_hold(replace(FIRST, id="next", made_at=at)))

    assert held == [Held.WARNED, Held.COOLING, None]


def test_the_dearest_fit_the_budget_and_the_rest_is_counted() -> None:
    """Two an hour: the two that may cost most; an hour later there is room again."""
    alarm = Alarm(Restraint(per_hour=2))
    found = [
        replace(FIRST, id=f"w{loss}", link=f"A->{loss}", expected_loss_bps=float(loss))
        for loss in (3, 9, 5, 1)
    ]
    first = alarm.choose(found, least_lead_s=0)
    at_once = alarm.choose([replace(found[0], id="x", link="X->Y")], least_lead_s=0)
    later = alarm.choose(
        [replace(found[0], id="z", link="Z->Y", made_at=AT + timedelta(minutes=61))], least_lead_s=0
    )

    assert [warning.expected_loss_bps for warning in first] == [9, 5]
    assert at_once == ()
    assert [warning.id for warning in later] == ["z"]
    assert alarm.held_back[Held.BUDGET] == 3
    assert alarm.sent == 3


@pytest.mark.parametrize(("least_lead_s", "sent"), [(3599, 1), (3600, 0)])
def test_what_leaves_no_time_for_a_drill_is_not_sent(least_lead_s: float, sent: int) -> None:
    """The lead must exceed what a drill takes."""
    alarm = Alarm()

    assert len(alarm.choose([FIRST], least_lead_s)) == sent
    assert alarm.held_back[Held.LEAD] == 1 - sent


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from("ABC"), st.floats(0.86, 2)), max_size=60
    ),
    st.integers(1, 4),
)
def test_no_hour_has_more_than_its_budget(
    forecasts: list[tuple[int, str, float]], per_hour: int
) -> None:
    """Whatever is forecast, in no hour more is sent than was allowed, and nothing is lost."""
    alarm = Alarm(Restraint(per_hour=per_hour))
    sent: list[SpikeWarning] = []
    for number, (minute, link, upper) in enumerate(sorted(forecasts)):
        at = AT + timedelta(minutes=minute)
        warning = replace(
            FIRST,
            id=str(number),
            link=link,
            upper_ratio=upper,
            made_at=at,
            window_end=at + timedelta(hours=1),
        )
        sent += alarm.choose([warning], least_lead_s=0)
    times = [warning.made_at for warning in sent]

    assert all(
        sum(at <= other < at + timedelta(hours=1) for other in times) <= per_hour for at in times
    )
    assert len(sent) + sum(alarm.held_back.values()) == len(forecasts)


def test_what_is_remembered_neither_grows_nor_counts_twice() -> None:
    """A warning read back hours later is the same one; pairs long quiet are forgotten."""
    alarm = Alarm(Restraint(per_hour=1))
    alarm.remember(FIRST)
    later = AT + timedelta(hours=5)
    other = replace(FIRST, id="w-other", link="E->F", made_at=later, window_end=later)
    assert alarm.choose([other], 0.0) == (other,)
    alarm.remember(FIRST)

    assert alarm.sent == 2
    assert alarm.probability((FIRST.link, FIRST.under_failure)) is None
    said = replace(FIRST, id="w-said", made_at=later, window_end=later, probability=0.3)
    alarm.remember(said)
    assert alarm.probability((FIRST.link, FIRST.under_failure)) == 0.3
    months = later + timedelta(days=60)
    alarm.choose([replace(other, id="w-new", made_at=months, window_end=months)], 0.0)
    assert alarm.probability((FIRST.link, FIRST.under_failure)) is None


def test_intervals_shorter_than_a_minute_have_warnings_of_their_own() -> None:
    """And those of whole minutes are named as ever."""
    pair = ("A->B", None)
    half = AT + timedelta(seconds=30)

    assert warning_id(pair, AT) == "w-20040311T1600-intact-A-B"
    assert warning_id(pair, half) == "w-20040311T160030-intact-A-B"
