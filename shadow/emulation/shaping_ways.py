"""By what this host can give a link its rate, its delay and its loss; each really tried, once.

netem does all three. A kernel without it has tbf for the rate, nftables for the loss, and for the
delay a tap device whose frames a process of ours holds back (`shaping_relay`).
"""

import ctypes
import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from foreshadow.errors import ConfigError, EmulationFailed
from shadow.emulation import shaping_kernel as kernel
from shadow.emulation.lab import LinkShape
from shadow.emulation.tun import Layer, open_device

_CLONE_NEWNET = 0x4000_0000
_libc = ctypes.CDLL(None, use_errno=True)
_TRIED = LinkShape(rate_bps=1e6, delay_s=0.001, loss_ratio=0.01)


class Way(StrEnum):
    """How a property of a link is made."""

    NETEM = "netem"
    TBF = "tbf"
    NFT = "nft"
    TAP_RELAY = "tap relay"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What was found.

    Attributes:
        lacks: Per way that is missing, what the kernel or the tool said.
    """

    rate: Way
    delay: Way
    loss: Way
    lacks: tuple[str, ...] = ()

    @property
    def has_netem(self) -> bool:
        """One qdisc does everything."""
        return self.delay is Way.NETEM

    def refuse(self, shape: LinkShape) -> None:
        """Nothing, where the host can do all that the shape asks for.

        Raises:
            ConfigError: It cannot; with what is missing.
        """
        asked = {
            "rate": shape.rate_bps is not None and self.rate is Way.NONE,
            "delay": shape.delay_s > 0 and self.delay is Way.NONE,
            "loss": shape.loss_ratio > 0 and self.loss is Way.NONE,
        }
        missing = [name for name, is_missing in asked.items() if is_missing]
        if missing:
            raise ConfigError(
                f"this host cannot give a link {' and '.join(missing)}: {'; '.join(self.lacks)}; "
                "a kernel with sch_netem can (modprobe sch_netem)"
            )


@functools.cache
def ways() -> Ways:
    """What this host has; tried in a nameless network namespace that vanishes with its thread.

    Raises:
        EmulationFailed: No network namespace can be made.
    """
    found: list[Ways] = []
    failure: list[OSError] = []

    def try_all() -> None:
        if _libc.unshare(_CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            failure.append(OSError(code, f"unshare: {os.strerror(code)}"))
            return
        found.append(_tried())

    thread = threading.Thread(target=try_all, name="shaping-ways")
    thread.start()
    thread.join()
    if not found:
        why = failure[0] if failure else "the attempt ended without an answer"
        raise EmulationFailed(f"no network namespace: {why}")
    return found[0]


def _tried() -> Ways:
    lacks: list[str] = []

    def has(way: Way, attempt: Callable[[], object]) -> bool:
        try:
            attempt()
        except (NetlinkError, EmulationFailed, OSError) as error:
            lacks.append(f"{way}: {_reason(error)}")
            return False
        return True

    with IPRoute() as netlink:
        loopback = netlink.link_lookup(ifname="lo")[0]
        if has(Way.NETEM, lambda: kernel.set_netem("lo", _TRIED)):
            return Ways(rate=Way.NETEM, delay=Way.NETEM, loss=Way.NETEM)
        rate = has(Way.TBF, lambda: kernel.set_tbf(netlink, loopback, 1e6, mtu=1500))
        loss = has(Way.NFT, lambda: kernel.filter_frames({loopback: ("lo", _TRIED.loss_ratio, "")}))
        delay = has(Way.TAP_RELAY, lambda: _try_tap(netlink, loopback))
    return Ways(
        rate=Way.TBF if rate else Way.NONE,
        loss=Way.NFT if loss else Way.NONE,
        delay=Way.TAP_RELAY if delay else Way.NONE,
        lacks=tuple(lacks),
    )


def _try_tap(netlink: IPRoute, loopback: int) -> None:
    tap = open_device(kernel.tap_name(loopback), Layer.FRAMES)
    try:
        kernel.lead_out(netlink, kernel.tap_name(loopback), loopback)
        kernel.filter_frames({loopback: ("lo", 0.0, kernel.tap_name(loopback))})
    finally:
        os.close(tap)


def _reason(error: Exception) -> str:
    return error.args[1] if isinstance(error, NetlinkError) else str(error)
