"""A router's command line over its daemons' own sockets: 0.1 ms where vtysh takes 25 ms.

Every FRR daemon listens on `/var/run/frr/<pathspace>/<daemon>.vty`. A request is a command and a
NUL; the answer is text, three NULs and a status byte (0 and 1 mean done). vtysh speaks the same
protocol.
"""

import json
import re
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from foreshadow.errors import ConfigError, DeviceUnreachable
from frr.configuration import Daemon, merge, split

RUN_DIR = Path("/var/run/frr")
"""Where FRR keeps the sockets of a pathspace."""

_MARK = b"\0\0\0"
_DONE = frozenset({0, 1})  # CMD_SUCCESS and CMD_WARNING of FRR's lib/command.h

_SHOWN_BY: tuple[tuple[re.Pattern[str], Daemon], ...] = (
    (re.compile(r"(show|clear) (ip |ipv6 )?bgp\b"), Daemon.BGPD),
    (re.compile(r"show (ip |ipv6 )?(prefix-list|as-path|community-list|large-)"), Daemon.BGPD),
    (re.compile(r"show route-map\b"), Daemon.BGPD),
    (re.compile(r"(show|clear) ip ospf\b"), Daemon.OSPFD),
    (re.compile(r"(show|clear) isis\b"), Daemon.ISISD),
    (re.compile(r"(show|clear) bfd\b"), Daemon.BFDD),
)


