"""FRR over SSH: netmiko types, vtysh configures, fs-guard on the device holds the way back.

FRR has no commit-confirmed for BGP, so every trial carries its own: the texts go
to the device first, `fs-guard arm` starts the dead-man, then one small file flips. `vtysh -f` goes
on after an error, therefore every text is tried with `vtysh -C -f` before any of them runs.

One netmiko connection costs half a second, so it is kept for the length of a rollout and opened
again once when it broke.
"""

import base64
import hashlib
import re
import shlex
import socket
import textwrap
from collections.abc import Callable
from importlib.resources import files

from netmiko import ConnectHandler
from netmiko.base_connection import BaseConnection
from netmiko.exceptions import (
    NetmikoAuthenticationException,
    NetmikoTimeoutException,
    ReadException,
)

from foreshadow.errors import ConfigError, DeviceUnreachable, UnsafeRollout
from foreshadow.experiment import DeviceChange
from foreshadow.inventory import DeviceEntry
from foreshadow.topology import NodeId
from frr.configuration import fingerprint
from frr.namespace import open_socket
from rollout.devices import attachment
from rollout.devices.session import Guard, Readback, StillReverting, TrialReport

_CONNECT_TIMEOUT_S = 10.0
_READ_TIMEOUT_S = 15.0
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TOO_LATE = 3
_STILL_AT_IT = 4
_BASE64_COLUMNS = 512

# The sentinel is typed in two halves, so that the echo of the command is not taken for it.
_TYPED_END = 'echo "FSRC""=$?"'
_END = re.compile(r"FSRC=(\d+)")


