"""One daemon of a router dies; the others and the kernel's tables stay."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from frr.configuration import Daemon
from scenarios.faults import daemons, witness
from scenarios.faults.fault import FaultValue, Memory
from shadow.emulation.emulator import DaemonState, Emulator

_SPEAKS = {
    Daemon.OSPFD: witness.Protocol.OSPF,
    Daemon.ISISD: witness.Protocol.ISIS,
    Daemon.BGPD: witness.Protocol.BGP,
}


class DaemonCrash(FaultValue, frozen=True, kw_only=True, tag="daemon-crash.v1"):
    """One daemon of a router dies; the others and the kernel's tables stay.

    It says no goodbye: bgpd's peers notice by TCP at once, ospfd's and isisd's neighbors by their
    dead interval. After zebra all daemons are started again, as FRR's own watchdog does.
    """

    undoing: ClassVar[str] = "start the daemon with the configuration it had"
    node: NodeId
    daemon: Annotated[Daemon, Meta(description="bgpd, ospfd...")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.daemon} of {self.node} crashed"

    def remember(self, lab: Emulator) -> Memory:
        """Which daemons run, and whose neighbor the router is."""
        lab.spec.node(self.node)
        running = daemons.noted(lab, self.node)
        if self.daemon not in daemons.remembered(running):
            raise ConfigError(f"{self.node} runs no {self.daemon}; choose a daemon that runs")
        return *running, *witness.of_node(lab, self.node)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Kill it."""
        del memory
        return lab.kill_daemons(self.node, [self.daemon])

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether it is dead and those it spoke to have given it up."""
        state = lab.daemons(self.node)[self.daemon]
        if state is not DaemonState.DEAD:
            return f"{self.daemon} of {self.node} is {state}"
        spoken = [_SPEAKS[self.daemon]] if self.daemon in _SPEAKS else []
        return witness.not_noticed(lab, memory, frozenset(spoken))

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Start it again."""
        is_dead = lab.daemons(self.node)[Daemon.ZEBRA] is DaemonState.DEAD
        if self.daemon is Daemon.ZEBRA and is_dead:
            # The others do not tell a new zebra what they told the old one.
            lab.kill_daemons(self.node, daemons.remembered(memory))
        return lab.start_daemons(self.node, daemons.remembered(memory))

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether every daemon runs and every neighbor is back."""
        return daemons.not_all(lab, self.node, memory, DaemonState.RUNNING) or witness.not_again(
            lab, memory
        )
