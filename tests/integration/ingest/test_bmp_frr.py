"""FRR's own bgpd speaks BMP to our server: what we hold is what its command line shows."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

import msgspec
import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import ReceivedPath, Session, Stream, decode
from foreshadow.telemetry import Patch, TelemetrySample
from frr import tables
from frr.namespace import inside
from ingest import testimony
from ingest.device_names import DeviceNames
from ingest.heard import Refused
from ingest.sources.bmp_connection import ListenerLimits
from ingest.sources.bmp_listener import BmpListener
from tests.eventually import eventually
from tests.integration.ingest.bmp_pair import BMP_PORT, NOBODY, R1, R2, BmpPair, bmp_pair

pytestmark = pytest.mark.netns


class Held:
    """An outlet that holds the map each stream's patches make, as the state's owner does."""

    def __init__(self) -> None:
        self.streams: defaultdict[Stream, testimony.Testimony] = defaultdict(testimony.Testimony)
        self.incidents: list[Incident] = []
        self.refused: list[Refused] = []
        self.failures: list[Exception] = []

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Take patches."""
        for sample in samples:
            assert sample.device == "r1"
            line = self.streams[sample.stream]
            assert line.hears(sample)
            patch = msgspec.msgpack.decode(sample.body, type=Patch)
            line.note_patch(patch, sample.observed_at_ns)

    def tell(self, incidents: Iterable[Incident]) -> None:
        """Keep incidents."""
        self.incidents.extend(incidents)

    def refuse(self, refused: Iterable[Refused]) -> None:
        """Keep refusals."""
        self.refused.extend(refused)

    def whole(self, stream: Stream) -> dict[str, object]:
        """The values of a stream that is known whole.

        Raises:
            AssertionError: It is not.
            Exception: Whatever ended the server.
        """
        if self.failures:
            raise self.failures[0]
        line = self.streams[stream]
        assert line.is_whole, f"{stream} is not whole"
        return {key: decode(stream, raw) for key, raw in (line.told or {}).items()}

    def received(self) -> dict[str, ReceivedPath]:
        """What peers sent, by key."""
        found = self.whole(Stream.RECEIVED)
        return {key: it for key, it in found.items() if isinstance(it, ReceivedPath)}


@pytest.fixture
def pair(run: Run) -> Iterator[BmpPair]:
    """Two routers of this test's own."""
    with bmp_pair(run.run_id) as pair:
        yield pair


@contextmanager
def _collecting(pair: BmpPair, held: Held, epoch: int) -> Iterator[BmpListener]:
    """Our server, inside the routers' namespace."""
    limits = ListenerLimits(settle_s=1.0, vouch_s=0.5)
    names = DeviceNames(["r1"], {"R1": "r1"})
    listener = BmpListener(("127.0.0.1", BMP_PORT), names, SystemClock(), limits)
    stop = threading.Event()

    def serve() -> None:
        try:
            with inside(pair.netns):
                listener.run(epoch, held, stop)
        except Exception as error:  # noqa: BLE001 - raised where the test waits.
            held.failures.append(error)

    thread = threading.Thread(target=serve, name="bmp-test")
    thread.start()
    try:
        eventually(lambda: listener.bound or held.failures, within_s=30)
        yield listener
    finally:
        stop.set()
        thread.join()
    assert held.failures == []


def _shown(pair: BmpPair) -> dict[str, ReceivedPath]:
    """What R1 received from R2, by its command line; communities it shows elsewhere."""
    raw = pair.r1.show(f"show bgp ipv4 unicast neighbors {R2} received-routes json")
    return {f"{R2}/{it.path.prefix}": it for it in tables.received_paths(IPv4Address(R2), raw)}


def _is_as_shown(pair: BmpPair, held: Held, *prefixes: str) -> bool:
    """Whether we hold what R1 shows, and that is what R2 is to have sent."""
    shown, ours = _shown(pair), held.received()
    assert ours.keys() == shown.keys() == {f"{R2}/{prefix}" for prefix in prefixes}
    for key, path in shown.items():
        assert (ours[key].path.next_hop, ours[key].path.as_path, ours[key].path.origin) == (
            path.path.next_hop,
            path.path.as_path,
            path.path.origin,
        )
        assert (ours[key].path.med or 0) == (path.path.med or 0)
    return True


def _lost(held: Held) -> list[Incident]:
    return [it for it in held.incidents if it.what is IncidentKind.SESSION_LOST]


def test_what_a_router_tells_is_what_it_shows(pair: BmpPair) -> None:
    """Received paths and sessions equal its tables, through changes, a reset and our absence."""
    held, both = Held(), ("198.51.100.0/25", "203.0.113.0/24")
    with _collecting(pair, held, epoch=1):
        eventually(lambda: _is_as_shown(pair, held, *both), within_s=60)
        assert held.received()[f"{R2}/198.51.100.0/25"].path.communities == (
            "65002:77",
            "no-peer",
        )
        sessions = held.whole(Stream.SESSION)
        assert sessions[R2] == Session(
            peer=IPv4Address(R2), remote_as=65002, local_as=65001, state="Established"
        )
        silent = sessions[NOBODY]
        assert isinstance(silent, Session)
        assert silent.state != "Established"

        pair.announce("192.0.2.128/26")
        eventually(lambda: _is_as_shown(pair, held, *both, "192.0.2.128/26"), within_s=30)
        pair.withdraw("192.0.2.128/26")
        eventually(lambda: _is_as_shown(pair, held, *both), within_s=30)

        assert _lost(held) == []
        pair.r2.execute(f"clear bgp {R1}")
        lost = eventually(lambda: _lost(held), within_s=30)
        assert (lost[0].device, lost[0].subject) == ("r1", R2)
        assert "NOTIFICATION 6/" in lost[0].text
        eventually(lambda: _is_as_shown(pair, held, *both), within_s=60)

    pair.withdraw("203.0.113.0/24")
    eventually(lambda: len(_shown(pair)) == 1, within_s=30)
    with _collecting(pair, held, epoch=2):
        eventually(lambda: _is_as_shown(pair, held, "198.51.100.0/25"), within_s=60)
    assert held.refused == []
