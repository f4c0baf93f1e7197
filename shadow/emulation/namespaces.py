"""Network namespaces as routers, through the kernel's own interfaces: no shell, no `ip` command."""

import ctypes
import fcntl
import os
import socket
import struct
import threading
import zlib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path

from foreshadow.errors import EmulationFailed
from frr.namespace import NETNS_DIR, run_inside
from shadow.emulation.rtnetlink import GROUPS_ROUTE, Route, dump, set_neighbors

_CLONE_NEWNET = 0x4000_0000
_MS_BIND, _MNT_DETACH = 0x1000, 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCGIFINDEX, _SIOCGIFHWADDR = 0x8913, 0x8914, 0x8933, 0x8927
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_IFREQ_FLAGS, _IFREQ_INDEX = struct.Struct("=16sH22x"), struct.Struct("=16si20x")
_IFREQ_MAC = struct.Struct("=16s2x6s16x")
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
)
"""What a namespace needs to behave as a router, path and value."""

NO_IPV6_SYSCTLS: tuple[tuple[str, str], ...] = (
    # No link-local addresses, no multicast listener reports, no noise where nobody routes IPv6.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
)
IPV6_SYSCTLS: tuple[tuple[str, str], ...] = (
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/forwarding", "1"),
    # A router does not take addresses from others, nor wait a second before it uses its own.
    ("net/ipv6/conf/all/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    # Otherwise a cut takes the interface's addresses away, and mending it does not bring them back.
    ("net/ipv6/conf/all/keep_addr_on_down", "1"),
    ("net/ipv6/conf/default/keep_addr_on_down", "1"),
    ("net/ipv6/conf/all/ignore_routes_with_linkdown", "1"),
    ("net/ipv6/conf/default/ignore_routes_with_linkdown", "1"),
    ("net/ipv6/fib_multipath_hash_policy", "1"),
    ("net/ipv6/conf/all/disable_ipv6", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "0"),
)
"""The same for one whose configuration uses IPv6."""

_HASH_SEED = "net/ipv4/fib_multipath_hash_seed"

_libc = ctypes.CDLL(None, use_errno=True)


def hash_seed(name: str) -> int:
    """What a router mixes into its load-sharing hash; the same for one router in every lab and run.

    Without it all namespaces of a host hash alike, and a router behind another's equal-cost split
    sends everything the same way (hash polarisation): what no real network of several boxes does.
    """
    router = name.split("-", 2)[-1]  # <run>-<lab>-<router>
    return zlib.crc32(router.encode()) or 1  # 0 is the kernel's own.


class Namespace:
    """A router's network namespace, with the sockets through which it is watched and worked."""

    def __init__(self, name: str) -> None:
        """Open sockets in the namespace of that name; it stays as it is.

        Raises:
            EmulationFailed: The kernel refused.
            DeviceUnreachable: There is none of that name.
        """
        self.name = name
        self._lock = threading.Lock()
        try:
            self._control, self.changes = run_inside(
                name, lambda: (_route_socket(0), _route_socket(GROUPS_ROUTE))
            )
        except OSError as error:
            raise EmulationFailed(f"{name} cannot be watched: {error}") from error

    def make_router(self, *, has_ipv6: bool) -> None:
        """Let it forward and behave as routers do, bring `lo` up; nothing of it is there before."""
        run_inside(
            self.name,
            lambda: _write_sysctls(
                (
                    *SYSCTLS,
                    *(IPV6_SYSCTLS if has_ipv6 else NO_IPV6_SYSCTLS),
                    (_HASH_SEED, str(hash_seed(self.name))),
                ),
            ),
        )
        self.set_up("lo", is_up=True)

    def set_up(self, interface: str, *, is_up: bool) -> None:
        """Set an interface administratively up or down.

        Raises:
            EmulationFailed: There is no such interface.
        """
        flags = self._flags(interface)
        wanted = flags | _IFF_UP if is_up else flags & ~_IFF_UP
        self._ioctl(_SIOCSIFFLAGS, _IFREQ_FLAGS.pack(interface.encode(), wanted), interface)

    def is_set_up(self, interface: str) -> bool:
        """Whether an interface is administratively up.

        Raises:
            EmulationFailed: There is no such interface.
        """
        return bool(self._flags(interface) & _IFF_UP)

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

    def link_address(self, interface: str) -> bytes:
        """An interface's MAC address.

        Raises:
            EmulationFailed: There is no such interface.
        """
        answer = self._ioctl(_SIOCGIFHWADDR, _IFREQ_FLAGS.pack(interface.encode(), 0), interface)
        mac: bytes = _IFREQ_MAC.unpack(answer)[1]
        return mac

    def set_neighbors(self, interface: str, neighbors: Mapping[IPv4Address, bytes]) -> None:
        """Make link addresses of neighbors permanent until the interface goes down.

        Raises:
            EmulationFailed: The kernel refused.
        """
        try:
            with self._lock:
                set_neighbors(self._control, self.index(interface), neighbors)
        except OSError as error:
            raise EmulationFailed(f"{self.name} {interface}: {error}") from error

    def interfaces(self) -> dict[int, str]:
        """The names of its interfaces by the kernel's number."""
        return run_inside(self.name, lambda: dict(socket.if_nameindex()))

    def routes(self, *families: socket.AddressFamily) -> tuple[Route, ...]:
        """Every route of the kernel's, as it is now; of both families if none is named.

        Raises:
            EmulationFailed: The kernel refused.
        """
        try:
            with self._lock:
                return tuple(
                    route
                    for family in families or (socket.AF_INET, socket.AF_INET6)
                    for route in dump(self._control, family)
                )
        except OSError as error:
            raise EmulationFailed(f"{self.name}: no routes: {error}") from error

    def enable_ipv6(self) -> None:
        """Let it have IPv6 addresses and forward by them; nothing changes where it does."""
        run_inside(self.name, lambda: _write_sysctls(IPV6_SYSCTLS))

    def close(self) -> None:
        """Close the sockets; the namespace stays."""
        for connection in (self._control, self.changes):
            connection.close()

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


def create(names: Iterable[str]) -> None:
    """Make network namespaces, empty but for `lo`.

    A thread of its own leaves each for the next, and the last one when it ends.

    Raises:
        EmulationFailed: The kernel refused, or there is one of that name.
    """
    failure: list[EmulationFailed] = []

    def make() -> None:
        for name in names:
            try:
                _unshare_as(name)
            except OSError as error:
                failure.append(EmulationFailed(f"no network namespace {name}: {error}"))
                return

    thread = threading.Thread(target=make, name="create-namespaces")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def name_that_of(pid: int, name: str) -> None:
    """Give the namespace a process lives in a name, as `ip netns attach` does.

    A link of that name, as container tools make them, gives way: it would dangle without a process.

    Raises:
        EmulationFailed: The kernel refused, the process is gone, or there is one of that name.
    """
    path = NETNS_DIR / name
    if path.is_symlink():
        path.unlink()
    try:
        _bind(f"/proc/{pid}/ns/net", name)
    except OSError as error:
        raise EmulationFailed(f"no network namespace {name}: {error}") from error


def _unshare_as(name: str) -> None:
    _checked(_libc.unshare(_CLONE_NEWNET), "unshare")
    _bind(f"/proc/self/task/{threading.get_native_id()}/ns/net", name)


def _bind(source: str, name: str) -> None:
    NETNS_DIR.mkdir(parents=True, exist_ok=True)
    path = NETNS_DIR / name
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    _checked(_libc.mount(source.encode(), str(path).encode(), None, _MS_BIND, None), "mount")


def read_sysctls(paths: Iterable[str]) -> dict[str, str]:
    """What the settings of the calling thread's namespace are."""
    return {path: (Path("/proc/sys") / path).read_text().strip() for path in paths}


def _write_sysctls(settings: Iterable[tuple[str, str]]) -> None:
    for path, value in settings:
        target = Path("/proc/sys") / path
        if target.exists():  # A kernel without IPv6 has nothing to switch off.
            target.write_text(value)


def _route_socket(groups: int) -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    netlink.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROUTE_BUFFER_BYTES)
    netlink.bind((0, groups))
    return netlink


def _checked(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
