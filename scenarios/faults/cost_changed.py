"""A link's IGP cost changes, both ways."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults.fault import Memory, recall
from scenarios.faults.link_state import ISIS, OSPF, costs, igps_at
from scenarios.faults.statement import ConfiguredFault, Statement, change, lines_of, not_mended
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd

_LINES = {OSPF: "ip ospf cost", ISIS: "isis metric"}
_COSTS = "costs"


class CostChanged(ConfiguredFault, frozen=True, kw_only=True, tag="cost-changed.v1"):
    """A link's IGP cost changes, both ways: `ip ospf cost`, `isis metric`."""

    undoing: ClassVar[str] = "enter the costs both ends had"
    link: LinkId
    cost: Annotated[int, Meta(ge=1, le=65_535, description="the new cost")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} at cost {self.cost}"

    def remember(self, lab: Emulator) -> Memory:
        """What each end's interface says about its cost, and what the other end reads."""
        link = lab.spec.link(self.link)
        broken: list[Statement] = []
        mended: list[Statement] = []
        for end in (link.a, link.b):
            for igp in igps_at(lab, end):
                broken.append(_statement(end, f"{_LINES[igp]} {self.cost}"))
                mended += _as_it_was(lab, end, _LINES[igp])
        if not broken:
            raise ConfigError(f"no IGP runs over {self.link}; it has no cost")
        before = self._read(lab)
        if all(read == frozenset({self.cost}) for read in before.values()):
            raise ConfigError(f"{self.link} costs {self.cost} already")
        noted = " ".join(f"{where}={min(read, default=0)}" for where, read in before.items())
        return ((_COSTS, noted), *change(broken, mended))

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether each end reads the new cost of the other in its link-state database."""
        del memory
        for where, read in self._read(lab).items():
            if self.cost not in read:
                return f"{where} is read at cost {_said(read)}, not {self.cost}"
        return ""

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether each end reads the cost of before."""
        before = dict(part.split("=") for part in recall(memory, _COSTS).split())
        for where, read in self._read(lab).items():
            if int(before[where]) not in read:
                return f"{where} is read at cost {_said(read)}, not {before[where]} again"
        return not_mended(lab, memory)

    def _read(self, lab: Emulator) -> dict[str, frozenset[int]]:
        """Per end and IGP, the cost that the other end reads."""
        link = lab.spec.link(self.link)
        return {
            f"{near.node}/{near.interface}/{igp.split()[1]}": costs(lab, near, far, igp)
            for near, far in ((link.a, link.b), (link.b, link.a))
            for igp in igps_at(lab, near)
        }


def _as_it_was(lab: Emulator, end: LabEnd, line: str) -> list[Statement]:
    said = lines_of(lab, end.node, f"interface {end.interface}")
    before = [it for it in said if it.startswith(f"{line} ")]
    return [_statement(end, it) for it in before or (f"no {line}",)]


def _statement(end: LabEnd, line: str) -> Statement:
    return Statement(node=end.node, section=f"interface {end.interface}", line=line)


def _said(read: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(read))) or "none"
