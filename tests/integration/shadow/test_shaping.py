"""Rate, delay and loss as packets meet them on a running link, and nothing left of them after."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest

from console.ownership import Run
from foreshadow.errors import ConfigError
from frr.vty import RUN_DIR
from shadow.emulation import process_table
from shadow.emulation.cleanup import remove_run
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.netns import NetnsLab
from shadow.emulation.shaping_ways import ways
from shadow.emulation.traffic import Traffic, Way
from tests.eventually import eventually
from tests.integration.shadow.pair import LINK, LOOPBACKS, A, B, everywhere, pair

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_PORT = 47_200


@pytest.fixture(scope="module")
def lab(session_run: Run) -> Iterator[NetnsLab]:
    """Two routers with full adjacencies; each test leaves the link plain."""
    with NetnsLab(pair(), run_id=session_run.run_id, name="shape") as lab:
        lab.up(within_s=60, expected=everywhere())
        assert eventually(lambda: _neighbors(lab) == {"ospf Full", "isis Up"}, within_s=30)
        yield lab


@pytest.fixture(autouse=True)
def _plain(lab: NetnsLab) -> Iterator[None]:
    """Whatever a test does to the link ends with it."""
    yield
    lab.shape_link(LINK, PLAIN)


def _neighbors(lab: NetnsLab) -> set[str]:
    return {
        f"{each.protocol} {each.state}" for each in lab.adjacencies()[A] if each.interface == "to-B"
    }


@dataclass(frozen=True)
class _Seen:
    sent: int
    arrived: int
    seconds: float
    latency_ms: tuple[float, float, float]
    """5th percentile, median, 95th."""

    @property
    def loss(self) -> float:
        return 1 - self.arrived / self.sent


def _send(lab: NetnsLab, *, rate_bps: float, length: int, for_s: float) -> _Seen:
    """Packets from A to B's loopback, past A's sockets' own limits."""
    with ExitStack() as opened:
        with lab.inside(A):
            outlet = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with lab.inside(B):
            inlet = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        inlet.bind(("0.0.0.0", _PORT))
        outlet.settimeout(0)
        way = Way(
            outlet=outlet.fileno(),
            target=(LOOPBACKS[B], _PORT),
            length=length,
            interval_s=8 * (length + 42) / rate_bps,  # With UDP, IP and Ethernet headers.
            catches_up=True,
        )
        with Traffic([way], [inlet]) as traffic:
            time.sleep(for_s)
            (trail,) = traffic.stop(drain_s=0.3)
    latency_ns = trail.arrived_ns - trail.sent_ns[trail.arrived]
    low, middle, high = np.percentile(latency_ns / 1e6, (5, 50, 95)).tolist()
    return _Seen(
        sent=len(trail.sent_ns),
        arrived=len(trail.arrived),
        seconds=float(trail.arrived_ns[-1] - trail.arrived_ns[0]) / 1e9,
        latency_ms=(low, middle, high),
    )


def test_a_delay_is_met_by_each_packet_and_none_is_lost(lab: NetnsLab) -> None:
    """10 ms each way within half a millisecond, at 20 Mbit/s, without loss."""
    lab.shape_link(LINK, LinkShape(delay_s=0.010))

    earliest_ms: list[float] = []

    def measured() -> bool:
        seen = _send(lab, rate_bps=20e6, length=1200, for_s=1.0)
        earliest_ms.append(seen.latency_ms[0])
        return seen.loss == 0 and seen.latency_ms[1] <= 10.5

    assert eventually(measured, within_s=20)  # Again where another process had the cores.
    assert min(earliest_ms) >= 10.0


def test_a_rate_is_what_arrives_however_much_is_sent(lab: NetnsLab) -> None:
    """Twice the rate is offered: the rate arrives, the rest waits 50 ms at most or is lost."""
    rate_bps, length = 10e6, 1000
    lab.shape_link(LINK, LinkShape(rate_bps=rate_bps))

    seen = _send(lab, rate_bps=2 * rate_bps, length=length, for_s=2.0)

    carried_bps = 8 * (length + 42) * (seen.arrived - 1) / seen.seconds
    assert carried_bps == pytest.approx(rate_bps, rel=0.05)
    assert seen.loss == pytest.approx(0.5, abs=0.06)
    assert 25 < seen.latency_ms[2] < 80  # netem counts waiting frames, tbf their bytes.


def test_a_loss_takes_its_share_at_random(lab: NetnsLab) -> None:
    """One packet in ten of several thousand: within four standard deviations."""
    lab.shape_link(LINK, LinkShape(loss_ratio=0.1))

    seen = _send(lab, rate_bps=10e6, length=400, for_s=2.0)

    deviation = (0.1 * 0.9 / seen.sent) ** 0.5
    assert abs(seen.loss - 0.1) < 4 * deviation
    assert seen.sent > 3_000


