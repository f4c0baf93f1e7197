"""A router's control plane hangs: its daemons stand still, its kernel forwards on."""

from typing import ClassVar

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


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
