"""How long a fault takes from the decision to the moment at which it was seen in the lab."""

from collections.abc import Callable, Iterator
from statistics import median

from benchmarks._grid import grid
from benchmarks._labs import lab_of
from benchmarks._report import Row
from foreshadow.clock import SystemClock
from foreshadow.topology import LinkId, NodeId
from scenarios.faults.cost_changed import CostChanged
from scenarios.faults.fault import Fault, Memory
from scenarios.faults.link_degrade import LinkDegrade
from scenarios.faults.link_down import LinkDown
from scenarios.faults.link_silent import LinkSilent
from scenarios.faults.node_down import NodeDown
from scenarios.faults.overloaded import Overloaded
from scenarios.faults.partition import Partition
from scenarios.faults.session_down import SessionDown
from shadow.emulation.design import design
from shadow.emulation.emulator import Emulator

_ROUTERS, _TIMES = 20, 5
_TARGET_S = 1.0
_SEEN_WITHIN_S, _GONE_WITHIN_S = 10.0, 60.0
_SEEN_EVERY_S, _GONE_EVERY_S = 0.01, 0.2
_LINK, _NODE, _REFLECTOR = LinkId("R004-R005"), NodeId("R004"), NodeId("R000")
_FAULTS: tuple[Fault, ...] = (
    LinkDown(link=_LINK),
    LinkSilent(link=_LINK),
    LinkDegrade(link=_LINK, rate_bps=20e6, delay_s=0.01, loss_ratio=0.1),
    NodeDown(node=_NODE),
    Partition(nodes=(_NODE,)),
    SessionDown(node=_NODE, peer=_REFLECTOR),
    CostChanged(link=_LINK, cost=77),
    Overloaded(node=_NODE),
)
"""Those whose proof does not wait for one of the network's own timers."""


def fault_verified() -> Iterator[Row]:
    """Each fault injected and seen, on a running lab of 20 routers with OSPF and BGP."""
    _, spec = design(grid(_ROUTERS))
    with lab_of(spec) as lab:
        for fault in _FAULTS:
            times = [_seen_s(lab, fault) for _ in range(_TIMES)]
            name = f"fault injected and verified: {fault.name}"
            yield Row(
                name=name, value=median(times), unit="s", target=_TARGET_S, repetitions=_TIMES
            )


def _seen_s(lab: Emulator, fault: Fault) -> float:
    """Seconds from the call to the proof; the fault is gone afterwards."""
    clock = SystemClock()
    lab.wait_settled(quiet_s=1.0, within_s=_GONE_WITHIN_S)
    memory = fault.remember(lab)
    begun_s = clock.monotonic_s()
    try:
        fault.inject(lab, memory)
        _await_nothing(lambda: fault.verify(lab, memory), _SEEN_WITHIN_S, _SEEN_EVERY_S)
        return clock.monotonic_s() - begun_s
    finally:
        _undo(lab, fault, memory)


def _undo(lab: Emulator, fault: Fault, memory: Memory) -> None:
    fault.undo(lab, memory)
    _await_nothing(lambda: fault.verify_undone(lab, memory), _GONE_WITHIN_S, _GONE_EVERY_S)


def _await_nothing(says: Callable[[], str], within_s: float, every_s: float) -> None:
    """Wait until nothing speaks against it any more."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + within_s
    while against := says():
        if clock.monotonic_s() > until_s:
            raise RuntimeError(against)
        clock.sleep(every_s)
