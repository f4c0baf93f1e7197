"""Our own network file, as a topology like any other."""

from pathlib import Path

from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from foreshadow.network_file import parse_network
from foreshadow.topology import SrlgId

FORMAT = "foreshadow"


def read_network_file(raw: bytes, *, path: Path) -> ImportedTopology:
    """The routers and links of a network file; its peers are none of its own.

    Raises:
        ConfigError: Names file, line, field and what is wrong.
    """
    network = parse_network(raw.decode("utf-8", errors="replace"), path=path)
    return ImportedTopology(
        name=network.name,
        format=FORMAT,
        nodes=tuple(
            ImportedNode(
                id=router.name,
                label=router.city or router.name,
                latitude=router.latitude,
                longitude=router.longitude,
            )
            for router in network.routers
        ),
        links=tuple(
            ImportedLink(
                a=link.a,
                b=link.b,
                capacity_bps=link.capacity_gbps * 1e9,
                metric=link.cost,
                delay_s=link.delay_ms / 1e3 if link.delay_ms else None,
                srlgs=frozenset(map(SrlgId, link.srlgs)),
            )
            for link in network.links
        ),
        warnings=("peers are not part of a topology; left out",) if network.peers else (),
    )
