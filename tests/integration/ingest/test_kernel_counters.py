"""Real counters of a real router become rates and incidents, from its kernel to the frame."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock, to_ns
from foreshadow.errors import DeviceUnreachable
from foreshadow.incident import Incident, IncidentKind
from foreshadow.inventory import DeviceEntry
from foreshadow.rates import RateFrame, RateTable
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import TelemetrySample
from frr.namespace import run_inside
from ingest.heard import Refused
from ingest.rates_owner import RateOwner
from ingest.sources.frr import FrrAgent
from ingest.sources.kernel_counters import kernel_counters
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually
from tests.integration.shadow.pair import LINK, A, everywhere, pair

pytestmark = pytest.mark.netns

_FAR_END = ("10.254.0.2", 9)
_PAYLOAD = bytes(1_000)
_PACKETS = 500


@pytest.fixture(scope="module")
def lab(session_run: Run) -> Iterator[NetnsLab]:
    """Two routers and the link between them."""
    with NetnsLab(pair(), run_id=session_run.run_id, name="counters") as lab:
        lab.up(within_s=60, expected=everywhere())
        yield lab


class _Owner:
    """An outlet that makes rates of the counters at once."""

    def __init__(self) -> None:
        self.table, self.incidents = RateTable(), list[Incident]()
        self.most_bps = 0.0
        self._owner = RateOwner(1, IngestSettings())

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        for sample in samples:
            if sample.encoding != "counters":
                continue
            said = [*self._owner.take(sample), *self._owner.settle(sample.observed_at_ns)]
            for it in said:
                if isinstance(it, RateFrame):
                    self.table.apply(it)
                    self.most_bps = max(self.most_bps, self.table.rate(A, "to-B", "out_bps"))
                else:
                    self.incidents.append(it)

    def tell(self, incidents: Iterable[Incident]) -> None:
        self.incidents.extend(incidents)

    def refuse(self, refused: Iterable[Refused]) -> None:
        raise AssertionError(list(refused))


@contextmanager
def _watched(lab: NetnsLab) -> Iterator[_Owner]:
    entry = DeviceEntry(
        name=A,
        ssh_key=Path("unused"),
        known_hosts=Path("unused"),
        namespace=lab.pathspace(A),
        pathspace=lab.pathspace(A),
    )
    agent = FrrAgent((entry,), SystemClock(), poll_s=5.0, counters_s=0.2)
    outlet, stop = _Owner(), threading.Event()
    thread = threading.Thread(target=agent.run, args=(1, outlet, stop), name="agent-of-a-test")
    thread.start()
    try:
        yield outlet
    finally:
        stop.set()
        thread.join(30)


def _send(netns: str) -> None:
    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for _ in range(_PACKETS):
                out.sendto(_PAYLOAD, _FAR_END)

    run_inside(netns, send)


def test_traffic_on_a_link_is_seen_as_its_rate(lab: NetnsLab) -> None:
    """Half a megabyte leaves within one interval or two: more than a quiet link ever carries."""
    with _watched(lab) as seen:
        eventually(lambda: "to-B" in seen.table.device(A).interfaces, within_s=60)
        quiet_bps = seen.most_bps
        _send(lab.pathspace(A))
        eventually(lambda: seen.most_bps > quiet_bps + 1e5, within_s=60)

    assert seen.table.stale_devices() == ()


def test_a_link_that_flaps_between_two_readings_is_an_incident(lab: NetnsLab) -> None:
    """Its state is the same before and after; the kernel counted the loss."""
    with _watched(lab) as seen:
        eventually(lambda: "to-B" in seen.table.device(A).interfaces, within_s=60)
        lab.set_link(LINK, is_up=False)
        lab.set_link(LINK, is_up=True)
        flaps = eventually(
            lambda: [
                it
                for it in seen.incidents
                if (it.subject, it.source) == ("to-B", "frr-agent/counters")
            ],
            within_s=60,
        )

    assert (flaps[0].device, flaps[0].what) == (A, IncidentKind.LINK_DOWN)
    assert flaps[0].at_ns <= to_ns(SystemClock().now())


def test_a_namespace_that_is_not_there_is_said(run_id: str) -> None:
    """Like any device that does not answer."""
    with pytest.raises(DeviceUnreachable, match="no network namespace"):
        kernel_counters(f"{run_id}-nowhere")
