"""One FRR daemon's command line over its own socket.

A request is a command and a NUL; the answer is text, three NULs and a status byte (0 and 1 mean
done). vtysh speaks the same protocol.
"""

import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from foreshadow.errors import ConfigError, DeviceUnreachable

_MARK = b"\0\0\0"
_DONE = frozenset({0, 1})  # CMD_SUCCESS and CMD_WARNING of FRR's lib/command.h


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

    def is_there(self) -> bool:
        """Whether the daemon has ever opened its socket."""
        return self._path.exists()

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
        said = cause.strerror if isinstance(cause, OSError) else None
        detail = said or str(cause) or type(cause).__name__
        return DeviceUnreachable(
            f"{self._path.stem} {what} on {self._path}: {detail}", device=self._device
        )


def _answer(connection: socket.socket) -> tuple[str, int]:
    received = bytearray()
    while len(received) < 4 or received[-4:-1] != _MARK:
        chunk = connection.recv(1 << 18)
        if not chunk:
            raise EOFError("connection closed in the middle of an answer")
        received += chunk
    return received[:-4].decode(errors="replace"), received[-1]
