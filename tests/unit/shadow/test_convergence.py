"""What lost probes mean: an outage after the fault, a void measurement before it."""

import math
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.topology import NodeId
from shadow.convergence import ProbeTrail, Sentinel, control_loss, measure
from shadow.emulation.emulator import FibChange

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


def _timed(arrived: list[bool], latency_s: float, late_s: float = 0.0) -> ProbeTrail:
    plain = _trail(arrived)
    return ProbeTrail(
        sentinel=WAY,
        sent_s=plain.sent_s,
        arrived=plain.arrived,
        latency_s=tuple(latency_s if came else math.nan for came in arrived),
        late_s=tuple(late_s for _ in arrived),
    )


def _change(at_s: float, prefix: str) -> FibChange:
    return FibChange(at_s=at_s, node=NodeId("SE"), prefix=IPv4Network(prefix), is_removed=False)


def test_both_meters_stand_side_by_side_for_each_pair() -> None:
    """First and last loss by packets; by netlink the last change that concerns the destination."""
    trail = _timed([True] * 200 + [False] * 50 + [True] * 100, latency_s=0.0001)
    changes = (_change(0.45, "203.0.113.0/24"), _change(0.497, "203.0.113.0/24"))
    elsewhere = (_change(0.1, "203.0.113.0/24"), _change(0.6, "198.51.100.0/24"))

    seen = measure(
        (trail,), injected_s=0.399, last_fib_change_s=0.201, changes=(*changes, *elsewhere)
    )

    (pair,) = seen.pairs
    assert pair == seen.worst_pair
    assert pair.first_loss_ms is not None
    assert round(pair.first_loss_ms, 6) == 1.0
    assert pair.last_loss_ms is not None
    assert round(pair.last_loss_ms, 6) == 101.0
    assert pair.last_fib_change_ms is not None
    assert round(pair.last_fib_change_ms, 6) == 98.0
    assert pair.meters_differ_ms is not None
    assert round(pair.meters_differ_ms, 6) == 3.0
    assert seen.last_fib_change_ms == 201.0


def test_latency_is_told_before_and_after() -> None:
    """By the clock of the host, in the two quiet stretches."""
    before, after = _timed([True] * 200, 0.005), _timed([False] * 20 + [True] * 180, 0.015)
    trail = ProbeTrail(
        sentinel=WAY,
        sent_s=(*before.sent_s, *(0.4 + sent for sent in after.sent_s)),
        arrived=(*before.arrived, *after.arrived),
        latency_s=(*before.latency_s, *after.latency_s),
    )

    (pair,) = measure((trail,), injected_s=0.4, last_fib_change_s=0.0).pairs

    assert pair.before is not None
    assert pair.before.median_ms == 5.0
    assert pair.after is not None
    assert pair.after.p95_ms == 15.0


def test_a_probe_still_on_a_long_way_is_no_control_loss() -> None:
    """Where packets take 300 ms, those sent 300 ms before the fault may meet it."""
    trail = _timed([True] * 100 + [False] * 150, latency_s=0.300)

    assert control_loss((trail,), since_s=0.0, injected_s=0.5) == 0


def test_how_late_the_sender_was_is_recorded() -> None:
    """A reader can tell a slow network from a slow host."""
    seen = measure((_timed([True] * 100, 0.001, late_s=0.004),), injected_s=0, last_fib_change_s=0)

    assert round(seen.late_p99_ms, 6) == round(seen.late_max_ms, 6) == 4.0


def test_a_stretch_of_a_trail_keeps_all_that_is_known() -> None:
    """Cut by sending time, the later moment left out."""
    part = _timed([True] * 100, 0.001, late_s=0.004).between(0.02, 0.04)

    assert len(part.sent_s) == len(part.arrived) == len(part.latency_s) == len(part.late_s) == 10
