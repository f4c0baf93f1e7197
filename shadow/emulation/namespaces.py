"""Network namespaces and the cables between them, through the kernel's own interfaces.

No shell and no `ip` command: a lab of 14 routers and 17 links is wired in some 50 ms.
"""

import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyroute2 import IPRoute

from foreshadow.errors import EmulationFailed
from frr.namespace import NETNS_DIR, run_inside
from shadow.emulation.rtnetlink import GROUP_IPV4_ROUTE, Route, dump

_CLONE_NEWNET = 0x4000_0000
_MS_BIND, _MNT_DETACH = 0x1000, 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCGIFINDEX = 0x8913, 0x8914, 0x8933
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_IFREQ_FLAGS, _IFREQ_INDEX = struct.Struct("=16sH22x"), struct.Struct("=16si20x")
_ROUTE_BUFFER_BYTES = 4 << 20
_SO_RCVBUFFORCE = 33

SYSCTLS: tuple[tuple[str, str], ...] = (
    ("net/ipv4/ip_forward", "1"),
    # Transit packets may come in where the way back does not lead; 0 is "off" and 1 drops them.
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    # Hash flows by ports too; otherwise one pair of addresses uses one path of several.
    ("net/ipv4/fib_multipath_hash_policy", "1"),
    ("net/ipv4/conf/all/ignore_routes_with_linkdown", "1"),
    ("net/ipv4/conf/default/ignore_routes_with_linkdown", "1"),
    # IPv4 only: no router advertisements, no duplicate address detection, no noise.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
)
"""What a namespace needs to behave as a router (network.md 4.2), path and value."""

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One network namespace of ours, with the sockets through which it is watched and worked."""

    def __init__(self, name: str) -> None:
        """Create it, set it up as a router, bring `lo` up.

        Raises:
            EmulationFailed: The kernel refused, or there is one of that name.
        """
        self.name = name
        self._control, self._listing, self.changes = _in_thread(name)
        self._listing_lock = threading.Lock()
        self.set_up("lo", is_up=True)

    def set_up(self, interface: str, *, is_up: bool) -> None:
        """Set an interface administratively up or down.

        Raises:
            EmulationFailed: There is no such interface.
        """
        flags = self._flags(interface)
        wanted = flags | _IFF_UP if is_up else flags & ~_IFF_UP
        self._ioctl(_SIOCSIFFLAGS, _IFREQ_FLAGS.pack(interface.encode(), wanted), interface)

    def is_running(self, interface: str) -> bool:
        """Whether an interface is up and has carrier.

        Raises:
            EmulationFailed: There is no such interface.
        """
        flags = self._flags(interface)
        return bool(flags & _IFF_UP) and bool(flags & _IFF_RUNNING)

    def index(self, interface: str) -> int:
        """The kernel's number for an interface.

        Raises:
            EmulationFailed: There is no such interface.
        """
        answer = self._ioctl(_SIOCGIFINDEX, _IFREQ_INDEX.pack(interface.encode(), 0), interface)
        number: int = _IFREQ_INDEX.unpack(answer)[1]
        return number

    def routes(self) -> tuple[Route, ...]:
        """Every IPv4 route of the kernel's, as it is now.

        Raises:
            EmulationFailed: The kernel refused.
        """
        try:
            with self._listing_lock:
                return dump(self._listing)
        except OSError as error:
            raise EmulationFailed(f"{self.name}: no routes: {error}") from error

    def close(self) -> None:
        """Close the sockets and remove the name; the kernel frees the namespace when unused."""
        for connection in (self._control, self._listing, self.changes):
            connection.close()
        remove(self.name)

    def _flags(self, interface: str) -> int:
        request = _IFREQ_FLAGS.pack(interface.encode(), 0)
        flags: int = _IFREQ_FLAGS.unpack(self._ioctl(_SIOCGIFFLAGS, request, interface))[1]
        return flags

    def _ioctl(self, number: int, request: bytes, interface: str) -> bytes:
        # An ioctl acts in the namespace its socket was made in, whoever calls it.
        try:
            return fcntl.ioctl(self._control, number, request)
        except OSError as error:
            raise EmulationFailed(f"{self.name}: interface {interface}: {error}") from error


def connect(cables: Iterable[tuple[tuple[str, str], tuple[str, str]]]) -> None:
    """Lay veth pairs between namespaces, given as ((namespace, interface), (namespace, interface)).

    Raises:
        EmulationFailed: The kernel refused one.
    """
    with IPRoute() as netlink:
        for (a_netns, a_interface), (b_netns, b_interface) in cables:
            with _opened(a_netns) as a_fd, _opened(b_netns) as b_fd:
                try:
                    netlink.link(
                        "add",
                        ifname=a_interface,
                        kind="veth",
                        net_ns_fd=a_fd,
                        peer={"ifname": b_interface, "net_ns_fd": b_fd},
                    )
                except OSError as error:
                    raise EmulationFailed(
                        f"no cable {a_netns} {a_interface} - {b_netns} {b_interface}: {error}"
                    ) from error


def add_local_address(netns: str, address: str) -> None:
    """Let a namespace accept packets for an address, without giving it to an interface.

    The route is of type local, which zebra leaves alone, so routing does not see the address.
    """

    def add() -> None:
        with IPRoute() as netlink:
            loopback = netlink.link_lookup(ifname="lo")[0]
            netlink.route(
                "replace", dst=f"{address}/32", oif=loopback, type="local", table=255, scope=254
            )

    run_inside(netns, add)


def remove(name: str) -> None:
    """Take a namespace's name away; nothing happens if there is none."""
    path = NETNS_DIR / name
    _libc.umount2(str(path).encode(), _MNT_DETACH)
    path.unlink(missing_ok=True)


def names(prefix: str) -> tuple[str, ...]:
    """The namespaces whose name begins with `prefix`, sorted."""
    if not NETNS_DIR.is_dir():
        return ()
    return tuple(sorted(path.name for path in NETNS_DIR.iterdir() if path.name.startswith(prefix)))


def _in_thread(name: str) -> tuple[socket.socket, socket.socket, socket.socket]:
    """Create the namespace from a thread of its own, which stays in it until it ends."""
    made: list[tuple[socket.socket, socket.socket, socket.socket]] = []
    failure: list[OSError] = []

    def create() -> None:
        try:
            _unshare_as(name)
            _write_sysctls()
            made.append((_control_socket(), _route_socket(0), _route_socket(GROUP_IPV4_ROUTE)))
        except OSError as error:
            failure.append(error)

    thread = threading.Thread(target=create, name=f"create-{name}")
    thread.start()
    thread.join()
    if failure:
        raise EmulationFailed(f"no network namespace {name}: {failure[0]}") from failure[0]
    return made[0]


def _unshare_as(name: str) -> None:
    NETNS_DIR.mkdir(parents=True, exist_ok=True)
    path = NETNS_DIR / name
    _checked(_libc.unshare(_CLONE_NEWNET), "unshare")
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    source = f"/proc/self/task/{threading.get_native_id()}/ns/net"
    _checked(_libc.mount(source.encode(), str(path).encode(), None, _MS_BIND, None), "mount")


def _write_sysctls() -> None:
    for path, value in SYSCTLS:
        target = Path("/proc/sys") / path
        if target.exists():  # A kernel without IPv6 has nothing to switch off.
            target.write_text(value)


def _control_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)


def _route_socket(groups: int) -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    netlink.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROUTE_BUFFER_BYTES)
    netlink.bind((0, groups))
    return netlink


@contextmanager
def _opened(name: str) -> Iterator[int]:
    descriptor = os.open(NETNS_DIR / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _checked(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
