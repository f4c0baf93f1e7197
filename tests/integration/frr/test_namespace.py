"""In and out of a network namespace, whatever happens in between."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.errors import DeviceUnreachable
from frr.namespace import inside, open_socket, run_inside
from shadow.emulation import namespaces
from shadow.emulation.namespaces import Namespace

pytestmark = pytest.mark.netns

_HERE = Path("/proc/thread-self/ns/net")


@pytest.fixture
def netns(run: Run) -> Iterator[str]:
    """A namespace of this test's own, with `lo` up."""
    name = f"{run.run_id}-t-ns"
    namespaces.create([name])
    namespace = Namespace(name)
    namespace.make_router(has_ipv6=False)
    yield name
    namespace.close()
    namespaces.remove(name)


def test_a_thread_is_inside_for_the_block_and_home_after_it(netns: str) -> None:
    """Interfaces seen within are the namespace's own; afterwards the thread is where it was."""
    home = _HERE.readlink()
    with inside(netns):
        within = _HERE.readlink()
        seen = [name for _, name in socket.if_nameindex()]

    assert within != home
    assert seen == ["lo"]
    assert _HERE.readlink() == home


def test_an_error_within_brings_the_thread_home(netns: str) -> None:
    """An exception on the inside is raised at home."""
    home = _HERE.readlink()
    with pytest.raises(RuntimeError, match="within"), inside(netns):
        raise RuntimeError("within")

    assert _HERE.readlink() == home


def test_other_threads_stay_where_they_are(netns: str) -> None:
    """Only the thread that enters moves: the main thread is home while another is inside."""
    home = _HERE.readlink()
    entered, may_leave = threading.Event(), threading.Event()

    def visit() -> None:
        with inside(netns):
            entered.set()
            may_leave.wait(timeout=10)

    thread = threading.Thread(target=visit)
    thread.start()
    assert entered.wait(timeout=10)
    meanwhile = _HERE.readlink()
    may_leave.set()
    thread.join()

    assert meanwhile == home


def test_a_socket_opened_inside_reaches_what_listens_there(netns: str) -> None:
    """The connection lives in the namespace although the caller never was there."""

    def listen() -> socket.socket:
        return socket.create_server(("127.0.0.1", 22))

    with run_inside(netns, listen) as server, open_socket(netns, "127.0.0.1", 22) as client:
        accepted, _ = server.accept()
        client.sendall(b"hello")
        with accepted:
            heard = accepted.recv(16)

    assert heard == b"hello"


def test_a_namespace_that_is_not_there_is_unreachable() -> None:
    """The error names it; the caller stays home."""
    home = _HERE.readlink()
    with pytest.raises(DeviceUnreachable, match="fsnone"):
        open_socket("fsnone", "127.0.0.1", 22)

    assert _HERE.readlink() == home


def test_nobody_listening_is_unreachable(netns: str) -> None:
    """A refused connection is a device that cannot be reached."""
    with pytest.raises(DeviceUnreachable, match="no TCP connection to"):
        open_socket(netns, "127.0.0.1", 22)
