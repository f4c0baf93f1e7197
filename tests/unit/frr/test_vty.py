"""The VTY protocol against a server that speaks it as FRR's daemons do."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from foreshadow.errors import ConfigError, DeviceUnreachable
from frr.configuration import Daemon
from frr.vty import ReadOnlyRouter, Router
from frr.vty_socket import VtySocket

Answer = Callable[[str], tuple[bytes, int]]


class _Server:
    """Answers commands on a unix socket; `drop` hangs up after the next one."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self.heard: list[str] = []
        self.is_dropping = False
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):  # The test is over, or the client hung up.
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        pending = b""
        while chunk := connection.recv(4096):
            pending += chunk
            while b"\0" in pending:
                command, _, pending = pending.partition(b"\0")
                self.heard.append(command.decode())
                if self.is_dropping:
                    self.is_dropping = False
                    connection.close()
                    return
                text, status = self._answer(command.decode())
                # In two pieces: an answer need not come in one read.
                connection.sendall(text[:3])
                connection.sendall(text[3:] + b"\0\0\0" + bytes([status]))

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def pathspace(tmp_path: Path) -> Iterator[tuple[Path, dict[Daemon, _Server]]]:
    """A router's run directory with four daemons that echo what they hear."""
    directory = tmp_path / "r1"
    directory.mkdir()

    def answer(command: str) -> tuple[bytes, int]:
        if command == "bogus":
            return b"% Unknown command: bogus\n", 2
        return f"{command} done".encode(), 0

    servers = {daemon: _Server(directory / f"{daemon}.vty", answer) for daemon in Daemon}
    yield tmp_path, servers
    for server in servers.values():
        server.close()


def test_show_is_asked_of_the_daemon_that_knows(
    pathspace: tuple[Path, dict[Daemon, _Server]],
) -> None:
    """BGP, OSPF and everything else go to bgpd, ospfd and zebra."""
    run_dir, servers = pathspace
    with ReadOnlyRouter("r1", run_dir=run_dir) as router:
        router.show("show ip bgp summary json")
        router.show("show ip ospf neighbor json")
        answer = router.show("show ip route json")

    assert answer == "show ip route json done"
    assert servers[Daemon.BGPD].heard == ["enable", "show ip bgp summary json"]
    assert servers[Daemon.OSPFD].heard == ["enable", "show ip ospf neighbor json"]
    assert servers[Daemon.ZEBRA].heard == ["enable", "show ip route json"]


@pytest.mark.parametrize(
    "command",
    ["configure terminal", "clear bgp *", " show version", "show version\0configure", "show a\nb"],
)
def test_read_only_access_sends_nothing_but_show(
    command: str, pathspace: tuple[Path, dict[Daemon, _Server]]
) -> None:
    """Whatever is not one `show` command is refused before anything is sent."""
    run_dir, servers = pathspace
    with ReadOnlyRouter("r1", run_dir=run_dir) as router, pytest.raises(ConfigError):
        router.show(command)

    assert all(server.heard == [] for server in servers.values())


def test_configure_stops_at_the_first_refused_line_and_leaves_configuration_mode(
    pathspace: tuple[Path, dict[Daemon, _Server]],
) -> None:
    """Later lines of a refused piece are not entered; the prompt is back where it was."""
    run_dir, servers = pathspace
    with (
        VtySocket(run_dir / "r1" / "bgpd.vty", device="r1") as vty,
        pytest.raises(ConfigError, match="bgpd refused 'bogus'"),
    ):
        vty.configure(["one", "bogus", "two"])

    assert servers[Daemon.BGPD].heard == ["enable", "configure terminal", "one", "bogus", "end"]


def test_configure_gives_each_daemon_its_part(
    pathspace: tuple[Path, dict[Daemon, _Server]],
) -> None:
    """One text, entered where each statement belongs and nowhere else."""
    run_dir, servers = pathspace
    with Router("r1", run_dir=run_dir) as router:
        router.configure("ip route 10.0.0.0/8 blackhole\nrouter bgp 65001\n timers bgp 3 9\n")

    assert "ip route 10.0.0.0/8 blackhole" in servers[Daemon.STATICD].heard
    assert servers[Daemon.BGPD].heard[2:4] == ["router bgp 65001", "timers bgp 3 9"]
    assert servers[Daemon.ZEBRA].heard == servers[Daemon.OSPFD].heard == []


def test_a_restarted_daemon_is_asked_again(
    pathspace: tuple[Path, dict[Daemon, _Server]],
) -> None:
    """A connection that broke since the last command is made anew, once."""
    run_dir, servers = pathspace
    with ReadOnlyRouter("r1", run_dir=run_dir) as router:
        router.show("show version")
        servers[Daemon.ZEBRA].is_dropping = True
        answer = router.show("show version")

    assert answer == "show version done"


def test_a_router_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    """The error names the router and the socket."""
    with (
        ReadOnlyRouter("r9", run_dir=tmp_path) as router,
        pytest.raises(
            DeviceUnreachable, match=r"r9: zebra does not answer on .*zebra.vty"
        ) as caught,
    ):
        router.show("show version")

    assert caught.value.device == "r9"


def test_a_daemon_that_says_nothing_is_unreachable_in_time(tmp_path: Path) -> None:
    """A stuck daemon costs the timeout and no more."""
    path = tmp_path / "zebra.vty"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with (
            VtySocket(path, device="r1", timeout_s=0.05) as vty,
            pytest.raises(DeviceUnreachable, match="does not answer"),
        ):
            vty.execute("show version")


def test_whoever_is_to_stop_waits_for_no_answer(tmp_path: Path) -> None:
    """However patient it would have been."""
    path, stop = tmp_path / "zebra.vty", threading.Event()
    stop.set()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with (
            VtySocket(path, device="r1", timeout_s=3_600, stop=stop) as vty,
            pytest.raises(DeviceUnreachable, match="does not answer"),
        ):
            vty.execute("show version")


def test_an_answer_without_end_is_refused(
    pathspace: tuple[Path, dict[Daemon, _Server]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory has an end; the next answer is read as ever."""
    run_dir, _ = pathspace
    with VtySocket(run_dir / "r1" / "zebra.vty", device="r1") as vty:
        monkeypatch.setattr("frr.vty_socket.LARGEST_ANSWER_BYTES", 64)
        with pytest.raises(ConfigError, match="says more than"):
            vty.execute("show " + "x" * 100)
        assert vty.execute("show version") == "show version done"


def test_threads_share_a_router_without_mixing_answers(
    pathspace: tuple[Path, dict[Daemon, _Server]],
) -> None:
    """Each thread gets the answer to its own command."""
    run_dir, _ = pathspace
    wrong: list[str] = []
    with ReadOnlyRouter("r1", run_dir=run_dir) as router:

        def ask(number: int) -> None:
            for turn in range(50):
                command = f"show ip route {number} {turn}"
                if router.show(command) != f"{command} done":
                    wrong.append(command)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []
