"""A router's control plane hangs: its daemons stand still, its kernel forwards on."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import daemons, witness
from scenarios.faults.fault import FaultValue, Memory
from shadow.emulation.emulator import DaemonState, Emulator


class NodeFrozen(FaultValue, frozen=True, kw_only=True, tag="node-frozen.v1"):
    """A router's control plane hangs: its daemons stand still, its kernel forwards on.

    Neighbors notice when their dead interval, hold time or BFD runs out, not before.
    """

    undoing: ClassVar[str] = "let the daemons go on"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} frozen"

    def remember(self, lab: Emulator) -> Memory:
        """Which daemons run, and whose neighbor it is."""
        lab.spec.node(self.node)
        running = daemons.noted(lab, self.node)
        if not daemons.remembered(running):
            raise ConfigError(f"none of the daemons of {self.node} runs; nothing can freeze")
        return *running, *witness.of_node(lab, self.node)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Stop the daemons where they are."""
        del memory
        return lab.freeze(self.node)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the daemons stand still and its IGP neighbors have given it up.

        A router without an IGP is given up by its BGP peers, which takes their hold time.
        """
        if said := daemons.not_all(lab, self.node, memory, DaemonState.FROZEN):
            return said
        noticing = witness.IGPS if witness.has_any(memory, witness.IGPS) else witness.ALL
        return witness.not_noticed(lab, memory, noticing)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Let them go on."""
        del memory
        return lab.thaw(self.node)

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the daemons run and every neighbor is back."""
        return daemons.not_all(lab, self.node, memory, DaemonState.RUNNING) or witness.not_again(
            lab, memory
        )
