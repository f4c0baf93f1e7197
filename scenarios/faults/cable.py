"""What the kernel says about the two ends of a link, asked at the routers themselves."""

import fcntl
import socket
import struct

from pyroute2 import IPRoute

from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.topology import NodeId
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd, LabLink

_SIOCGIFFLAGS, _SIOCGIFMTU, _SIOCSIFMTU = 0x8913, 0x8921, 0x8922
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_FLAGS, _MTU = struct.Struct("=16sH22x"), struct.Struct("=16si20x")


def end_at(link: LabLink, node: NodeId | None) -> LabEnd:
    """The end of a link at a router; the first one where none is named.

    Raises:
        ConfigError: The link does not end there.
    """
    for end in (link.a, link.b):
        if node in (None, end.node):
            return end
    raise ConfigError(f"{link.id} does not end at {node}; it joins {link.a.node} and {link.b.node}")


def has_carrier(lab: Emulator, end: LabEnd) -> bool:
    """Whether an interface is up and running."""
    answer = _ioctl(lab, end, _SIOCGIFFLAGS, _FLAGS.pack(end.interface.encode(), 0))
    flags: int = _FLAGS.unpack(answer)[1]
    return bool(flags & _IFF_UP) and bool(flags & _IFF_RUNNING)


def without_carrier(lab: Emulator, link: LabLink) -> tuple[LabEnd, ...]:
    """The ends of a link that have none."""
    return tuple(end for end in (link.a, link.b) if not has_carrier(lab, end))


def carrier_losses(lab: Emulator, end: LabEnd) -> int:
    """How often an interface lost its carrier since it was made, as the kernel counts."""
    with lab.inside(end.node), IPRoute() as netlink:
        found = netlink.get_links(ifname=end.interface)
    if not found:
        raise EmulationFailed(f"{end.node} has no interface {end.interface}")
    return int(found[0].get_attr("IFLA_CARRIER_DOWN_COUNT"))


def queueing(lab: Emulator, end: LabEnd) -> str:
    """What the kernel holds of an interface's queues and filters, as text to compare."""
    state = lab.kernel_state(end.node)
    queues = (line for line in state.qdiscs if f'"{end.interface}"' in line)
    filters = (line.strip() for line in state.filters if end.interface in line)
    return "\n".join((*queues, *filters))


def mtu_bytes(lab: Emulator, end: LabEnd) -> int:
    """The largest packet an interface takes, IP header included."""
    answer = _ioctl(lab, end, _SIOCGIFMTU, _MTU.pack(end.interface.encode(), 0))
    size: int = _MTU.unpack(answer)[1]
    return size


def set_mtu(lab: Emulator, end: LabEnd, size_bytes: int) -> None:
    """Change the largest packet an interface takes."""
    _ioctl(lab, end, _SIOCSIFMTU, _MTU.pack(end.interface.encode(), size_bytes))


def _ioctl(lab: Emulator, end: LabEnd, number: int, request: bytes) -> bytes:
    # An ioctl acts in the namespace its socket was made in.
    with lab.inside(end.node):
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    with control:
        try:
            return fcntl.ioctl(control, number, request)
        except OSError as error:
            raise EmulationFailed(f"{end.node}: interface {end.interface}: {error}") from error
