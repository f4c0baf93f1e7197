"""The drill's story on the smallest network with a choice of exits, for tests of drills and policy.

SE sends 3 Gbit/s to a peer that is preferred at NE and also reachable at SW. Without NE-SE that
traffic takes the 2.5 Gbit/s link SW-NW: 120 %. At SW it would leave one hop away.
"""

from datetime import UTC, datetime
from pathlib import Path

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.topology import LinkId, NodeId, Prefix

AT = datetime(2004, 3, 11, 20, 10, tzinfo=UTC)
CUT = LinkId("NE-SE")
HEAVY, LIGHT = Prefix("203.0.113.0/27"), Prefix("203.0.113.32/27")
_PATH = Path(__file__).resolve().parent / "networks" / "square.yaml"


def square() -> NetworkFile:
    """The network."""
    return parse_network(_PATH.read_text(), path=_PATH)


def demand() -> DemandMatrix:
    """What is sent, bits per second."""
    rates = {
        DemandKey(ingress=NodeId("SE"), prefix=HEAVY): 1.8e9,
        DemandKey(ingress=NodeId("SE"), prefix=LIGHT): 1.2e9,
        DemandKey(ingress=NodeId("NE"), prefix=LIGHT): 0.3e9,
        DemandKey(ingress=NodeId("NW"), prefix=Prefix("10.3.0.0/16")): 0.2e9,
    }
    keys = tuple(sorted(rates))
    return DemandMatrix(at=AT, keys=keys, rates_bps=tuple(rates[key] for key in keys))
