"""A router's daemons are killed and started again, links up all the time."""

from typing import ClassVar

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class NodeRestart(FaultValue, frozen=True, kw_only=True, tag="node-restart.v1"):
    """A router's daemons are killed and started again, links up all the time."""

    undoing: ClassVar[str] = "nothing to take back: see that every daemon runs and is adjacent"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} restarted"
