"""One FRR daemon's command line over its own socket.

A request is a command and a NUL; the answer is text, three NULs and a status byte (0 and 1 mean
done). vtysh speaks the same protocol.
"""

import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from foreshadow.errors import ConfigError, DeviceUnreachable

_MARK = b"\0\0\0"
_DONE = frozenset({0, 1})  # CMD_SUCCESS and CMD_WARNING of FRR's lib/command.h
_GLANCE_S = 0.2
"""How soon a wait notices that it is to end."""
_LONGEST_S = 120.0
"""For a whole answer, however steadily it comes."""
LARGEST_ANSWER_BYTES = 256 << 20
"""An answer that goes on beyond this is not waited for."""


class VtySocket:
    """One daemon's command line; one command at a time, from any thread.

    Connects when first used, and once more when the daemon was restarted in between.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: str,
        timeout_s: float = 5.0,
        stop: threading.Event | None = None,
    ) -> None:
        """Name the socket; nothing is opened yet.

        Args:
            path: The daemon's `.vty` socket.
            device: Router's name, for errors.
            timeout_s: Longest silence before and within an answer.
            stop: Ends every wait for an answer at once.
        """
        self._path, self._device, self._timeout_s = path, device, timeout_s
        self._stop = stop
        self._socket: socket.socket | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, command: str) -> str:
        """The daemon's answer.

        Raises:
            ConfigError: The daemon does not take the command, or its answer has no end.
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
        return self._answer(self._socket)

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(self._timeout_s)
            connection.connect(str(self._path))
            connection.sendall(b"enable\0")
            self._answer(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _answer(self, connection: socket.socket) -> tuple[str, int]:
        received, began_s = bytearray(), time.monotonic()
        while len(received) < 4 or received[-4:-1] != _MARK:
            chunk = self._next(connection)
            if not chunk:
                raise EOFError("connection closed in the middle of an answer")
            received += chunk
            if len(received) > LARGEST_ANSWER_BYTES:
                self.close()
                limit = LARGEST_ANSWER_BYTES >> 20
                raise ConfigError(f"{self._device}: {self._path.stem} says more than {limit} MiB")
            if time.monotonic() - began_s > _LONGEST_S:
                raise TimeoutError(f"no end of an answer within {_LONGEST_S:g} s")
        return received[:-4].decode(errors="replace"), received[-1]

    def _next(self, connection: socket.socket) -> bytes:
        """More of an answer; the wait is a chain of glances where somebody may end it."""
        connection.settimeout(min(_GLANCE_S, self._timeout_s) if self._stop else self._timeout_s)
        until_s = time.monotonic() + self._timeout_s
        try:
            while True:
                try:
                    return connection.recv(1 << 18)
                except TimeoutError:
                    if time.monotonic() >= until_s or (self._stop and self._stop.is_set()):
                        raise
        finally:
            connection.settimeout(self._timeout_s)

    def _unreachable(self, what: str, cause: Exception) -> DeviceUnreachable:
        said = cause.strerror if isinstance(cause, OSError) else None
        detail = said or str(cause) or type(cause).__name__
        return DeviceUnreachable(
            f"{self._path.stem} {what} on {self._path}: {detail}", device=self._device
        )