class VtySocket:
    """One daemon's command line; one command at a time, from any thread.

    Connects when first used, and once more when the daemon was restarted in between.
    """

    def __init__(self, path: Path, *, device: str, timeout_s: float = 5.0) -> None:
        """Name the socket; nothing is opened yet.

        Args:
            path: The daemon's `.vty` socket.
            device: Router's name, for errors.
            timeout_s: Longest wait for an answer.
        """
        self._path, self._device, self._timeout_s = path, device, timeout_s
        self._socket: socket.socket | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, command: str) -> str:
        """The daemon's answer.

        Raises:
            ConfigError: The daemon does not take the command.
            DeviceUnreachable: It is not there, hung up or does not answer in time.
        """
        with self._lock:
            is_fresh = self._socket is None
            try:
                answer, status = self._ask(command)
            except (BrokenPipeError, ConnectionResetError, EOFError) as error:
                self.close()
                if is_fresh:
                    raise self._unreachable("hung up", error) from error
                return self.execute(command)
            except OSError as error:
                self.close()
                raise self._unreachable("does not answer", error) from error
        if status not in _DONE:
            said = " ".join(answer.split()) or f"status {status}"
            raise ConfigError(f"{self._device}: {self._path.stem} refused {command!r}: {said}")
        return answer

    def configure(self, lines: Sequence[str]) -> None:
        """Enter configuration lines in order; stop at the first that is refused.

        Lines before a refused one stay in force, as at any FRR prompt.

        Raises:
            ConfigError: A line is refused.
            DeviceUnreachable: The daemon is not there, or hung up.
        """
        with self._lock:
            self.execute("configure terminal")
            try:
                for line in lines:
                    self.execute(line.strip())
            finally:
                self.execute("end")

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def _ask(self, command: str) -> tuple[str, int]:
        if self._socket is None:
            self._socket = self._connected()
        self._socket.sendall(command.encode() + b"\0")
        return _answer(self._socket)

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(self._timeout_s)
            connection.connect(str(self._path))
            connection.sendall(b"enable\0")
            _answer(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _unreachable(self, what: str, cause: Exception) -> DeviceUnreachable:
        detail = str(cause) or type(cause).__name__
        return DeviceUnreachable(
            f"{self._path.stem} {what} on {self._path}: {detail}", device=self._device
        )


class ReadOnlyRouter:
    """A router that can be looked at and not touched: only what begins with `show ` is sent."""

    def __init__(
        self,
        pathspace: str,
        *,
        device: str | None = None,
        daemons: Sequence[Daemon] | None = None,
        timeout_s: float = 5.0,
        run_dir: Path = RUN_DIR,
    ) -> None:
        """Name the router; nothing is opened yet.

        Args:
            pathspace: What its daemons run under (`-N`).
            device: Router's name, for errors; the pathspace if not given.
            daemons: Those that are to run there; by default those that left a start-up file or a
                socket, which a daemon that was killed leaves too.
            timeout_s: Longest wait for one answer.
            run_dir: Where FRR keeps its sockets.
        """
        self.pathspace = pathspace
        self._directory, self._expected = run_dir / pathspace, daemons
        self._sockets = {
            daemon: VtySocket(
                self._directory / f"{daemon}.vty", device=device or pathspace, timeout_s=timeout_s
            )
            for daemon in Daemon
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, command: str) -> str:
        """What a `show` command prints.

        Raises:
            ConfigError: It is no `show` command, or the router does not know it.
            DeviceUnreachable: The daemon is not there or does not answer.
        """
        if not command.startswith("show ") or "\0" in command or "\n" in command:
            raise ConfigError(f"refused {command!r}: this access is read-only, `show ...` alone")
        return self._execute(command)

    def show_json(self, command: str) -> Any:
        """What a `show ... json` command prints, decoded.

        Raises:
            ConfigError: See `show`.
            DeviceUnreachable: See `show`; or the answer is not JSON.
        """
        text = self.show(command)
        try:
            return json.loads(text) if text.strip() else {}
        except json.JSONDecodeError as error:
            raise DeviceUnreachable(
                f"{command!r} did not give JSON: {error}", device=self.pathspace
            ) from error

    def running_config(self) -> str:
        """The whole running configuration, as one text that FRR loads again.

        Raises:
            DeviceUnreachable: A daemon is not there or does not answer.
        """
        command = "show running-config"
        return merge({name: self._sockets[name].execute(command) for name in self.daemons()})

    def daemons(self) -> tuple[Daemon, ...]:
        """The daemons that are to run there; zebra always is."""
        if self._expected is not None:
            return tuple(self._expected)
        return tuple(it for it in Daemon if it is Daemon.ZEBRA or self._left_a_trace(it))

    def knows(self, command: str) -> bool:
        """Whether a daemon that can answer the command is to run there."""
        return _daemon_for(command) in self.daemons()

    def close(self) -> None:
        """Hang up on every daemon."""
        for daemon in self._sockets.values():
            daemon.close()

    def _execute(self, command: str) -> str:
        if command == "show running-config":
            return self.running_config()
        return self._daemon(_daemon_for(command)).execute(command)

    def _daemon(self, name: Daemon) -> VtySocket:
        if self._expected is not None and name not in self._expected:
            raise ConfigError(f"{self.pathspace} runs no {name}")
        return self._sockets[name]

    def _left_a_trace(self, daemon: Daemon) -> bool:
        return any((self._directory / f"{daemon}.{it}").exists() for it in ("vty", "conf"))


class Router(ReadOnlyRouter):
    """A router that can also be told: for the routers of our own labs."""

    def execute(self, command: str) -> str:
        """What any command at the enable prompt prints, e.g. `clear bgp ipv4 unicast * soft`.

        Raises:
            ConfigError: The router does not take the command.
            DeviceUnreachable: The daemon is not there or does not answer.
        """
        return self._execute(command)

    def configure(self, text: str) -> None:
        """Enter a piece of configuration, each daemon its part; stop at the first refused line.

        Raises:
            ConfigError: A line is refused, or belongs to no daemon.
            DeviceUnreachable: A daemon is not there, or hung up.
        """
        for daemon, part in split(text, self.daemons()).items():
            lines = [line for line in part.splitlines() if line != "!"]
            if lines:
                self._daemon(daemon).configure(lines)

    def answers(self) -> bool:
        """Whether every daemon takes commands now."""
        return all(_does_not_raise(self._daemon(it).execute, "enable") for it in self.daemons())


def _answer(connection: socket.socket) -> tuple[str, int]:
    received = bytearray()
    while len(received) < 4 or received[-4:-1] != _MARK:
        chunk = connection.recv(1 << 18)
        if not chunk:
            raise EOFError("connection closed in the middle of an answer")
        received += chunk
    return received[:-4].decode(errors="replace"), received[-1]


def _daemon_for(command: str) -> Daemon:
    return next((daemon for form, daemon in _SHOWN_BY if form.match(command)), Daemon.ZEBRA)


def _does_not_raise(action: Callable[[str], str], argument: str) -> bool:
    try:
        action(argument)
    except (ConfigError, DeviceUnreachable):
        return False
    return True
