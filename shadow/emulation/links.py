"""The cables of a running lab: laid, raised together, cut, silenced, shaped, taken away."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.topology import NodeId
from shadow.emulation import cables
from shadow.emulation.lab import PLAIN, LabEnd, LabLink, LabSpec, LinkShape
from shadow.emulation.namespaces import Namespace
from shadow.emulation.neighbors import GROUPS, Addresses
from shadow.emulation.shaping import LinkShaper, Port
from shadow.emulation.silence import end_silence, silence, silent_interfaces

_CARRIER_WITHIN_S = 2.0
_POLL_S = 0.001


class LabLinks:
    """The cables between some namespaces, and how each one is."""

    def __init__(
        self, links: Iterable[LabLink], namespaces: Mapping[NodeId, Namespace], shaper: LinkShaper
    ) -> None:
        """Know of them; none is laid.

        Args:
            links: As they are to be, or as they are.
            namespaces: The routers'; routers may come and go.
            shaper: Gives links rate, delay and loss.
        """
        self._links = {link.id: link for link in links}
        self._namespaces, self._shaper = namespaces, shaper

    def all(self) -> tuple[LabLink, ...]:
        """Every link as it is now."""
        return tuple(self._links.values())

    def named(self, link_id: str) -> LabLink:
        """The link of that name, whichever end is written first.

        Raises:
            ConfigError: There is none.
        """
        return LabSpec(nodes=(), links=self.all()).link(link_id)

    def lay(self, links: Collection[LabLink]) -> None:
        """Lay cables, shaped and silent as they are to be; every end is down.

        Raises:
            EmulationFailed: The kernel refused one.
        """
        cables.lay((self._port(link.a), self._port(link.b)) for link in links)
        shapes = {self._port(end): link.shape for link in links for end in link_ends(link)}
        self._shaper.apply(shapes, are_new=True)
        for link in links:
            for end in link_ends(link) if link.is_silent else ():
                silence(self._at(end).name, end.interface)

    def raise_together(self, links: Iterable[LabLink], known: Addresses) -> None:
        """Give those links carrier that are to have it, all at the same moment.

        Args:
            links: Which ones.
            known: Addresses that need not be learnt (see `neighbors`).
        """
        for link in links:
            for near, far in (link_ends(link), link_ends(link)[::-1]):
                self._at(near).set_up(near.interface, is_up=link.is_up)
                if link.is_up:
                    mac = self._at(far).link_address(far.interface)
                    neighbors = GROUPS | dict.fromkeys(known.get(far, ()), mac)
                    self._at(near).set_neighbors(near.interface, neighbors)

    def hold_down(self, node: NodeId, *, all_of_them: bool) -> None:
        """Keep a router's cut links cut, or all of its links: zebra raises what it addresses."""
        for link in self.all():
            for end in link_ends(link):
                if end.node == node and (all_of_them or not link.is_up):
                    self._at(end).set_up(end.interface, is_up=False)

    def set_up(self, link: LabLink, *, is_up: bool) -> float:
        """Cut or restore a link at both ends and see it; returns the moment, monotonic.

        Raises:
            EmulationFailed: The carrier did not follow.
        """
        at_s = time.monotonic()
        for end in link_ends(link):
            self._at(end).set_up(end.interface, is_up=is_up)
            if is_up:
                self._at(end).set_neighbors(end.interface, GROUPS)
        for end in link_ends(link):
            self._verify_carrier(link, end, is_up=is_up)
        self._links[link.id] = replace(link, is_up=is_up)
        return at_s

    def set_silent(self, link: LabLink, *, is_silent: bool) -> float:
        """Silence a link at both ends or let it carry again.

        Returns:
            When the first end fell silent, or the last one was heard again; monotonic.

        Raises:
            EmulationFailed: The kernel refused.
        """
        begun_s = time.monotonic()
        for end in link_ends(link):
            (silence if is_silent else end_silence)(self._at(end).name, end.interface)
        self._links[link.id] = replace(link, is_silent=is_silent)
        return begun_s if is_silent else time.monotonic()

    def shape(self, link: LabLink, shape: LinkShape) -> float:
        """Give a link a shape; returns the moment, monotonic.

        Raises:
            ConfigError: The host has no way to do it.
            EmulationFailed: The kernel refused.
        """
        at_s = self._shaper.apply({self._port(end): shape for end in link_ends(link)})
        self._links[link.id] = replace(link, shape=shape)
        return at_s

    def refuse(self, link: LabLink) -> None:
        """Refuse a link that cannot be added.

        Raises:
            ConfigError: Its name or an interface of it is taken.
        """
        if link.id in self._links:
            raise ConfigError(f"the lab has a link {link.id!r} already")
        taken = {end for it in self.all() for end in link_ends(it)}
        for end in link_ends(link):
            if end in taken:
                raise ConfigError(f"{link.id}: {end.node} {end.interface} is taken")

    def add(self, link: LabLink) -> None:
        """Lay one more cable; one that a killed process laid there and did not note goes first.

        Raises:
            EmulationFailed: The kernel refused.
        """
        for end in link_ends(link):
            cables.take_away(self._port(end))
        self.lay([link])
        self.raise_together([link], {})
        self._links[link.id] = link

    def remove(self, link: LabLink) -> None:
        """Take a cable away, its shape and silence first."""
        if link.shape != PLAIN:
            self.shape(link, PLAIN)
        if link.is_silent:
            self.set_silent(link, is_silent=False)
        cables.take_away(self._port(link.a))
        del self._links[link.id]

    def look(self) -> None:
        """Take carrier and silence from the kernel; half cut is cut, half silent is silent."""
        silent = {node: silent_interfaces(it.name) for node, it in self._namespaces.items()}
        for link in self.all():
            ends = link_ends(link)
            self._links[link.id] = replace(
                link,
                is_up=all(self._at(end).is_set_up(end.interface) for end in ends),
                is_silent=any(end.interface in silent[end.node] for end in ends),
            )

    def _verify_carrier(self, link: LabLink, end: LabEnd, *, is_up: bool) -> None:
        deadline = time.monotonic() + _CARRIER_WITHIN_S
        while self._at(end).is_running(end.interface) is not is_up:
            if time.monotonic() > deadline:
                state = "up" if is_up else "down"
                raise EmulationFailed(f"{link.id}: {end.node} {end.interface} did not go {state}")
            time.sleep(_POLL_S)

    def _at(self, end: LabEnd) -> Namespace:
        if end.node not in self._namespaces:
            raise EmulationFailed(f"the router {end.node} is not running")
        return self._namespaces[end.node]

    def _port(self, end: LabEnd) -> Port:
        return Port(self._at(end).name, end.interface)


def link_ends(link: LabLink) -> tuple[LabEnd, LabEnd]:
    """Both ends of a link."""
    return link.a, link.b
