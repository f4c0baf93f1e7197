"""A containerlab file carried out as it stands: its containers, its cables, its commands.

For labs of any `linux` containers, hosts and traffic generators among them. The shadow's own labs
are carried out by `containers`, which also drives their routers.
"""

import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from pyroute2 import IPRoute

from foreshadow.errors import EmulationFailed
from frr.namespace import NETNS_DIR, run_inside
from shadow.emulation import cables, namespaces
from shadow.emulation.clab import ClabEnd, ClabLab, ClabNode
from shadow.emulation.engine import LABEL, ContainerPlan, Engine
from shadow.emulation.engine_socket import OWN_ENGINE
from shadow.emulation.shaping import Port

_AT_ONCE = 8


class ClabDeployment:
    """One lab of containers; it is there from `up` to `down`."""

    def __init__(self, lab: ClabLab, *, run_id: str, url: str = OWN_ENGINE) -> None:
        """Connect to the engine; nothing is made yet.

        Args:
            lab: What to carry out.
            run_id: `fs3fa9c1`; everything it makes is called `<run_id>-<lab>-<node>`.
            url: Where the container engine listens.

        Raises:
            EnvironmentUnfit: Nothing answers there.
        """
        self._lab, self._prefix = lab, f"{run_id}-{lab.name}"
        self._engine = Engine(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> tuple[str, ...]:
        """Start the containers, lay the cables, run the commands; returns what these printed.

        Raises:
            EmulationFailed: An image is missing, a container ended, a command failed.
        """
        lacking = {it.image for it in self._lab.nodes if not self._engine.has_image(it.image)}
        if lacking:
            raise EmulationFailed(
                f"the engine has no image {', '.join(sorted(lacking))}; none is fetched: load it "
                "with `docker load` or `docker import`"
            )
        try:
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
                list(pool.map(self._start, self._lab.nodes))
            self._lay()
            return tuple(self._commanded())
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Remove everything; safe to call at any time and twice."""
        names = [self.name(node.name) for node in self._lab.nodes]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            list(pool.map(self._engine.remove, names))
        for name in names:
            namespaces.remove(name)

    def name(self, node: str) -> str:
        """What a node's container and namespace are called."""
        return f"{self._prefix}-{node}"

    def execute(self, node: str, command: str) -> str:
        """What a command prints at a node.

        Raises:
            EmulationFailed: It failed.
        """
        return self._engine.execute(self.name(node), shlex.split(command))

    def _start(self, node: ClabNode) -> None:
        name = self.name(node.name)
        self._engine.run(
            ContainerPlan(
                name=name,
                hostname=node.name,
                image=node.image,
                binds=node.binds,
                environment=node.environment,
                command=tuple(shlex.split(node.command or "")),
                entrypoint=None if node.entrypoint is None else tuple(shlex.split(node.entrypoint)),
                user=node.user,
                sysctls=node.sysctls,
                labels={**node.labels, LABEL: self._prefix},
            )
        )
        namespaces.name_that_of(self._engine.pid(name), name)

    def _lay(self) -> None:
        cables.lay((self._port(link.a), self._port(link.b)) for link in self._lab.links)
        for link in self._lab.links:
            for end in (self._port(link.a), self._port(link.b)):
                _bring_up(end, mtu_bytes=link.mtu_bytes)

    def _port(self, end: ClabEnd) -> Port:
        return Port(self.name(end.node), end.interface)

    def _commanded(self) -> Iterator[str]:
        for node in self._lab.nodes:
            for command in node.exec_commands:
                yield self.execute(node.name, command)


def _bring_up(end: Port, *, mtu_bytes: int | None) -> None:
    def change() -> None:
        with IPRoute() as netlink:
            index = netlink.link_lookup(ifname=end.interface)[0]
            if mtu_bytes is not None:
                netlink.link("set", index=index, mtu=mtu_bytes)
            netlink.link("set", index=index, state="up")

    if not (NETNS_DIR / end.netns).exists():
        raise EmulationFailed(f"the container {end.netns} ended")
    run_inside(end.netns, change)
