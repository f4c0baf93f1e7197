"""Faults that do what a test tells them to, on whatever lab."""

from dataclasses import dataclass, field

from foreshadow.errors import ConfigError, EmulationFailed
from scenarios.faults.fault import Memory
from shadow.emulation.emulator import Emulator


@dataclass(kw_only=True)
class Recorder:
    """A fault that touches nothing and writes down what was asked of it."""

    name: str
    log: list[str]
    unseen: int = 0
    """How many looks it takes to see it."""
    stays: int = 0
    """How many looks it takes to see it gone."""
    fails: frozenset[str] = field(default_factory=frozenset)
    """Steps that break."""
    misfit: bool = False
    """It does not apply to the lab."""

    def remember(self, lab: Emulator) -> Memory:
        """Note that it was asked."""
        del lab
        if self.misfit:
            raise ConfigError(f"{self.name} does not apply")
        return (("of", self.name),)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Break, or pretend to."""
        return self._do("inject", lab, memory)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Seen after some looks."""
        del lab, memory
        self.unseen -= 1
        return f"{self.name} is not seen" if self.unseen >= 0 else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Mend, or break at it."""
        return self._do("undo", lab, memory)

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Gone after some looks."""
        del lab, memory
        self.stays -= 1
        return f"{self.name} is still there" if self.stays >= 0 else ""

    def _do(self, what: str, lab: Emulator, memory: Memory) -> float:
        del lab
        assert memory == (("of", self.name),)
        self.log.append(f"{what} {self.name}")
        if what in self.fails:
            raise EmulationFailed(f"{what} of {self.name} failed")
        return 0.0
