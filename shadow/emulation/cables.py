"""The cables between routers: veth pairs, laid from outside both."""

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from foreshadow.errors import EmulationFailed
from frr.namespace import NETNS_DIR, run_inside
from shadow.emulation.shaping import Port

_LOWEST_INDEX, _INDICES = 1 << 10, 1 << 30
"""Above what a kernel hands out by itself, and within what it takes."""


def lay(cables: Iterable[tuple[Port, Port]]) -> None:
    """Lay veth pairs between namespaces; both ends are down.

    Raises:
        EmulationFailed: The kernel refused one.
    """
    with IPRoute() as netlink:
        for a, b in cables:
            with _opened(a.netns) as a_fd, _opened(b.netns) as b_fd:
                try:
                    netlink.link(
                        "add",
                        ifname=a.interface,
                        kind="veth",
                        index=_index(a),
                        net_ns_fd=a_fd,
                        peer={"ifname": b.interface, "index": _index(b), "net_ns_fd": b_fd},
                    )
                except (OSError, NetlinkError) as error:
                    raise EmulationFailed(
                        f"no cable {a.netns} {a.interface} - {b.netns} {b.interface}: {error}"
                    ) from error


def take_away(end: Port) -> None:
    """Remove a cable by one of its ends; nothing happens if it is gone."""

    def remove() -> None:
        with IPRoute() as netlink, suppress(NetlinkError):
            for index in netlink.link_lookup(ifname=end.interface):
                netlink.link("del", index=index)

    run_inside(end.netns, remove)


def _index(end: Port) -> int:
    """The kernel's number for an interface: another one than its peer's has.

    Where both ends of a veth pair have the same number, each in its own namespace, the kernel takes
    them for one device, does not think that a new carrier is urgent, and tells up to a second late.
    """
    return _LOWEST_INDEX + zlib.crc32(f"{end.netns} {end.interface}".encode()) % _INDICES


@contextmanager
def _opened(name: str) -> Iterator[int]:
    descriptor = os.open(NETNS_DIR / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
