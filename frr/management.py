"""FRR 10's management daemon: what mgmtd takes, keeps and prints in the stead of zebra and staticd.

Up to FRR 9 each daemon is told its own part of a configuration. From FRR 10 on interfaces and
static routes are told to mgmtd, which passes them on; staticd has no configuration of its own left.
Where mgmtd runs there is its socket, and that is how it is told. Tried with FRR 10.3.
"""

import re
from collections.abc import Callable, Sequence

from frr.configuration import Block, Daemon, parse, render
from frr.vty_socket import VtySocket

MGMTD = "mgmtd"
"""What its socket and its start-up file are called."""

MANAGED = frozenset({Daemon.ZEBRA, Daemon.STATICD})
"""The daemons for which it speaks."""

_TAKEN = re.compile(
    r"(no )?(interface\b|router-id\b|(ip|ipv6) (route|router-id|nht|protocol|table)\b)"
)
_EVERYONES = re.compile(r"(no )?(frr (version|defaults)|hostname|domainname|log|service)\b")
_RUNNING_CONFIG = "show running-config"


def managers_part(config: str) -> str:
    """What of a configuration, or of zebra's or staticd's part of one, mgmtd takes."""
    return _render(config, lambda block: not _is_own(block))


def own_part(config: str) -> str:
    """What of zebra's or staticd's part is still told to itself."""
    return _render(config, _is_own)


class ManagedDaemon:
    """zebra's or staticd's command line, mgmtd's in its stead where one runs."""

    def __init__(self, own: VtySocket, manager: VtySocket) -> None:
        """Name both sockets; nothing is opened yet."""
        self._own, self._manager = own, manager

    def execute(self, command: str) -> str:
        """The daemon's answer; of a running configuration also what mgmtd keeps.

        Raises:
            ConfigError: The daemon does not take the command.
            DeviceUnreachable: It is not there, hung up or does not answer in time.
        """
        answer = self._own.execute(command)
        if command == _RUNNING_CONFIG and self._manager.is_there():
            answer += self._manager.execute(command)
        return answer

    def configure(self, lines: Sequence[str]) -> None:
        """Enter configuration lines, each where it is taken; stop at the first that is refused.

        Raises:
            ConfigError: A line is refused.
            DeviceUnreachable: A daemon is not there, or hung up.
        """
        if not self._manager.is_there():
            self._own.configure(lines)
            return
        text = "\n".join(lines)
        for socket, part in ((self._own, own_part(text)), (self._manager, managers_part(text))):
            told = [line for line in part.splitlines() if line != "!"]
            if told:
                socket.configure(told)

    def close(self) -> None:
        """Hang up."""
        self._own.close()
        self._manager.close()


def _is_own(block: Block) -> bool:
    return _TAKEN.match(block.header) is None


def _render(config: str, is_wanted: Callable[[Block], bool]) -> str:
    return render(
        block
        for block in parse(config)
        if is_wanted(block) or _EVERYONES.match(block.header) is not None
    )
