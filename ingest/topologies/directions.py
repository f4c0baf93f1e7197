"""Links of formats that list each direction by itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from foreshadow.imported_topology import ImportedLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Links put together from their two directions, and what did not match."""

    links: tuple[ImportedLink, ...]
    warnings: tuple[str, ...]


def join(directions: Iterable[ImportedLink]) -> Joined:
    """One link for each pair of opposite directions, in the order in which they first appear.

    The n-th `a` to `b` belongs to the n-th `b` to `a`. A direction without its opposite is a link
    all the same; where the two say different things the first one counts. Both are warned of.
    """
    waiting: dict[tuple[str, str], list[int]] = defaultdict(list)
    links: list[ImportedLink] = []
    single: dict[int, ImportedLink] = {}
    unlike: list[ImportedLink] = []
    for direction in directions:
        opposite = waiting[direction.b, direction.a]
        if opposite:
            number = opposite.pop(0)
            del single[number]
            if _values(links[number]) != _values(direction):
                unlike.append(links[number])
        else:
            waiting[direction.a, direction.b].append(len(links))
            single[len(links)] = direction
            links.append(direction)
    return Joined(links=tuple(links), warnings=tuple(_warnings(single.values(), unlike)))


def _values(link: ImportedLink) -> tuple[float | None, ...]:
    return link.capacity_bps, link.metric, link.delay_s


def _warnings(single: Iterable[ImportedLink], unlike: Iterable[ImportedLink]) -> Iterator[str]:
    if names := [f"{link.a} -> {link.b}" for link in single]:
        yield f"{len(names)} links are listed one way only and taken both ways: {_some(names)}"
    if names := [f"{link.a} - {link.b}" for link in unlike]:
        yield f"{len(names)} links differ in their two directions; the first counts: {_some(names)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