def test_all_three_at_once(lab: NetnsLab) -> None:
    """A slow, far and lossy link: queue and distance add up, and the loss comes on top."""
    lab.shape_link(LINK, LinkShape(rate_bps=20e6, delay_s=0.020, loss_ratio=0.05))

    seen = _send(lab, rate_bps=10e6, length=1000, for_s=2.0)

    assert 20.0 <= seen.latency_ms[1] <= 22.0
    assert seen.loss == pytest.approx(0.05, abs=0.025)


def test_live_changes_are_noticed_by_no_adjacency(lab: NetnsLab) -> None:
    """OSPF and IS-IS stay up, no route changes, no carrier changes; nothing is lost on the way."""
    changes = _carrier_changes(lab)
    from_s = time.monotonic()

    for shape in (
        LinkShape(delay_s=0.005),
        LinkShape(delay_s=0.030),
        LinkShape(rate_bps=50e6, delay_s=0.010),
        LinkShape(rate_bps=50e6),
        PLAIN,
    ):
        lab.shape_link(LINK, shape)
        assert lab.spec.link(LINK).shape == shape
        assert _send(lab, rate_bps=1e6, length=200, for_s=0.3).loss == 0

    assert _neighbors(lab) == {"ospf Full", "isis Up"}
    assert lab.fib_changes(from_s) == ()
    assert _carrier_changes(lab) == changes


def test_counters_count_what_a_delayed_link_carries(lab: NetnsLab) -> None:
    """The detour is invisible: sent at one end and taken in at the other, once each."""
    lab.shape_link(LINK, LinkShape(delay_s=0.005))
    before = lab.counters(A)["to-B"].tx_packets, lab.counters(B)["to-A"].rx_packets

    seen = _send(lab, rate_bps=5e6, length=600, for_s=1.0)

    after = lab.counters(A)["to-B"].tx_packets, lab.counters(B)["to-A"].rx_packets
    assert after[0] - before[0] == pytest.approx(seen.sent, abs=30)  # Hellos are counted too.
    assert after[1] - before[1] == pytest.approx(seen.sent, abs=30)


def test_plain_again_leaves_no_trace(lab: NetnsLab) -> None:
    """Interfaces, queues, filters, routes and processes are as they were; the relay is gone."""
    before = lab.kernel_state(A), lab.kernel_state(B)

    lab.shape_link(LINK, LinkShape(rate_bps=20e6, delay_s=0.005, loss_ratio=0.01))
    during = lab.kernel_state(A), lab.kernel_state(B)
    lab.shape_link(LINK, PLAIN)

    assert all(shaped != plain for shaped, plain in zip(during, before, strict=True))
    assert (lab.kernel_state(A), lab.kernel_state(B)) == before
    assert _relays(lab.pathspace("")) == []
    assert not (RUN_DIR / f"{lab.pathspace('')}-delay").exists()


def test_a_link_that_is_not_there_is_refused(lab: NetnsLab) -> None:
    """By name, before anything is changed."""
    with pytest.raises(ConfigError, match="no link 'A-C'"):
        lab.shape_link("A-C", LinkShape(delay_s=0.001))  # type: ignore[arg-type]


_OWNER = """
import os, signal, sys
from shadow.emulation.lab import LinkShape
from shadow.emulation.netns import NetnsLab
from shadow.emulation.shaping_ways import ways
from tests.integration.shadow.pair import LINK, everywhere, pair

lab = NetnsLab(pair(), run_id=sys.argv[1], name="orphan")
lab.up(within_s=60, expected=everywhere())
lab.shape_link(LINK, LinkShape(delay_s=0.005))
print("shaped", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_owner_leaves_nothing_that_clean_up_does_not_find(run: Run) -> None:
    """The relay outlives its owner, as the routers do, and is removed with the run."""
    owner = subprocess.run(
        [sys.executable, "-c", _OWNER, run.run_id], capture_output=True, text=True, check=False
    )

    assert owner.stdout == "shaped\n", owner.stderr
    assert owner.returncode == -signal.SIGKILL
    left = _relays(f"{run.run_id}-orphan-")
    assert len(left) == (0 if ways().has_netem else 1)

    removed = remove_run(run.run_id)

    assert set(left) <= set(removed.processes)
    assert _relays(f"{run.run_id}-orphan-") == []
    assert not (RUN_DIR / f"{run.run_id}-orphan--delay").exists()


def _relays(prefix: str) -> list[int]:
    return list(process_table.named(lambda name: name == f"{prefix}-delay"))


def _carrier_changes(lab: NetnsLab) -> list[str]:
    return [
        line
        for node in (A, B)
        for line in lab.show(node, "show interface").splitlines()
        if "Link ups" in line or "Link downs" in line
    ]
