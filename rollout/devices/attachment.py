"""Whether configuration lines are in force: FRR text compared line by line, each in its section."""

import re
from collections.abc import Iterator

from foreshadow.errors import ConfigError
from frr.configuration import parse

Place = tuple[str, ...]
"""A line with the sections around it, outermost first."""

_OPENS = re.compile(r"(router|address-family|route-map \S+ (permit|deny)|interface|vrf)\b")
_CLOSES = re.compile(r"(exit|exit-address-family|exit-vrf|end)$")


def missing(running: str, wanted: str) -> tuple[str, ...]:
    """Lines of `wanted` that are not in force in `running`.

    A line `no X` is in force where X is absent. Sections are told by their keywords in `wanted`,
    which need not be indented, and by indentation in `running`.

    Raises:
        ConfigError: `running` is not a configuration.
    """
    in_force = frozenset(_running_places(running))
    lacking = (place for place in _wanted_places(wanted) if not _holds(place, in_force))
    return tuple(" / ".join(place) for place in lacking)


def _holds(place: Place, in_force: frozenset[Place]) -> bool:
    *sections, line = place
    if not line.startswith("no "):
        return place in in_force
    # `no neighbor X route-map` withdraws whatever begins like it.
    denied = line.removeprefix("no ").split()
    return not any(
        known[:-1] == tuple(sections) and known[-1].split()[: len(denied)] == denied
        for known in in_force
    )


def _wanted_places(text: str) -> Iterator[Place]:
    sections: list[str] = []
    for raw in text.splitlines():
        line = " ".join(raw.split())
        if not line or line.startswith("!"):
            continue
        if _CLOSES.match(line):
            sections = sections[:-1]
        elif _OPENS.match(line):
            sections = [] if line.startswith(("router", "route-map", "interface")) else sections
            sections = [*sections, line]
        else:
            yield (*sections, line)


def _running_places(text: str) -> Iterator[Place]:
    for block in parse(text):
        yield (block.header,)
        inner: tuple[str, ...] = ()
        for raw in block.body:
            line = " ".join(raw.split())
            if line.startswith("address-family"):
                inner = (line,)
            elif line.startswith("exit-"):
                inner = ()
            else:
                yield (block.header, *inner, line)


def mentions(running: str, generation_names: frozenset[str]) -> tuple[str, ...]:
    """Lines that attach one of these objects: everything that names it but its own definition.

    Raises:
        ConfigError: `running` is not a configuration.
    """
    return tuple(
        " / ".join(place)
        for place in _running_places(running)
        if not _is_definition(place[0], generation_names)
        and generation_names & frozenset(place[-1].split())
    )


def defines(running: str, names: frozenset[str]) -> bool:
    """Whether any of these objects is there.

    Raises:
        ConfigError: `running` is not a configuration.
    """
    return any(_is_definition(block.header, names) for block in parse(running))


def _is_definition(header: str, names: frozenset[str]) -> bool:
    words = header.split()
    return words[0] in ("route-map", "ip", "bgp") and bool(names & frozenset(words))


def generation_names(stage: str) -> frozenset[str]:
    """Names of the objects a stage text makes.

    Raises:
        ConfigError: It makes none, or one that is not Foreshadow's own (`FS-...`).
    """
    found = re.findall(
        r"^(?:ip prefix-list|route-map|bgp \S+-list(?: standard| expanded)?) (\S+)",
        stage,
        re.MULTILINE,
    )
    foreign = sorted({name for name in found if not name.startswith("FS-")})
    if foreign or not found:
        raise ConfigError(
            f"a stage makes FS-* objects only, this one makes {', '.join(foreign) or 'none'}"
        )
    return frozenset(found)
