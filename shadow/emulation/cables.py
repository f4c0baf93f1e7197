"""The cables between routers: veth pairs, laid from outside both."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from foreshadow.errors import EmulationFailed
from frr.namespace import NETNS_DIR, run_inside
from shadow.emulation.shaping import Port


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
                        net_ns_fd=a_fd,
                        peer={"ifname": b.interface, "net_ns_fd": b_fd},
                    )
                except OSError as error:
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


@contextmanager
def _opened(name: str) -> Iterator[int]:
    descriptor = os.open(NETNS_DIR / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
