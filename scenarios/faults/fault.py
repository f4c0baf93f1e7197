"""What every fault can do, whatever it breaks.

A fault is a frozen value: what it breaks and how. What undoing it needs to know of the network as
it was (the lines of a configuration, the shape of a link) is its `Memory`, read before anything is
touched and small enough to be written to the drill's journal: whoever finds the journal after a
`kill -9` can undo the fault without having been there.
"""

from typing import ClassVar, Protocol

import msgspec

from foreshadow.demand import DemandMatrix
from shadow.emulation.emulator import Emulator

Memory = tuple[tuple[str, str], ...]
"""What undo needs, as (name, text) pairs; the same on paper as in memory."""

NOTHING: Memory = ()


def recall(memory: Memory, name: str) -> str:
    """What was remembered under a name; "" for nothing."""
    return dict(memory).get(name, "")


class FaultValue(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every fault is as a value: fields that a plan and a journal can carry.

    The first line of a fault's docstring is what a catalogue prints about its kind.
    """

    undoing: ClassVar[str]
    """How it is taken back, as an imperative: what a plan lists before anything is touched."""


class Fault(Protocol):
    """A failure of the network; the verifying calls say what is missing, "" when nothing is."""

    @property
    def name(self) -> str:
        """What a person calls it: `CHINng-NYCMng down`."""
        ...

    def remember(self, lab: Emulator) -> Memory:
        """What undo will need to know; changes nothing.

        Raises:
            ConfigError: The fault does not apply to this lab.
        """
        ...

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Make it happen; returns the moment, by the monotonic clock."""
        ...

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """What speaks against the fault being there."""
        ...

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Take it back; returns the moment, monotonic. Safe to call twice, and when half done."""
        ...

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """What speaks against the fault being gone."""
        ...


class DemandFault(Protocol):
    """A change of the traffic offered to the network; there is nothing to undo."""

    @property
    def name(self) -> str:
        """What a person calls it: `demand ATLAng to 10.3.0.0/16 x 3`."""
        ...

    def applied(self, demand: DemandMatrix) -> DemandMatrix:
        """The demand while it lasts.

        Raises:
            ConfigError: The fault does not apply to this demand.
        """
        ...

    def verify(self, offered: DemandMatrix, usual: DemandMatrix) -> str:
        """What speaks against `offered` being this fault applied to `usual`."""
        ...
