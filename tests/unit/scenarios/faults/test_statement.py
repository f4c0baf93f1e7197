"""Lines of configuration: entered where they are not, removed where they are, and only there."""

from pathlib import Path

import pytest

from foreshadow.network_file import parse_network
from foreshadow.topology import NodeId
from frr.configuration import fingerprint
from scenarios.faults.statement import (
    Statement,
    change,
    enter_break,
    enter_mend,
    headers,
    lines_of,
    not_mended,
)
from shadow.emulation.design import design
from tests.fakes.emulator import FakeLab

_NE = NodeId("NE")
_PORT = "interface to-SE"


class Told(FakeLab):
    """A lab that notes what it was told."""

    told: list[str]

    def apply_config(self, node: NodeId, text: str) -> None:
        """Enter it, and note it."""
        self.told = [*getattr(self, "told", []), text]
        super().apply_config(node, text)


@pytest.fixture
def lab(repository: Path) -> Told:
    """Four routers in a ring."""
    path = repository / "tests" / "networks" / "square.yaml"
    lab = Told(design(parse_network(path.read_text(), path=path))[1])
    lab.up(within_s=1)
    lab.told = []
    return lab


def _at_port(line: str) -> Statement:
    return Statement(node=_NE, section=_PORT, line=line)


def test_what_is_in_force_is_not_entered_again(lab: Told) -> None:
    """Injecting twice tells the router once, and so does undoing."""
    memory = change([_at_port("ip ospf cost 77")], [_at_port("ip ospf cost 10")])
    before = fingerprint(lab.running_config(_NE))

    enter_mend(lab, memory)
    assert lab.told == []
    enter_break(lab, memory)
    enter_break(lab, memory)
    assert lab.told == [f"{_PORT}\n ip ospf cost 77\nexit\n"]
    assert not_mended(lab, memory) == "'ip ospf cost 10' is not in force on NE"
    enter_mend(lab, memory)
    enter_mend(lab, memory)
    assert len(lab.told) == 2
    assert not_mended(lab, memory) == ""
    assert fingerprint(lab.running_config(_NE)) == before


def test_a_removal_takes_every_line_that_begins_so(lab: Told) -> None:
    """`no X` is in force where no line is X or begins with X and a space."""
    line = "max-metric router-lsa administrative"
    section = "router ospf"
    memory = change(
        [Statement(node=_NE, section=section, line=line)],
        [Statement(node=_NE, section=section, line=f"no {line}")],
    )

    assert not_mended(lab, memory) == ""
    enter_break(lab, memory)
    assert line in lines_of(lab, _NE, section)
    assert not_mended(lab, memory)
    enter_mend(lab, memory)
    assert line not in lines_of(lab, _NE, section)


def test_what_was_left_half_done_is_completed(lab: Told) -> None:
    """Of two statements the first went in before the crash; the undo takes out what is there."""
    objects = [
        Statement(node=_NE, line="ip prefix-list FS-X seq 5 permit 10.0.0.0/8"),
        Statement(node=_NE, section="route-map FS-X permit 10", line=""),
    ]
    memory = change(
        objects,
        [
            Statement(node=_NE, line="no route-map FS-X"),
            Statement(node=_NE, line="no ip prefix-list FS-X"),
        ],
    )
    lab.apply_config(_NE, objects[0].text())

    enter_mend(lab, memory)

    assert lab.told[-1] == "no ip prefix-list FS-X\n"
    assert headers(lab, _NE, "ip prefix-list FS-X") == ()
    assert not_mended(lab, memory) == ""


def test_a_statement_of_an_address_family_stands_in_it() -> None:
    """What is typed, with the way in and out."""
    statement = Statement(
        node=_NE, section="router bgp 65001", family="ipv4 unicast", line="network 10.9.0.0/16"
    )

    assert statement.text() == (
        "router bgp 65001\n address-family ipv4 unicast\n  network 10.9.0.0/16\n"
        " exit-address-family\nexit\n"
    )
