"""When a host was fit to measure on, and what is said where it was not."""

from dataclasses import replace

import pytest

from foreshadow.clock import SystemClock
from foreshadow.experiment import Convergence
from shadow.host_watch import HostLimits, HostLoad, HostWatch, judged

_CALM = HostLoad(took_s=10.0, waiting_ratio=0.2, busy_ratio=0.6, stolen_ratio=0.0, dropped_frames=0)


def _late(by_ms: float) -> Convergence:
    return Convergence(
        probes_sent=1000,
        probes_lost=0,
        outage_ms=0.0,
        last_fib_change_ms=0.0,
        probe_interval_ms=1.0,
        late_p99_ms=by_ms,
    )


def test_a_calm_host_is_fit() -> None:
    """Busy cores alone are what routers are for."""
    assert judged(_CALM, HostLimits(), _late(3.0)) == ""


@pytest.mark.parametrize(
    ("load", "by_ms", "overflows", "says"),
    [
        (replace(_CALM, dropped_frames=7), 0.0, 0, "no room for 7 frames"),
        (replace(_CALM, refused_neighbors=5), 0.0, 0, "table of neighbors was full 5 times"),
        (_CALM, 0.0, 3, "3 probes arrived and were dropped"),
        (_CALM, 31.0, 0, "sent 31 ms late"),
        (replace(_CALM, stolen_ratio=0.25), 0.0, 0, "hypervisor took 25%"),
        (replace(_CALM, waiting_ratio=0.97), 6.0, 0, "waited for a core 97%"),
    ],
)
def test_an_overloaded_host_is_named_with_its_number(
    load: HostLoad, by_ms: float, overflows: int, says: str
) -> None:
    """Each sign of overload alone makes a measurement worthless."""
    assert says in judged(load, HostLimits(), _late(by_ms), overflows=overflows)


def test_that_somebody_waits_for_a_core_is_no_harm_where_nobody_was_late() -> None:
    """Without a measurement there is only the waiting to go by."""
    full = replace(_CALM, waiting_ratio=0.97)

    assert judged(full, HostLimits(), _late(1.0)) == ""
    assert "waited for a core" in judged(full, HostLimits())


def test_a_kernel_without_pressure_information_is_judged_by_the_rest() -> None:
    """No figure is no overload."""
    assert judged(replace(_CALM, waiting_ratio=None), HostLimits()) == ""


def test_this_host_is_read() -> None:
    """Ratios lie between nothing and all, counters never run backwards."""
    watch = HostWatch(SystemClock())
    sum(range(200_000))

    load = watch.load()

    assert load.took_s > 0
    assert 0 <= load.stolen_ratio <= 1
    assert load.waiting_ratio is None or 0 <= load.waiting_ratio <= 1
    assert load.busy_ratio <= 1
    assert load.dropped_frames >= 0
    assert load.refused_neighbors >= 0
