"""Two meters of convergence beside each other: packets that were lost, routes that changed."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from foreshadow.experiment import Convergence
from foreshadow.network_file import parse_network
from foreshadow.topology import LinkId, NodeId
from shadow.convergence import ProbeStream, Sentinel, control_loss, measure
from shadow.emulation.design import design
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_LINK = LinkId("NE-SE")
_NE, _SE = NodeId("NE"), NodeId("SE")
_PAIRS = (
    Sentinel(src=_SE, address=IPv4Address("10.2.0.1"), listeners=(_NE,)),
    Sentinel(src=_NE, address=IPv4Address("10.3.0.1"), listeners=(_SE,)),
)
_CONTROL_S, _ATTEMPTS = 0.4, 4
_WITHIN_MS = 30.0


@pytest.fixture(scope="module")
def lab(session_run: Run, repository: Path) -> Iterator[NetnsLab]:
    """The square, whose links are watched by BFD, three times 100 ms."""
    path = repository / "tests" / "networks" / "square.yaml"
    text = path.read_text() + "bfd: {interval_ms: 100, multiplier: 3}\n"
    _, spec = design(parse_network(text, path=path))
    with NetnsLab(spec, run_id=session_run.run_id, name="meters") as lab:
        lab.up(within_s=60)
        eventually(lambda: _is_whole(lab), within_s=30)
        yield lab


def _is_whole(lab: NetnsLab) -> bool:
    states = [it.state for them in lab.adjacencies().values() for it in them]
    peers = [each for node in (_NE, _SE) for each in lab.show_json(node, "show bfd peers json")]
    return states == ["Full"] * 8 and [each["status"] for each in peers] == ["up"] * 4


def _measured(
    lab: NetnsLab, inject: Callable[[], float], undo: Callable[[], object]
) -> Convergence:
    """The first of a few runs whose host was fit to measure on; the lab is whole after each."""
    clock = SystemClock()
    for _ in range(_ATTEMPTS):
        assert lab.wait_settled(quiet_s=1, within_s=30).is_settled
        with ProbeStream(lab, _PAIRS, clock) as probes:
            began_s = clock.monotonic_s()
            clock.sleep(_CONTROL_S)
            injected_s = inject()
            try:
                settled = lab.wait_settled(quiet_s=1, within_s=30, since_s=injected_s)
                trails = probes.stop()
            finally:
                undo()
        seen = measure(
            trails,
            injected_s=injected_s,
            last_fib_change_s=settled.convergence_s,
            changes=lab.fib_changes(injected_s),
        )
        eventually(lambda: _is_whole(lab), within_s=60)
        unfit = probes.overload(seen)
        if not unfit and not control_loss(trails, since_s=began_s, injected_s=injected_s):
            return seen
    pytest.fail(f"this host is not fit to measure on: {unfit}")


def test_a_silent_failure_is_seen_by_bfd_and_both_meters_agree(lab: NetnsLab) -> None:
    """Detection within 300 ms, rerouting on top of it: 200 to 400 ms, 30 ms apart at most."""
    seen = _measured(
        lab,
        lambda: lab.silence_link(_LINK, is_silent=True),
        lambda: lab.silence_link(_LINK, is_silent=False),
    )

    assert 200 < seen.outage_ms < 400
    assert 200 < seen.last_fib_change_ms < 400
    assert abs(seen.outage_ms - seen.last_fib_change_ms) < _WITHIN_MS
    assert len(seen.pairs) == len(_PAIRS)
    for pair in seen.pairs:
        assert pair.meters_differ_ms is not None
        assert pair.meters_differ_ms < _WITHIN_MS
        assert pair.before is not None
        assert pair.after is not None


def test_a_cut_is_over_sooner_and_both_meters_agree(lab: NetnsLab) -> None:
    """Carrier tells the routers at once; what is left is the IGP's own time."""
    seen = _measured(
        lab, lambda: lab.set_link(_LINK, is_up=False), lambda: lab.set_link(_LINK, is_up=True)
    )

    assert 0 < seen.outage_ms < 300
    for pair in seen.pairs:
        assert pair.meters_differ_ms is not None
        assert pair.meters_differ_ms < _WITHIN_MS


def test_a_slower_link_shows_in_latency_and_in_nothing_else(lab: NetnsLab) -> None:
    """No probe is lost and no route changes; the way is longer by the delay."""
    seen = _measured(
        lab,
        lambda: lab.shape_link(_LINK, LinkShape(delay_s=0.020)),
        lambda: lab.shape_link(_LINK, PLAIN),
    )

    assert seen.probes_lost == 0
    for pair in seen.pairs:
        assert pair.last_fib_change_ms is None
        assert pair.before is not None
        assert pair.after is not None
        assert pair.after.median_ms - pair.before.median_ms == pytest.approx(20, abs=1)
