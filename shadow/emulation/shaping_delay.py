"""The owner's side of the delay relay: start it with the first tap, end it with the last.

One relay a lab, in a session of its own like the routers' daemons, so that a lab outlives its owner
and can be adopted. Its `-N` argument and its directory begin with the run's id, by which `cleanup`
finds them.
"""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from foreshadow.errors import EmulationFailed
from frr.vty import RUN_DIR
from shadow.emulation import shaping_relay

_ANSWERS_WITHIN_S = 10.0
_WAITING_CALLERS = 16


class DelayRelay:
    """One lab's relay, wherever it was started."""

    def __init__(self, lab: str) -> None:
        """Nothing is started.

        Args:
            lab: What the names of the lab's namespaces begin with.
        """
        self._name = f"{lab}--delay"  # No router's name begins with a dash.
        self._directory = RUN_DIR / self._name
        self._control = self._directory / "control"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """See that the relay runs, in the network namespace of the calling thread."""
        if self._ask({"list": True}) is None:
            self._spawn()

    def take(self, key: str, delay_s: float, tap: int) -> None:
        """Hand over a tap, whose frames are held back from now on; the caller may close it.

        Raises:
            EmulationFailed: The relay does not run.
        """
        if self._ask({"hold": key, "delay_s": delay_s}, tap) is None:
            raise EmulationFailed(f"the relay that delays frames ended: {self._last_words()}")

    def change(self, key: str, delay_s: float) -> bool:
        """Hold a tap's frames for another time; False where the relay has no such tap."""
        held = self._ask({"hold": key, "delay_s": delay_s})
        return held is not None and key in held

    def release(self, key: str) -> None:
        """Let go of a tap when the frames on their way are out; the relay ends with the last."""
        held = self._ask({"release": key})
        if not held:
            self._bury()

    def held(self) -> Mapping[str, Any]:
        """What is held back now, by key: the delay, and frames held, passed and dropped."""
        return self._ask({"list": True}) or {}

    def close(self) -> None:
        """Drop everything and end the relay, also one that another process started."""
        self._ask({"quit": True})
        self._bury()

    def _spawn(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700, parents=True)
        # The socket listens before the process runs, so whoever connects need not wait for it.
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(self._control))
            listener.listen(_WAITING_CALLERS)
            with (self._directory / "relay.out").open("wb") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", shaping_relay.__file__, "-N", self._name],
                    stdin=listener.fileno(),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def _ask(self, asked: Mapping[str, Any], tap: int | None = None) -> dict[str, Any] | None:
        """The relay's answer; None where there is no relay, or it has just ended."""
        message = json.dumps(asked).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(_ANSWERS_WITHIN_S)
            try:
                connection.connect(str(self._control))
                socket.send_fds(connection, [message], [] if tap is None else [tap])
                answer = connection.recv(shaping_relay.LONGEST_MESSAGE_BYTES)
            except TimeoutError as error:
                raise EmulationFailed("the relay that delays frames does not answer") from error
            except OSError:
                return None
        return json.loads(answer) if answer else None

    def _bury(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=_ANSWERS_WITHIN_S)
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def _last_words(self) -> str:
        words = self._directory / "relay.out"
        return " ".join(words.read_text(errors="replace").split()) if words.exists() else ""
