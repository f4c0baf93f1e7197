"""One warning per link and failure per window."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forecast.alarm import ESCALATION, Alarm, warning_id
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

    assert alarm.is_due(replace(FIRST, **later)) is is_due


def test_warnings_read_back_in_any_order_count_by_their_time() -> None:
    """A restart that reads an older warning last does not forget the newer one."""
    newer = replace(FIRST, made_at=AT + timedelta(hours=3), window_end=AT + timedelta(hours=6))
    alarm = Alarm()
    alarm.remember(newer)
    alarm.remember(FIRST)

    assert not alarm.is_due(replace(FIRST, made_at=AT + timedelta(hours=4)))
