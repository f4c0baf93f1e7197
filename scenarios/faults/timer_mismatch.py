"""One end of a link says hello at another interval than the other."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId
from scenarios.faults import witness
from scenarios.faults.cable import end_at
from scenarios.faults.fault import Memory
from scenarios.faults.link_state import OSPF, igps_at
from scenarios.faults.statement import ConfiguredFault, Statement, change, lines_of, not_mended
from shadow.emulation.emulator import Emulator

_LINE = "ip ospf hello-interval"


class TimerMismatch(ConfiguredFault, frozen=True, kw_only=True, tag="timer-mismatch.v1"):
    """One end of a link says hello at another interval: OSPF drops the adjacency (RFC 2328, 10.5).

    It dies when the dead interval has run out. IS-IS does not mind different intervals.
    """

    undoing: ClassVar[str] = "enter the interval that end had"
    link: LinkId
    node: Annotated[NodeId | None, Meta(description="which end; the first one if not said")] = None
    hello_s: Annotated[int, Meta(ge=1, le=65_535, description="the interval it gets")] = 3

    @property
    def name(self) -> str:
        """What a person calls it."""
        where = f" at {self.node}" if self.node else ""
        return f"{self.link} with hello {self.hello_s} s{where}"

    def remember(self, lab: Emulator) -> Memory:
        """The interval of that end, and the adjacencies that will go."""
        link = lab.spec.link(self.link)
        end = end_at(link, self.node)
        if OSPF not in igps_at(lab, end):
            raise ConfigError(f"no OSPF over {self.link}; IS-IS does not compare hello intervals")
        if self._interval_s(lab) == self.hello_s:
            raise ConfigError(f"{end.node} says hello every {self.hello_s} s there already")
        section = f"interface {end.interface}"
        before = [it for it in lines_of(lab, end.node, section) if it.startswith(f"{_LINE} ")]

        def statement(line: str) -> Statement:
            return Statement(node=end.node, section=section, line=line)

        return (
            *witness.of_links(lab, [link]),
            *change(
                [statement(f"{_LINE} {self.hello_s}")],
                [statement(it) for it in before or (f"no {_LINE}",)],
            ),
        )

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the interval is in force and both ends have lost the adjacency over it."""
        interval_s = self._interval_s(lab)
        if interval_s != self.hello_s:
            return f"{self.link} says hello every {interval_s:g} s, not {self.hello_s}"
        return witness.not_noticed(lab, memory, frozenset({witness.Protocol.OSPF}))

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the adjacencies are back."""
        return not_mended(lab, memory) or witness.not_again(lab, memory)

    def _interval_s(self, lab: Emulator) -> float:
        end = end_at(lab.spec.link(self.link), self.node)
        shown = lab.show_json(end.node, f"show ip ospf interface {end.interface} json")
        facts = shown.get("interfaces", {}).get(end.interface, {})
        return float(facts.get("timerMsecs", 0)) / 1e3
