"""A router's command line over its daemons' own sockets: 0.1 ms where vtysh takes 25 ms.

Every FRR daemon listens on `/var/run/frr/<pathspace>/<daemon>.vty` (frr/vty_socket.py). From FRR 10
on mgmtd takes part of the configuration in their stead (frr/management.py).
"""

import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from foreshadow.errors import ConfigError, DeviceUnreachable
from frr.configuration import Daemon, merge, split
from frr.management import MANAGED, MGMTD, ManagedDaemon
from frr.vty_socket import VtySocket

RUN_DIR = Path("/var/run/frr")
"""Where FRR keeps the sockets of a pathspace."""

_SHOWN_BY: tuple[tuple[re.Pattern[str], Daemon], ...] = (
    (re.compile(r"(show|clear) (ip |ipv6 )?bgp\b"), Daemon.BGPD),
    (re.compile(r"show (ip |ipv6 )?(prefix-list|as-path|community-list|large-)"), Daemon.BGPD),
    (re.compile(r"show route-map\b"), Daemon.BGPD),
    (re.compile(r"(show|clear) ip ospf\b"), Daemon.OSPFD),
    (re.compile(r"(show|clear) isis\b"), Daemon.ISISD),
    (re.compile(r"(show|clear) bfd\b"), Daemon.BFDD),
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
        stop: threading.Event | None = None,
    ) -> None:
        """Name the router; nothing is opened yet.

        Args:
            pathspace: What its daemons run under (`-N`).
            device: Router's name, for errors; the pathspace if not given.
            daemons: Those that are to run there; by default those that left a start-up file or a
                socket, which a daemon that was killed leaves too.
            timeout_s: Longest wait for one answer.
            run_dir: Where FRR keeps its sockets.
            stop: Ends every wait for an answer at once.
        """
        self.pathspace = pathspace
        self._device, self._directory = device or pathspace, run_dir / pathspace
        self._expected, self._stop = daemons, stop
        self._sockets = {daemon: self._socket(daemon, timeout_s=timeout_s) for daemon in Daemon}

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
        return daemon_for(command) in self.daemons()

    def close(self) -> None:
        """Hang up on every daemon."""
        for daemon in self._sockets.values():
            daemon.close()

    def _execute(self, command: str) -> str:
        if command == "show running-config":
            return self.running_config()
        return self._daemon(daemon_for(command)).execute(command)

    def _socket(self, daemon: Daemon, *, timeout_s: float) -> VtySocket | ManagedDaemon:
        def to(name: str) -> VtySocket:
            path = self._directory / f"{name}.vty"
            return VtySocket(path, device=self._device, timeout_s=timeout_s, stop=self._stop)

        return ManagedDaemon(to(daemon), to(MGMTD)) if daemon in MANAGED else to(daemon)

    def _daemon(self, name: Daemon) -> VtySocket | ManagedDaemon:
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


def daemon_for(command: str) -> Daemon:
    """The daemon that answers a `show` command; of a running configuration each gives its part."""
    return next((daemon for form, daemon in _SHOWN_BY if form.match(command)), Daemon.ZEBRA)


def _does_not_raise(action: Callable[[str], str], argument: str) -> bool:
    try:
        action(argument)
    except (ConfigError, DeviceUnreachable):
        return False
    return True
