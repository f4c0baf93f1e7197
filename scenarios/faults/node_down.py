"""A router dies: no daemon runs and no link of it has carrier."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import carrier, daemons, lost_routes, witness
from scenarios.faults.fault import FaultValue, Memory
from shadow.emulation.emulator import DaemonState, Emulator


class NodeDown(FaultValue, frozen=True, kw_only=True, tag="node-down.v1"):
    """A router dies: no daemon runs and no link of it has carrier."""

    undoing: ClassVar[str] = "start the daemons and give the links their carrier again"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} down"

    def remember(self, lab: Emulator) -> Memory:
        """Which daemons run, which links are up, and whose neighbor it is."""
        lab.spec.node(self.node)
        running = daemons.noted(lab, self.node)
        if not daemons.remembered(running):
            raise ConfigError(f"{self.node} is down already: none of its daemons runs")
        links = [it for it in lab.spec.links if self.node in (it.a.node, it.b.node)]
        return *running, *carrier.noted(links), *witness.of_node(lab, self.node)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut its links and kill its daemons."""
        at_s = carrier.cut(lab, memory)
        lab.kill_daemons(self.node, daemons.remembered(memory))
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether no daemon runs, no link has carrier and no neighbor is left."""
        return (
            daemons.not_all(lab, self.node, memory, DaemonState.DEAD)
            or carrier.not_cut(lab, memory)
            or witness.not_noticed(lab, memory, witness.IGPS)
        )

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Start the daemons, then give the links their carrier."""
        lab.start_daemons(self.node, daemons.remembered(memory))
        at_s = carrier.give_back(lab, memory)
        lost_routes.bring_back_after(lab, memory)
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether daemons, carrier and neighbors are back."""
        return (
            daemons.not_all(lab, self.node, memory, DaemonState.RUNNING)
            or carrier.not_given_back(lab, memory)
            or witness.not_again(lab, memory)
        )
