"""One daemon of a router dies; the others and the kernel's tables stay."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId
from frr.configuration import Daemon
from scenarios.faults.fault import FaultValue


class DaemonCrash(FaultValue, frozen=True, kw_only=True, tag="daemon-crash.v1"):
    """One daemon of a router dies; the others and the kernel's tables stay."""

    undoing: ClassVar[str] = "start the daemon with the configuration it had"
    node: NodeId
    daemon: Annotated[Daemon, Meta(description="bgpd, ospfd...")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.daemon} of {self.node} crashed"
