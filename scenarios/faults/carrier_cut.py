"""What every fault that takes carrier away does alike, whichever links it chooses."""

from scenarios.faults import carrier, lost_routes, witness
from scenarios.faults.fault import FaultValue, Memory
from shadow.emulation.emulator import Emulator


class CarrierCut(FaultValue, frozen=True, kw_only=True):
    """Links lose their carrier at both ends; a fault of this kind says in `remember` which."""

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut them, one right after the other."""
        return carrier.cut(lab, memory)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether none of them has carrier at either end."""
        return carrier.not_cut(lab, memory)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Plug in those that were up."""
        at_s = carrier.give_back(lab, memory)
        lost_routes.bring_back_after(lab, memory)
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether carrier and neighbors are back on each of them."""
        return carrier.not_given_back(lab, memory) or witness.not_again(lab, memory)
