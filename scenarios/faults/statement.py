"""Faults that are lines of configuration: entered, and taken out again, only where they have to be.

A fault says what it wants as statements; whether a statement is in force is read from the running
configuration. So entering twice does no harm, and what a crash left half done is completed.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from foreshadow.codec import from_json, to_json
from foreshadow.topology import NodeId
from frr.configuration import parse
from scenarios.faults.fault import FaultValue, Memory, recall
from shadow.emulation.emulator import Emulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One line of a router's configuration, and where it stands.

    Attributes:
        node: The router.
        line: As it is typed; `no ...` removes every line that begins with the rest. "" for a
            section that is there and says nothing.
        section: The header it stands under; "" at the left margin.
        family: The address family within the section; "" for none.
    """

    node: NodeId
    line: str
    section: str = ""
    family: str = ""

    def text(self) -> str:
        """What to type at the configuration prompt."""
        if not self.section:
            return f"{self.line}\n"
        if self.family:
            body = f" address-family {self.family}\n  {self.line}\n exit-address-family\n"
        else:
            body = f" {self.line}\n" if self.line else ""
        return f"{self.section}\n{body}exit\n"


class ConfiguredFault(FaultValue, frozen=True, kw_only=True):
    """A fault whose memory is a `change`: lines to enter, and lines to enter for its undo."""

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Enter what breaks; returns the moment, monotonic."""
        return enter_break(lab, memory)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Enter what mends; returns the moment, monotonic."""
        return enter_mend(lab, memory)


def change(broken: Sequence[Statement], mended: Sequence[Statement]) -> Memory:
    """What a fault enters and what its undo enters, as something to remember."""
    return (_BROKEN, to_json(broken).decode()), (_MENDED, to_json(mended).decode())


def enter_break(lab: Emulator, memory: Memory) -> float:
    """Enter what a fault wants; returns the moment, monotonic."""
    return _enter(lab, _recalled(memory, _BROKEN))


def enter_mend(lab: Emulator, memory: Memory) -> float:
    """Enter what its undo wants; returns the moment, monotonic."""
    return _enter(lab, _recalled(memory, _MENDED))


def not_mended(lab: Emulator, memory: Memory) -> str:
    """Which line of the undo is not in force, as a sentence; "" for none."""
    for wanted in _recalled(memory, _MENDED):
        if not _is_in_force(wanted, _placed(lab, wanted.node)):
            return f"{wanted.line!r} is not in force on {wanted.node}"
    return ""


def lines_of(lab: Emulator, node: NodeId, section: str, family: str = "") -> tuple[str, ...]:
    """The lines of one section and address family, without indentation."""
    return tuple(
        line
        for header, in_family, line in _placed(lab, node)
        if line and (header, in_family) == (section, family)
    )


def headers(lab: Emulator, node: NodeId, beginning: str) -> tuple[str, ...]:
    """What stands at the left margin and begins so."""
    blocks = parse(lab.running_config(node))
    return tuple(block.header for block in blocks if block.header.startswith(beginning))


_BROKEN, _MENDED = "break", "mend"

_Place = tuple[str, str, str]
"""Section, family, line; a section itself has an empty line."""


def _recalled(memory: Memory, name: str) -> tuple[Statement, ...]:
    return from_json(recall(memory, name) or "[]", tuple[Statement, ...])


def _enter(lab: Emulator, statements: Iterable[Statement]) -> float:
    by_node: dict[NodeId, list[Statement]] = {}
    for statement in statements:
        by_node.setdefault(statement.node, []).append(statement)
    at_s = time.monotonic()
    for node, wanted in by_node.items():
        placed = _placed(lab, node)
        text = "".join(it.text() for it in wanted if not _is_in_force(it, placed))
        if text:
            lab.apply_config(node, text)
    return at_s


def _is_in_force(wanted: Statement, placed: Iterable[_Place]) -> bool:
    line = wanted.line.removeprefix("no ")
    if wanted.section:
        home = (wanted.section, wanted.family)
        here = [it for section, family, it in placed if (section, family) == home]
    else:
        here = [section for section, _, _ in placed]
    if line != wanted.line:
        return not any(it == line or it.startswith(f"{line} ") for it in here)
    return line in here


def _placed(lab: Emulator, node: NodeId) -> tuple[_Place, ...]:
    return tuple(_places(lab.running_config(node)))


def _places(config: str) -> Iterator[_Place]:
    for block in parse(config):
        yield block.header, "", ""
        family = ""
        for line in map(str.strip, block.body):
            if line.startswith("address-family "):
                family = line.removeprefix("address-family ")
            elif line == "exit-address-family":
                family = ""
            else:
                yield block.header, family, line
