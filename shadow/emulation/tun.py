"""Network devices whose other side is a process: what it writes, the kernel takes as received."""

import fcntl
import os
import struct
from enum import IntEnum
from pathlib import Path

from foreshadow.errors import EmulationFailed

_TUNSETIFF, _IFF_NO_PI = 0x4004_54CA, 0x1000
_IFREQ = struct.Struct("=16sH22x")


class Layer(IntEnum):
    """What is written and read, by the kernel's numbers."""

    PACKETS = 0x1
    """IP packets (tun)."""
    FRAMES = 0x2
    """Ethernet frames (tap)."""


def open_device(name: str, layer: Layer) -> int:
    """Make a device in the calling thread's namespace; it lives while the descriptor is open.

    It speaks no IP of its own, so that neither the router nor its neighbors ever hear of it.

    Raises:
        EmulationFailed: The kernel refused.
    """
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EmulationFailed(f"no tun or tap device: {error}") from error
    try:
        fcntl.ioctl(device, _TUNSETIFF, _IFREQ.pack(name.encode(), layer | _IFF_NO_PI))
        switch = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if switch.exists():  # A kernel without IPv6 has nothing to switch off.
            switch.write_text("1")
    except OSError as error:
        os.close(device)
        raise EmulationFailed(f"no tun or tap device {name}: {error}") from error
    return device
