"""What the kernel of a router says when a link or a route changes (rtnetlink(7)).

Only that something changed is read here, not what: the values come from the router itself.
"""

import errno
import select
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Self

from foreshadow.errors import DeviceUnreachable
from frr.namespace import NETNS_DIR, run_inside

_GROUPS = 0x1 | 0x10 | 0x40  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE
_LINK_MESSAGES = frozenset({16, 17, 20, 21})  # link and address, come and gone
_HEADER = struct.Struct("=IH10x")
_BUFFER_BYTES = 1 << 20
_DATAGRAM_BYTES = 1 << 18


class KernelEvents:
    """A subscription to the link and route events of one network namespace."""

    def __init__(self, namespace: str | None) -> None:
        """Listen in a namespace, or in our own for None.

        Raises:
            DeviceUnreachable: There is no such namespace.
        """
        open_there: Callable[[], socket.socket] = _subscribed
        self._namespace, self._identity = namespace, _identity(namespace)
        self._socket = open_there() if namespace is None else run_inside(namespace, open_there)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def check(self) -> None:
        """Make sure that the namespace of that name is still the one that is listened to.

        A namespace that lost its name lives on while somebody holds a socket in it; the next of
        that name is another.

        Raises:
            DeviceUnreachable: It is gone, or was replaced.
        """
        if _identity(self._namespace) != self._identity:
            raise DeviceUnreachable("its namespace was replaced", device=str(self._namespace))

    def wait(self, timeout_s: float) -> tuple[bool, bool]:
        """Wait for events and take all there are.

        Returns:
            Whether anything changed, and whether a link did.
        """
        # Not select(2): it takes no descriptor beyond 1,023, and hundreds of routers have more.
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        ready = waiting.poll(timeout_s * 1e3)
        kinds = set(self._drain()) if ready else set()
        return bool(kinds), bool(kinds & _LINK_MESSAGES)

    def _drain(self) -> Iterator[int]:
        while True:
            try:
                yield from _kinds(self._socket.recv(_DATAGRAM_BYTES))
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # Events were dropped: anything may have changed.
                yield from _LINK_MESSAGES


def _identity(namespace: str | None) -> object:
    """What tells a namespace from an earlier one of its name.

    Raises:
        DeviceUnreachable: There is none.
    """
    if namespace is None:
        return None
    try:
        found = (NETNS_DIR / namespace).stat()
    except OSError as error:
        raise DeviceUnreachable(
            f"there is no network namespace of that name: {error.strerror}", device=namespace
        ) from error
    return found.st_dev, found.st_ino


def _subscribed() -> socket.socket:
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    events = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
    events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    events.bind((0, _GROUPS))
    return events


def _kinds(datagram: bytes) -> Iterator[int]:
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind = _HEADER.unpack_from(datagram, offset)
        if length < _HEADER.size:
            return
        yield kind
        offset += (length + 3) & ~3
