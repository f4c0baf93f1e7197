"""Which daemons of a router ran before a fault, and how they are now."""

from foreshadow.topology import NodeId
from frr.configuration import Daemon
from scenarios.faults.fault import Memory, recall
from shadow.emulation.emulator import DaemonState, Emulator

_RUNNING = "running"


def noted(lab: Emulator, node: NodeId) -> Memory:
    """The daemons that run, as something to remember."""
    running = [it for it, state in lab.daemons(node).items() if state is DaemonState.RUNNING]
    return ((_RUNNING, " ".join(running)),)


def remembered(memory: Memory) -> tuple[Daemon, ...]:
    """Those that ran."""
    return tuple(Daemon(name) for name in recall(memory, _RUNNING).split())


def not_all(lab: Emulator, node: NodeId, memory: Memory, wanted: DaemonState) -> str:
    """Which of them is in another state than wanted, as a sentence; "" for none."""
    now = lab.daemons(node)
    for daemon in remembered(memory):
        if now[daemon] is not wanted:
            return f"{daemon} of {node} is {now[daemon]}, not {wanted}"
    return ""
