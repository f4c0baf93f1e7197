"""A real OpenSSH server for one emulated router, as an operator would find on a real one.

It listens on the router's own 127.0.0.1:22, so every router has its port 22 and no address of the
host is used. Keys are made for the run and live no longer than it.
"""

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from foreshadow.errors import DeviceUnreachable, EmulationFailed, EnvironmentUnfit
from frr.namespace import inside, open_socket

ADDRESS, PORT = "127.0.0.1", 22

_PRIVILEGE_SEPARATION_DIR = Path("/run/sshd")
_SHADOW_FILE = Path("/etc/shadow")
_POLL_S = 0.005
_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {directory}/host_key
PidFile {directory}/sshd.pid
AuthorizedKeysFile {directory}/authorized_keys
AllowUsers root
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM {use_pam}
# The run's directory may lie in the home of whoever checked the repository out.
StrictModes no
UseDNS no
PrintMotd no
PrintLastLog no
X11Forwarding no
AllowTcpForwarding no
LogLevel ERROR
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """An Ed25519 key in OpenSSH's own formats."""

    private: bytes
    public: str
    """`ssh-ed25519 AAAA...`, as in known_hosts and authorized_keys."""


def key_pair() -> KeyPair:
    """A new key."""
    key = Ed25519PrivateKey.generate()
    return KeyPair(
        private=key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        public=key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read, at no moment."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)


class SshServer:
    """The sshd of one router."""

    def __init__(self, netns: str, directory: Path) -> None:
        """Nothing is started or written yet.

        Args:
            netns: The router's network namespace.
            directory: For its keys and configuration; made when it starts.
        """
        self._netns, self.directory = netns, directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def known_hosts(self) -> Path:
        """The file in which a client finds this server's key."""
        return self.directory / "known_hosts"

    def start(self, authorized_key: str) -> None:
        """Start it; it may not listen yet (`await_listening`).

        Raises:
            EnvironmentUnfit: There is no sshd on this host.
        """
        binary = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin")
        if binary is None:
            raise EnvironmentUnfit("no sshd on this host; install openssh-server")
        self._write_files(authorized_key)
        _PRIVILEGE_SEPARATION_DIR.mkdir(mode=0o755, exist_ok=True)
        with (self.directory / "sshd.log").open("wb") as log, inside(self._netns):
            self._process = subprocess.Popen(
                [binary, "-D", "-e", "-f", str(self.directory / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_listening(self, *, within_s: float) -> None:
        """Return when it accepts connections.

        Raises:
            EmulationFailed: It ended, or did not listen in time.
        """
        deadline = time.monotonic() + within_s
        while not self._is_listening():
            if (self._process is not None and self._process.poll() is not None) or (
                time.monotonic() > deadline
            ):
                said = (self.directory / "sshd.log").read_text(errors="replace").strip()
                raise EmulationFailed(f"{self._netns}: sshd does not listen: {said or 'no reason'}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it; sessions that are open live on until their namespace is cleared."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _write_files(self, authorized_key: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        host_key = key_pair()
        write_secret(self.directory / "host_key", host_key.private)
        self.known_hosts.write_text(f"{ADDRESS} {host_key.public}\n")
        (self.directory / "authorized_keys").write_text(f"{authorized_key}\n")
        (self.directory / "sshd_config").write_text(
            _CONFIG.format(
                port=PORT,
                address=ADDRESS,
                directory=self.directory,
                use_pam="yes" if _is_root_locked() else "no",
            )
        )

    def _is_listening(self) -> bool:
        try:
            connection: socket.socket = open_socket(self._netns, ADDRESS, PORT, timeout_s=1.0)
        except DeviceUnreachable:
            return False
        connection.close()
        return True


def _is_root_locked() -> bool:
    """Whether root has no usable password (`!`): without PAM, sshd then refuses keys as well."""
    try:
        lines = _SHADOW_FILE.read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("root:!") for line in lines)
