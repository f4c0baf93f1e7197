"""The topology a running router knows: its link-state database, OSPF's or IS-IS's.

Every router of the area or level is in it, with its metrics and no capacity. OSPF knows routers by
router id alone, IS-IS by host name. A link that runs both IS-IS levels is in both databases and
counted once; a broadcast network is a link between each two of its routers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path

from foreshadow.errors import ConfigError, DeviceUnreachable
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from frr import lsdb
from frr.lsdb import Lsdb
from frr.vty import RUN_DIR, ReadOnlyRouter
from ingest.topologies.directions import join
from ingest.topologies.reading import require_whole

FORMAT = "lsdb"
_OSPF, _ISIS = "ospf", "isis"


def read_router(name: str, *, run_dir: Path = RUN_DIR) -> ImportedTopology:
    """The topology that a running FRR knows.

    Args:
        name: Its pathspace, or the folder its daemons' sockets lie in.
        run_dir: Where pathspaces are.

    Raises:
        ConfigError: It does not answer, runs no link-state protocol, or knows no network.
    """
    place = Path(name) if "/" in name else run_dir / name
    if not name or not any(place.glob("*.vty")):
        raise ConfigError(
            f"no router runs as {name!r}; `foreshadow lab status` lists labs, a router of one is "
            f"LAB-ROUTER, and {run_dir} has every FRR that runs here"
        )
    with ReadOnlyRouter(place.name, device=name, run_dir=place.parent) as router:
        try:
            databases = tuple(_databases(router))
        except (DeviceUnreachable, ConfigError, ValueError) as error:
            raise ConfigError(
                f"no link-state database could be read: {error}; name the router's pathspace, or "
                "the folder its daemons' sockets lie in"
            ) from error
    if not any(database.routers for database in databases):
        raise ConfigError(f"{name} has no link-state database: it runs neither OSPF nor IS-IS")
    return require_whole(from_databases(databases, name=place.name))


def from_databases(databases: Iterable[Lsdb], *, name: str) -> ImportedTopology:
    """The topology of a router's link-state databases; OSPF's where it runs both protocols."""
    every = tuple(databases)
    protocol = _OSPF if any(it.protocol == _OSPF and it.routers for it in every) else _ISIS
    chosen = [it for it in every if it.protocol == protocol]
    routers = {it.id: it for database in chosen for it in database.routers if not it.is_network}
    joined = join(_directions(chosen, routers.keys()))
    return ImportedTopology(
        name=name,
        format=f"{FORMAT}-{protocol}",
        nodes=tuple(
            ImportedNode(id=it.id, label=it.name if it.name != it.id else "")
            for it in routers.values()
        ),
        links=joined.links,
        warnings=(*_warnings(every, chosen, protocol), *joined.warnings),
    )


def _databases(router: ReadOnlyRouter) -> Iterator[Lsdb]:
    if router.knows(lsdb.OSPF_COMMAND):
        yield from lsdb.ospf(router.show(lsdb.OSPF_COMMAND))
    if all(map(router.knows, lsdb.ISIS_COMMANDS)):
        yield from lsdb.isis(*map(router.show, lsdb.ISIS_COMMANDS))


def _directions(databases: Iterable[Lsdb], known: Iterable[str]) -> Iterator[ImportedLink]:
    """Every way from a router to another; of two IS-IS levels, the one that knows more of them."""
    ids = frozenset(known)
    found: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for database in databases:
        here: dict[tuple[str, str], list[int]] = defaultdict(list)
        for near, far, metric in _ways(database):
            if far in ids:
                here[near, far].append(metric)
        for pair, metrics in here.items():
            found[pair].append(metrics)
    is_ospf = any(database.protocol == _OSPF for database in databases)
    for (near, far), several in found.items():
        metrics = [it for each in several for it in each] if is_ospf else max(several, key=len)
        for metric in metrics:
            yield ImportedLink(a=near, b=far, metric=metric)


def _ways(database: Lsdb) -> Iterator[tuple[str, str, int]]:
    """(from, to, metric), broadcast networks left out of the middle."""
    networks = {it.id for it in database.routers if it.is_network}
    joined: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for router in database.routers:
        if router.is_network:
            continue
        for link in router.links:
            if link.neighbor in networks:
                joined[link.neighbor].append((router.id, link.metric))
            else:
                yield router.id, link.neighbor, link.metric
    for members in joined.values():
        for (near, metric), (far, _) in permutations(members, 2):
            yield near, far, metric


def _warnings(every: tuple[Lsdb, ...], chosen: list[Lsdb], protocol: str) -> Iterator[str]:
    if len({it.protocol for it in every if it.routers}) > 1:
        yield f"it runs OSPF and IS-IS; {protocol.upper()} is taken"
    if protocol == _OSPF:
        yield "OSPF knows routers by their router id alone"
    if networks := [it.id for database in chosen for it in database.routers if it.is_network]:
        yield f"{len(networks)} broadcast networks are taken as links between each two routers"
    if tired := {it.name for database in chosen for it in database.routers if it.is_overloaded}:
        yield f"asked to be avoided when read: {', '.join(sorted(tired))}"
