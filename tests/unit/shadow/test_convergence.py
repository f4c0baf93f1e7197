"""What lost probes mean: an outage after the fault, a void measurement before it."""

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.topology import NodeId
from shadow.convergence import ProbeTrail, Sentinel, control_loss, measure

WAY = Sentinel(src=NodeId("SE"), address=IPv4Address("203.0.113.1"), listeners=(NodeId("PEERNE"),))


def _trail(arrived: list[bool], *, interval_s: float = 0.002) -> ProbeTrail:
    return ProbeTrail(
        sentinel=WAY,
        sent_s=tuple(number * interval_s for number in range(len(arrived))),
        arrived=tuple(arrived),
    )


def test_outage_is_lost_probes_times_interval() -> None:
    """Fifty probes lost at 2 ms are an outage of 100 ms."""
    trail = _trail([True] * 200 + [False] * 50 + [True] * 100)

    seen = measure((trail,), injected_s=0.4, last_fib_change_s=0.09)

    assert seen.probes_lost == 50
    assert round(seen.outage_ms, 6) == 100.0
    assert round(seen.probe_interval_ms, 6) == 2.0
    assert round(seen.last_fib_change_ms, 6) == 90.0


def test_outage_is_time_not_count_when_the_host_sends_unevenly() -> None:
    """A probe lost before a pause of the sender stands for the whole pause."""
    trail = ProbeTrail(
        sentinel=WAY,
        sent_s=(0.0, 0.002, 0.004, 0.034, 0.036),
        arrived=(True, True, False, True, True),
    )

    assert round(measure((trail,), injected_s=0.0, last_fib_change_s=0.0).outage_ms, 6) == 30.0


def test_longest_outage_over_all_ways_counts() -> None:
    """Ways recover one after the other; the network has when the last one has."""
    short = _trail([True] * 100 + [False] * 5 + [True] * 100)
    long = _trail([True] * 100 + [False] * 40 + [True] * 65)

    seen = measure((short, long), injected_s=0.2, last_fib_change_s=0.08)

    assert seen.probes_lost == 45
    assert round(seen.outage_ms, 6) == 80.0


def test_loss_before_the_fault_is_control_loss() -> None:
    """A probe that nothing had reason to lose speaks against the host."""
    trail = _trail([True] * 20 + [False] + [True] * 200)

    assert control_loss((trail,), since_s=0.0, injected_s=0.3) == 1
    assert measure((trail,), injected_s=0.3, last_fib_change_s=0.0).probes_lost == 0


def test_a_probe_on_the_way_when_the_link_goes_is_the_faults() -> None:
    """Sent a moment before the cut, lost to it: no control loss."""
    trail = _trail([True] * 150 + [False] * 10 + [True] * 50)

    assert control_loss((trail,), since_s=0.0, injected_s=0.302) == 0


def test_nothing_watched_is_nothing_lost() -> None:
    """A link without traffic has no sentinel; the FIB meter still counts."""
    seen = measure((), injected_s=1.0, last_fib_change_s=0.05)

    assert (seen.probes_sent, seen.probes_lost, seen.outage_ms) == (0, 0, 0.0)
    assert seen.last_fib_change_ms == 50.0


@given(st.lists(st.booleans(), min_size=2, max_size=300), st.floats(0.05, 0.5))
def test_every_lost_probe_counts_once(arrived: list[bool], injected_s: float) -> None:
    """A lost probe is either control loss or the fault's, never both, never neither."""
    trail = _trail(arrived)

    before = control_loss((trail,), since_s=0.0, injected_s=injected_s)
    after = measure((trail,), injected_s=injected_s, last_fib_change_s=0.0).probes_lost

    assert before + after == arrived.count(False)
