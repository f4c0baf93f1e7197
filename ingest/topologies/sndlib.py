"""SNDlib's XML network files (http://sndlib.zib.de, Orlowski et al., Networks 55(3), 2010).

A link's capacity is what is installed on it (`preInstalledModule`); `additionalModules` are what a
planner could buy, and `routingCost` is a price, so neither is taken.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.directions import join
from ingest.topologies.numbers import any_number, number, place
from ingest.topologies.xml_text import line_with, parse_xml

FORMAT = "sndlib"
_NS = "{http://sndlib.zib.de/network}"
_BPS = {"KBITPERSEC": 1e3, "MBITPERSEC": 1e6, "GBITPERSEC": 1e9}


def read_sndlib(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of an SNDlib network file.

    Raises:
        ConfigError: Names file, line where there is one, and what is wrong.
    """
    root = parse_xml(raw, path=path)
    structure = root.find(f"{_NS}networkStructure")
    if root.tag != f"{_NS}network" or structure is None:
        raise ConfigError(
            f"not a topology: {root.tag} is no SNDlib network with a networkStructure", path=path
        )
    unit = (root.findtext(f"{_NS}meta/{_NS}unit") or "").strip()
    nodes = tuple(_nodes(structure, raw, path))
    known = {node.id for node in nodes}
    links = tuple(_links(structure, known, _BPS.get(unit, 1e6), path))
    merged = join(links) if _is_directed(links) else None
    return ImportedTopology(
        name=path.stem,
        format=FORMAT,
        nodes=nodes,
        links=links if merged is None else merged.links,
        warnings=(
            *_warnings(structure, unit, has_capacities=any(it.capacity_bps for it in links)),
            *(() if merged is None else (_paired(len(links)), *merged.warnings)),
        ),
    )


def _nodes(structure: Element, raw: bytes, path: Path) -> Iterator[ImportedNode]:
    holder = structure.find(f"{_NS}nodes")
    if holder is None:
        raise ConfigError("not a topology: networkStructure has no nodes", path=path)
    is_pixel = holder.get("coordinatesType") == "pixel"
    seen: set[str] = set()
    for node in holder.findall(f"{_NS}node"):
        name = node.get("id", "")
        if name in seen:
            line = line_with(raw, f'<node id="{name}"', occurrence=2)
            raise ConfigError(f"the node id {name!r} is there twice", path=path, line=line)
        seen.add(name)
        x, y = (node.findtext(f"{_NS}coordinates/{_NS}{axis}") for axis in ("x", "y"))
        latitude, longitude = (
            (None, None)
            if is_pixel or x is None or y is None
            else place(
                any_number(y, f"latitude of {name}", path=path),
                any_number(x, f"longitude of {name}", path=path),
            )
        )
        yield ImportedNode(id=name, latitude=latitude, longitude=longitude)


def _links(
    structure: Element, known: set[str], unit_bps: float, path: Path
) -> Iterator[ImportedLink]:
    for link in structure.iterfind(f"{_NS}links/{_NS}link"):
        name = link.get("id", "")
        ends = [(link.findtext(f"{_NS}{end}") or "").strip() for end in ("source", "target")]
        for end in ends:
            if end not in known:
                raise ConfigError(
                    f"link {name} names the node {end!r}, which is not there", path=path
                )
        installed = link.findtext(f"{_NS}preInstalledModule/{_NS}capacity")
        what = f"capacity of link {name}"
        value = None if installed is None else number(installed, what, path=path)
        # Installed capacity 0 is SNDlib's way to say that nothing is built yet.
        capacity_bps = value * unit_bps if value else None
        yield ImportedLink(a=ends[0], b=ends[1], capacity_bps=capacity_bps)


def _is_directed(links: tuple[ImportedLink, ...]) -> bool:
    """Whether every link has its opposite: some instances list directions, most list links."""
    there = Counter((link.a, link.b) for link in links)
    return bool(links) and there == Counter((link.b, link.a) for link in links)


def _paired(directions: int) -> str:
    return f"the {directions} links are {directions // 2} in both directions; each is one link"


def _warnings(structure: Element, unit: str, *, has_capacities: bool) -> Iterator[str]:
    holder = structure.find(f"{_NS}nodes")
    if holder is not None and holder.get("coordinatesType") == "pixel":
        yield "coordinates are pixels of a drawing, not places; left out"
    if has_capacities and unit not in _BPS:
        yield "the file names no unit for capacities; Mbit/s is assumed"
    if structure.find(f".//{_NS}additionalModules") is not None:
        yield "capacities that could be bought (additionalModules) are not taken as installed"
