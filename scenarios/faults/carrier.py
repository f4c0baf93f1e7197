"""Carrier of several links together: cut those that are up, give back those that were."""

import time
from collections.abc import Iterable

from foreshadow.topology import LinkId
from scenarios.faults.cable import without_carrier
from scenarios.faults.fault import Memory, recall
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink

_UP = "up"


def noted(links: Iterable[LabLink]) -> Memory:
    """Those of the links that are up, as something to remember."""
    return ((_UP, " ".join(link.id for link in links if link.is_up)),)


def remembered(lab: Emulator, memory: Memory) -> tuple[LabLink, ...]:
    """The links that were up."""
    return tuple(lab.spec.link(name) for name in recall(memory, _UP).split())


def cut(lab: Emulator, memory: Memory) -> float:
    """Take the carrier of all of them; returns the moment of the first, monotonic."""
    moments = [lab.set_link(LinkId(link.id), is_up=False) for link in remembered(lab, memory)]
    return min(moments, default=time.monotonic())


def give_back(lab: Emulator, memory: Memory) -> float:
    """Give them their carrier again; returns the moment of the last, monotonic."""
    moments = [lab.set_link(LinkId(link.id), is_up=True) for link in remembered(lab, memory)]
    return max(moments, default=time.monotonic())


def not_cut(lab: Emulator, memory: Memory) -> str:
    """Which of them has carrier at an end, as a sentence; "" for none."""
    lit = [it.id for it in remembered(lab, memory) if len(without_carrier(lab, it)) < 2]
    return f"carrier is still on {', '.join(lit)}" if lit else ""


def not_given_back(lab: Emulator, memory: Memory) -> str:
    """Which of them lacks carrier at an end, as a sentence; "" for none."""
    dark = [it.id for it in remembered(lab, memory) if without_carrier(lab, it)]
    return f"no carrier on {', '.join(dark)}" if dark else ""
