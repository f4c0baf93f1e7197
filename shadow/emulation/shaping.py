"""Rate, delay and loss on the links of a running lab, each way alike, and away again.

What is wanted is compared with what the kernel holds, never with what was done before: the same
call gives a link its first shape, changes it, takes it away, and works in a lab whose owner died.
Neither end's interface goes down, so no adjacency notices.
"""

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from foreshadow.errors import EmulationFailed
from frr.namespace import run_inside
from shadow.emulation import shaping_kernel as kernel
from shadow.emulation.lab import PLAIN, LinkShape
from shadow.emulation.shaping_delay import DelayRelay
from shadow.emulation.shaping_ways import ways
from shadow.emulation.tun import Layer, open_device


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """One end of a link: an interface in the network namespace of that name."""

    netns: str
    interface: str


class LinkShaper:
    """The shapes of one lab's links."""

    def __init__(self, lab: str) -> None:
        """Nothing is made before the first shape asks for it.

        Args:
            lab: `fs3fa9c1-bench`: what the names of the lab's namespaces begin with.
        """
        self._relay = DelayRelay(lab)

    def apply(self, wanted: Mapping[Port, LinkShape], *, are_new: bool = False) -> float:
        """Make interfaces do this to the frames they send and take in.

        Args:
            wanted: Shape by interface, both ends of a link; `PLAIN` takes everything away.
            are_new: The interfaces were made just now and have no shape yet, which saves asking.

        Returns:
            The moment of the change, monotonic.

        Raises:
            ConfigError: The host has no way to do it.
            EmulationFailed: The kernel refused.
        """
        shapes: dict[str, dict[str, LinkShape]] = defaultdict(dict)
        for port, shape in wanted.items():
            ways().refuse(shape)
            if not (are_new and shape == PLAIN):
                shapes[port.netns][port.interface] = shape
        if any(shape.delay_s > 0 for shape in wanted.values()) and not ways().has_netem:
            self._relay.start()  # From here: it belongs in no router's namespace.
        at_s = time.monotonic()
        for netns, here in shapes.items():
            try:
                run_inside(netns, _Shaping(netns, here, self._relay, are_new=are_new).apply)
            except (NetlinkError, OSError) as error:
                raise EmulationFailed(f"{netns}: a link did not take its shape: {error}") from error
        return at_s

    def close(self) -> None:
        """End what runs outside the namespaces; the rest goes with them."""
        self._relay.close()


@dataclass(frozen=True, slots=True)
class _Interface:
    name: str
    index: int
    mtu: int
    shape: LinkShape
    key: str
    """What the relay knows it by."""

    @property
    def tap(self) -> str:
        return kernel.tap_name(self.index)


class _Shaping:
    """One change of the interfaces in one namespace, by a thread that is there."""

    def __init__(
        self, netns: str, shapes: Mapping[str, LinkShape], relay: DelayRelay, *, are_new: bool
    ) -> None:
        self._netns, self._shapes, self._relay, self._are_new = netns, shapes, relay, are_new

    def apply(self) -> None:
        """Ways in first, ways out last: no frame is led to where nothing takes it."""
        with IPRoute() as netlink:
            interfaces = [self._find(netlink, name) for name in self._shapes]
            if ways().has_netem:
                for each in interfaces:
                    _set_netem(netlink, each)
                return
            for each in interfaces:
                if each.shape.delay_s > 0:
                    self._delay(netlink, each)
            self._filter(interfaces)
            for each in interfaces:
                if each.shape.delay_s > 0:
                    kernel.clear_root(netlink, each.index)
                else:
                    _limit(netlink, each.index, each)
                    if netlink.link_lookup(ifname=each.tap):
                        self._relay.release(each.key)

    def _find(self, netlink: IPRoute, name: str) -> _Interface:
        found = netlink.get_links(ifname=name)
        if not found:
            raise EmulationFailed(f"{self._netns} has no interface {name}")
        return _Interface(
            name=name,
            index=found[0]["index"],
            mtu=found[0].get_attr("IFLA_MTU"),
            shape=self._shapes[name],
            key=f"{self._netns}/{name}",
        )

    def _delay(self, netlink: IPRoute, each: _Interface) -> None:
        delay_s = each.shape.delay_s
        if not self._relay.change(each.key, delay_s):
            tap = open_device(each.tap, Layer.FRAMES)
            try:
                self._relay.take(each.key, delay_s, tap)
            finally:
                os.close(tap)
            kernel.lead_out(netlink, each.tap, each.index)
        _limit(netlink, netlink.link_lookup(ifname=each.tap)[0], each)

    def _filter(self, interfaces: list[_Interface]) -> None:
        filters = {
            each.index: (
                each.name,
                each.shape.loss_ratio,
                each.tap if each.shape.delay_s > 0 else "",
            )
            for each in interfaces
            if not self._are_new or each.shape.loss_ratio or each.shape.delay_s
        }
        if filters:
            kernel.filter_frames(filters)


def _set_netem(netlink: IPRoute, each: _Interface) -> None:
    if each.shape == PLAIN:
        kernel.clear_root(netlink, each.index)
    else:
        kernel.set_netem(each.name, each.shape)


def _limit(netlink: IPRoute, device: int, each: _Interface) -> None:
    """Let a device send at the interface's rate."""
    if each.shape.rate_bps is None:
        kernel.clear_root(netlink, device)
    else:
        kernel.set_tbf(netlink, device, each.shape.rate_bps, mtu=each.mtu)
