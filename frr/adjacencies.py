"""A router's IGP neighbors, whichever IGP it runs: what to ask it, and what the answers say."""

from collections.abc import Callable, Mapping

from foreshadow.observed import Adjacency
from frr import isis, tables

_OSPF = ("show ip ospf neighbor json", "show ip ospf interface json")
_ISIS = ("show isis neighbor detail json", "show isis interface detail json")

COMMANDS = (*_OSPF, *_ISIS)
"""What is asked; the answer of a daemon that does not run there is empty."""


def parsed(shown: Mapping[str, str]) -> tuple[Adjacency, ...]:
    """The neighbors that the answers to `COMMANDS` name, OSPF's first.

    Raises:
        KeyError: OSPF's answer is missing; IS-IS's may be, in what an older agent read.
        ValueError: An answer is something else.
    """
    ospf = tables.adjacencies(*(shown[command] for command in _OSPF))
    return ospf + isis.adjacencies(*(shown.get(command, "") for command in _ISIS))


def read(*, knows: Callable[[str], bool], show: Callable[[str], str]) -> tuple[Adjacency, ...]:
    """The neighbors of a router that can be asked.

    Args:
        knows: Whether a daemon runs there that takes the command.
        show: Its answer.
    """
    return parsed({command: show(command) if knows(command) else "" for command in COMMANDS})
