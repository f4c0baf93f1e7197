"""How to act inside a router's network namespace: sockets stay there, the thread comes back.

A network namespace belongs to a thread, not to a process, so one process can hold sockets in many
of them. Python 3.11 has no `os.setns`, hence ctypes.
"""

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

from foreshadow.errors import DeviceUnreachable

T = TypeVar("T")

NETNS_DIR = Path("/var/run/netns")
"""Where `ip netns` keeps the names of network namespaces."""

_CLONE_NEWNET = 0x4000_0000
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(netns: str) -> Iterator[None]:
    """The calling thread is in network namespace `netns` for the length of the block.

    Only this thread moves. It is brought back whatever happens, also on KeyboardInterrupt: the way
    in lies within the block that leads out.

    Raises:
        DeviceUnreachable: There is no namespace of that name.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter_named(netns)
        yield
    finally:
        _enter(home)
        os.close(home)


def run_inside(netns: str, action: Callable[[], T]) -> T:
    """What `action` returns when a thread of its own runs it in `netns`; the caller never moves.

    Raises:
        DeviceUnreachable: There is no namespace of that name.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            with inside(netns):
                outcome.append(action())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it.
            failure.append(error)

    thread = threading.Thread(target=body, name=f"inside-{netns}")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def open_socket(
    netns: str | None, address: str | IPv4Address, port: int, *, timeout_s: float = 5.0
) -> socket.socket:
    """A TCP connection made from within `netns` (None: from here), e.g. for netmiko's `sock=`.

    Raises:
        DeviceUnreachable: No such namespace, or nobody listens there.
    """

    def connect() -> socket.socket:
        return socket.create_connection((str(address), port), timeout=timeout_s)

    try:
        return connect() if netns is None else run_inside(netns, connect)
    except OSError as error:
        raise DeviceUnreachable(
            f"no TCP connection to {address}:{port}: {error}", device=netns or str(address)
        ) from error


def _enter_named(netns: str) -> None:
    try:
        target = os.open(NETNS_DIR / netns, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceUnreachable(
            f"there is no network namespace of that name: {error.strerror}", device=netns
        ) from error
    try:
        _enter(target)
    finally:
        os.close(target)


def _enter(namespace_fd: int) -> None:
    if _libc.setns(namespace_fd, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")