class FrrSession:
    """One FRR router, reached over SSH; see `session.DeviceSession`."""

    def __init__(self, entry: DeviceEntry, *, password: str | None = None) -> None:
        """Name the device; nothing is opened yet.

        Args:
            entry: How it is reached.
            password: For the login, where keys alone are not enough.
        """
        self._entry, self._password = entry, password
        self._connection: BaseConnection | None = None
        self._dir = shlex.quote(entry.state_dir)
        self._vtysh = "vtysh" + (f" -N {shlex.quote(entry.pathspace)}" if entry.pathspace else "")

    @property
    def device(self) -> NodeId:
        """Which device this is."""
        return NodeId(self._entry.name)

    def lock(self, txn: str) -> None:
        """Take the device: `mkdir` is the arbiter. Installs fs-guard on the way."""
        name = _safe(txn)
        self._install_guard()
        holder = self._run(
            f"cd {self._dir} && {{ mkdir lock 2>/dev/null && echo {name} > lock/owner; "
            "echo owner: $(cat lock/owner); }"
        )
        owner = _after(holder, "owner:")
        if owner != txn:
            raise UnsafeRollout(
                f"{self.device} is locked by the rollout {owner or '(unnamed)'}; wait for it, or "
                f"remove {self._entry.state_dir}/lock on the device if that rollout is gone"
            )

    def unlock(self, txn: str) -> None:
        """Give the device back."""
        self._run(
            f'cd {self._dir} && if [ "$(cat lock/owner 2>/dev/null)" = {_safe(txn)} ]; '
            "then rm -r lock; fi"
        )

    def config_sha256(self) -> str:
        """Fingerprint of the running configuration."""
        return fingerprint(self._running_config())

    def stage(self, trial: str, change: DeviceChange) -> None:
        """Put the texts on the device, try each dry, load the inert one."""
        name = _safe(trial)
        attachment.generation_names(change.stage)
        texts = {
            "stage": change.stage,
            "flip": change.flip,
            "revert": change.revert,
            "clear": change.clear,
        }
        for kind, text in texts.items():
            self._put(f"{kind}.{name}", text)
        tries = " && ".join(f"{self._vtysh} -C -f {kind}.{name}" for kind in list(texts)[:3])
        self._run(f"cd {self._dir} && {tries} && {self._vtysh} -f stage.{name}")

    def arm(self, trial: str, revert_after_s: float) -> None:
        """Start the dead-man."""
        self._guard("arm", trial, f"{revert_after_s:g}", self._entry.pathspace or "")

    def flip(self, trial: str) -> None:
        """Attach, then have bgpd look at it now instead of after its delay-timer.

        fs-guard does it, because only the device knows at that moment that its dead-man is alive.
        """
        status, _ = self._guard("flip", trial, self._entry.pathspace or "", allowed=(0, _TOO_LATE))
        if status == _TOO_LATE:
            raise UnsafeRollout(
                f"{self.device}: the dead-man of {trial} does not run, so nothing was attached"
            )

    def read_back(self, change: DeviceChange) -> Readback:
        """What of the flip is in force."""
        running = self._running_config()
        return Readback(
            config_sha256=fingerprint(running),
            missing=attachment.missing(running, change.stage + "\n" + change.flip),
        )

    def confirm(self, trial: str) -> bool:
        """Win against the dead-man, then write the start-up configuration."""
        if self._guard("confirm", trial, allowed=(0, _TOO_LATE))[0] == _TOO_LATE:
            return False
        self._run(f"{self._vtysh} -c 'write memory'")
        return True

    def revert(self, trial: str, change: DeviceChange) -> None:
        """Go back now; where the dead-man is at it already, wait for it."""
        status, said = self._guard(
            "revert",
            trial,
            self._entry.pathspace or "",
            allowed=(0, _TOO_LATE, _STILL_AT_IT),
        )
        if status == _STILL_AT_IT:
            told = " | ".join(line for line in said.splitlines() if line.strip())
            raise StillReverting(f"{self.device} is still taking {trial} back: {told}")
        # Also where fs-guard says it is done: somebody may have attached it again since.
        left = attachment.missing(self._running_config(), change.revert)
        if left:
            said = "knows no such trial" if status == _TOO_LATE else "says it is reverted"
            raise ConfigError(
                f"{self.device}: the old policy is not in force though fs-guard {said} ({trial}): "
                f"{left[0]}"
            )

    def collect(self, change: DeviceChange) -> None:
        """Remove the generation's objects, after making sure that nothing uses them."""
        names, running = attachment.generation_names(change.stage), self._running_config()
        used = attachment.mentions(running, names)
        if used:
            raise UnsafeRollout(f"{self.device}: still in use, so not removed: {'; '.join(used)}")
        if not attachment.defines(running, names):
            return
        name = f"gc.{change.generation}"
        self._put(name, change.gc)
        # Half a generation may be there; what counts is that nothing of it is left.
        self._run(f"cd {self._dir} && {{ {self._vtysh} -f {name}; rm -f {name}; }}")
        if attachment.defines(self._running_config(), names):
            raise ConfigError(f"{self.device}: {', '.join(sorted(names))} could not be removed")

    def soften(self, change: DeviceChange) -> None:
        """Run the change's soft clear."""
        for line in filter(None, map(str.strip, change.clear.splitlines())):
            self._run(f"{self._vtysh} -c {shlex.quote(line)}")

    def report(self, trial: str, change: DeviceChange) -> TrialReport:
        """Ask fs-guard and the running configuration."""
        _, said = self._guard("report", trial, allowed=(0, 127))
        running = self._running_config()
        return _report(
            said,
            device=self.device,
            is_attached=not attachment.missing(running, change.flip),
            is_reverted=not attachment.missing(running, change.revert),
        )

    def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _install_guard(self) -> None:
        """Put fs-guard on the device, unless this very version is there."""
        script = files("rollout.devices").joinpath("fs_guard.sh").read_text()
        wanted = hashlib.sha256(script.encode()).hexdigest()
        there = self._run(
            f"mkdir -p {self._dir} && cd {self._dir} && "
            "{ sha256sum fs-guard 2>/dev/null || echo none; }"
        )
        if wanted not in there:
            self._put("fs-guard.new", script)
            self._run(f"cd {self._dir} && chmod 755 fs-guard.new && mv fs-guard.new fs-guard")

    def _guard(
        self, act: str, trial: str, *arguments: str, allowed: tuple[int, ...] = (0,)
    ) -> tuple[int, str]:
        words = " ".join(shlex.quote(word) for word in (act, _safe(trial), *arguments))
        return self._execute(f"sh {self._dir}/fs-guard {words}", allowed=allowed)

    def _running_config(self) -> str:
        text = self._run(f"{self._vtysh} -c 'show running-config'")
        _, found, after = text.partition("Current configuration:")
        if not found:
            raise ConfigError(f"{self.device}: show running-config gave no configuration")
        return after

    def _put(self, name: str, text: str) -> None:
        """A file in the state directory, over the shell: needs no SFTP subsystem on the device."""
        encoded = base64.b64encode(text.encode()).decode()
        lines = "\n".join(textwrap.wrap(encoded, _BASE64_COLUMNS))
        self._run(f"base64 -d > {self._dir}/{name} <<'FSEOF'\n{lines}\nFSEOF\n")

    def _run(self, command: str) -> str:
        return self._execute(command)[1]

    def _execute(self, command: str, *, allowed: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """Exit status and output of a command; one new connection if the old one broke."""
        try:
            return self._ask(command, allowed)
        except DeviceUnreachable:
            self.close()
            return self._ask(command, allowed)

    def _ask(self, command: str, allowed: tuple[int, ...]) -> tuple[int, str]:
        # In a subshell, so that `cd` and `exit` do not outlive the command.
        typed = f"({command})\n{_TYPED_END}" if "\n" in command else f"({command}); {_TYPED_END}"
        said = self._translated(lambda: self._type(typed))
        end = _END.search(said)
        if end is None:
            raise DeviceUnreachable("answered without an exit status", device=self.device)
        status, output = int(end[1]), said[: end.start()]
        if status not in allowed:
            told = [line for line in output.splitlines() if line.strip()][-3:]
            raise ConfigError(
                f"{self.device}: {command.splitlines()[0][:120]!r} ended with {status}: "
                + " | ".join(told)
            )
        return status, output

    def _type(self, typed: str) -> str:
        if self._connection is None:
            self._connection = self._connect()
        said = self._connection.send_command(
            typed,
            expect_string=_END.pattern,
            read_timeout=_READ_TIMEOUT_S,
            strip_prompt=False,
            strip_command=False,
            cmd_verify=False,
        )
        return str(said)

    def _translated(self, action: Callable[[], str]) -> str:
        try:
            return action()
        except NetmikoAuthenticationException as error:
            raise ConfigError(
                f"{self.device}: the SSH login as {self._entry.username} is refused; see ssh_key "
                "and known_hosts in the inventory"
            ) from error
        except (NetmikoTimeoutException, ReadException, OSError, EOFError) as error:
            self.close_quietly()
            first = str(error).strip().splitlines()[:1]
            raise DeviceUnreachable(f"SSH: {''.join(first)}", device=self.device) from error

    def close_quietly(self) -> None:
        """Let go of a broken connection without asking it to say goodbye."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.remote_conn_pre is not None:
            connection.remote_conn_pre.close()

    def _connect(self) -> BaseConnection:
        entry = self._entry
        return ConnectHandler(
            device_type="linux",
            host=entry.address,
            port=entry.port,
            username=entry.username,
            password=self._password,
            use_keys=True,
            key_file=str(entry.ssh_key),
            allow_agent=False,
            # Only a host key that the inventory knows is accepted.
            ssh_strict=True,
            system_host_keys=False,
            alt_host_keys=True,
            alt_key_file=str(entry.known_hosts),
            conn_timeout=_CONNECT_TIMEOUT_S,
            fast_cli=True,
            sock=self._socket(),
        )

    def _socket(self) -> socket.socket | None:
        entry = self._entry
        if entry.namespace is None:
            return None
        return open_socket(entry.namespace, entry.address, entry.port, timeout_s=_CONNECT_TIMEOUT_S)


def _report(said: str, *, device: NodeId, is_attached: bool, is_reverted: bool) -> TrialReport:
    """fs-guard's line as a value.

    `STATE now UPTIME [armed UPTIME SECONDS [reverted UPTIME WHEN BY]]`
    """
    found = re.search(
        r"(?P<guard>none|armed|reverting|reverted|confirmed) now (?P<now>[\d.]+)"
        r"(?: armed (?P<armed>[\d.]+) (?P<limit>[\d.]+))?"
        r"(?: reverted (?P<reverted>[\d.]+) (?P<at>\S+) (?P<by>\w+))?",
        said,
    )
    if found is None:
        guard, fields = Guard.NONE, dict[str, str | None]()
    else:
        guard, fields = Guard(found["guard"]), found.groupdict()
    now, armed, limit, reverted = (
        float(fields.get(name) or 0) for name in ("now", "armed", "limit", "reverted")
    )
    # An uptime below that of arming means a reboot: no timer runs any more.
    left_s = armed + limit - now if now >= armed else -limit
    return TrialReport(
        device=device,
        guard=guard,
        is_attached=is_attached,
        is_reverted=is_reverted,
        left_s=left_s if guard is Guard.ARMED else 0.0,
        reverted_after_s=reverted - armed if guard is Guard.REVERTED else 0.0,
        reverted_at=fields.get("at") or "",
        reverted_by=fields.get("by") or "",
    )


def _safe(name: str) -> str:
    """A name that is a file name and needs no quoting.

    Raises:
        UnsafeRollout: It is neither.
    """
    if not _SAFE_NAME.fullmatch(name):
        raise UnsafeRollout(f"{name!r} cannot name files on a device; use letters, digits, . _ -")
    return name


def _after(said: str, mark: str) -> str:
    return next(
        (line.split(mark, 1)[1].strip() for line in said.splitlines() if line.startswith(mark)), ""
    )
