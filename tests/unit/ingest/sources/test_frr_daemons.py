"""Which daemons are asked, and how often those that do not answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from foreshadow.errors import DeviceUnreachable
from frr.configuration import Daemon
from frr.vty import ReadOnlyRouter
from ingest.sources.frr_daemons import Daemons
from tests.fakes.clock import FakeClock

_LOST = DeviceUnreachable("does not answer", device="r1")


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    """A daemon that answers whatever it is asked: FRR's line protocol without FRR."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        while connection.recv(1 << 12):
                            connection.sendall(b"yes\0\0\0\0")
            except OSError:
                pass  # The listener was shut down.

        # A daemon thread: it ends with its peer, which may hang up after this block.
        threading.Thread(target=serve, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
    path.unlink()


@contextmanager
def _daemons(run_dir: Path, clock: FakeClock) -> Iterator[Daemons]:
    (run_dir / "r1").mkdir()
    with ReadOnlyRouter("r1", run_dir=run_dir, timeout_s=30) as router:
        yield Daemons(router, clock, device="r1")


def _clock() -> FakeClock:
    return FakeClock(datetime(2004, 3, 11, 17, 0, tzinfo=UTC))


def test_one_that_is_gone_is_left_alone_and_the_others_are_not(tmp_path: Path) -> None:
    """Of two suspects the one that answers at a glance is asked on."""
    clock = _clock()
    with (
        _daemons(tmp_path, clock) as daemons,
        _answering(tmp_path / "r1" / "ospfd.vty"),
    ):
        daemons.note_silence([Daemon.OSPFD, Daemon.BGPD], _LOST)

        assert daemons.silent == (Daemon.BGPD,)
        assert daemons.are_answering([Daemon.OSPFD, Daemon.ZEBRA])
        assert not daemons.are_answering([Daemon.OSPFD, Daemon.BGPD])


def test_one_that_answers_again_is_noticed_when_it_is_glanced_at(tmp_path: Path) -> None:
    """Not before its time, and once."""
    clock = _clock()
    with _daemons(tmp_path, clock) as daemons:
        daemons.note_silence([Daemon.BGPD], _LOST)
        with _answering(tmp_path / "r1" / "bgpd.vty"):
            assert daemons.returned() == ()
            clock.sleep(60)
            assert daemons.returned() == (Daemon.BGPD,)
            assert daemons.returned() == ()
            assert daemons.are_answering([Daemon.BGPD])
