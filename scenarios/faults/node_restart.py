"""A router's daemons are killed and started again, links up all the time."""

import time
from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import daemons, witness
from scenarios.faults.fault import FaultValue, Memory, recall
from shadow.emulation.emulator import DaemonState, Emulator

_AT = "at"


class NodeRestart(FaultValue, frozen=True, kw_only=True, tag="node-restart.v1"):
    """A router's daemons are killed and started again, links up all the time.

    That it happened is seen by its adjacencies and sessions: they are younger than before.
    """

    undoing: ClassVar[str] = "nothing to take back: see that every daemon runs and is a neighbor"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} restarted"

    def remember(self, lab: Emulator) -> Memory:
        """Which daemons run, whose neighbor it is, and now."""
        lab.spec.node(self.node)
        running = daemons.noted(lab, self.node)
        if not daemons.remembered(running):
            raise ConfigError(f"none of the daemons of {self.node} runs; nothing can restart")
        neighbors = (*witness.of_node(lab, self.node), *witness.of_itself(lab, self.node))
        return *running, *neighbors, (_AT, str(time.monotonic()))

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Kill them and start them, unless that was done already."""
        at_s = time.monotonic()
        if self._unbroken(lab, memory):
            at_s = lab.kill_daemons(self.node, daemons.remembered(memory))
        lab.start_daemons(self.node, daemons.remembered(memory))
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the daemons run and nothing it has with neighbors is as old as before."""
        said = daemons.not_all(lab, self.node, memory, DaemonState.RUNNING)
        return said or self._unbroken(lab, memory)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """See that they run, also when the restart was cut short."""
        return lab.start_daemons(self.node, daemons.remembered(memory))

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether every daemon runs and every neighbor is back."""
        said = daemons.not_all(lab, self.node, memory, DaemonState.RUNNING)
        return said or witness.not_again(lab, memory)

    def _unbroken(self, lab: Emulator, memory: Memory) -> str:
        since_s = time.monotonic() - float(recall(memory, _AT))
        return witness.unbroken(lab, memory, since_s)
