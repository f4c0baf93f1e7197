"""Three routers in a triangle, two exits, one prefix that moves from the exit at B to that at A."""

from datetime import UTC, datetime
from ipaddress import IPv4Address

from foreshadow.candidate import Wave
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.experiment import DeviceChange, RouterTables
from foreshadow.routing import BestPath, FibEntry, Forward, PathChange, Terminal, path_changes
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, Prefix, Topology
from rollout.observation import AdjacencyUp, Observation, SessionUp, ribs_of

A, B, C = NodeId("A"), NodeId("B"), NodeId("C")
AT = datetime(2004, 3, 11, 17, 0, tzinfo=UTC)
PREFIX = Prefix("203.0.113.0/27")
SITE = Prefix("10.3.0.0/16")
_LOOPBACK = {A: IPv4Address("10.255.0.1"), B: IPv4Address("10.255.0.2")}


def _link(name: str, number: int) -> Link:
    a, b = name.split("-")
    near, far = IPv4Address("10.254.0.0") + 2 * number, IPv4Address("10.254.0.1") + 2 * number
    return Link(
        id=LinkId(name),
        a=LinkEnd(node=NodeId(a), interface=f"to-{b}", address=near, metric=10),
        b=LinkEnd(node=NodeId(b), interface=f"to-{a}", address=far, metric=10),
        capacity_bps=1e9,
    )


TOPOLOGY = Topology(
    nodes=tuple(Node(id=node) for node in (A, B, C)),
    links=tuple(_link(name, number) for number, name in enumerate(("A-B", "A-C", "B-C"))),
)


def _tables(exit_at: NodeId) -> tuple[RouterTables, ...]:
    """Every router sends PREFIX straight to the exit; SITE is at C."""
    return tuple(_table(router, exit_at) for router in (A, B, C))


def _table(router: NodeId, exit_at: NodeId) -> RouterTables:
    def entry(prefix: Prefix, at: NodeId) -> FibEntry:
        if router == at:
            return FibEntry(prefix=prefix, terminal=Terminal.DELIVERED)
        return FibEntry(prefix=prefix, forwards=(Forward(interface=f"to-{at}"),))

    return RouterTables(
        router=router,
        fib=(entry(SITE, C), entry(PREFIX, exit_at)),
        loc_rib=(
            BestPath(prefix=SITE, next_hop=IPv4Address("10.255.0.3")),
            BestPath(prefix=PREFIX, next_hop=_LOOPBACK[exit_at]),
        ),
    )


def _observation(exit_at: NodeId) -> Observation:
    keys = tuple(
        sorted(
            [
                DemandKey(ingress=A, prefix=SITE),
                DemandKey(ingress=B, prefix=PREFIX),
                DemandKey(ingress=C, prefix=PREFIX),
            ]
        )
    )
    return Observation(
        topology=TOPOLOGY,
        tables=_tables(exit_at),
        sessions=(SessionUp(device=A, peer=IPv4Address("10.255.0.2")),),
        adjacencies=(AdjacencyUp(device=A, interface="to-B", router_id=IPv4Address("10.255.0.2")),),
        demand=DemandMatrix(at=AT, keys=keys, rates_bps=(2e8, 1e8, 3e8)),
    )


def observation() -> Observation:
    """Before: everybody leaves at B."""
    return _observation(B)


def moved() -> Observation:
    """After: everybody leaves at A."""
    return _observation(A)


def prediction() -> tuple[RouterTables, ...]:
    """The shadow's tables after the wave."""
    return _tables(A)


def predicted_changes() -> tuple[PathChange, ...]:
    """The best paths the wave changes."""
    before, after = ribs_of(_tables(B)), ribs_of(_tables(A))
    return tuple(sorted(path_changes(before, after)))


def change(device: NodeId = A, generation: int = 1) -> DeviceChange:
    """A generation at A's peer, as policy_gen renders it."""
    name = f"FS-in-10.253.0.3-g{generation}"
    before = f"FS-in-10.253.0.3-g{generation - 1}" if generation > 1 else "OPER-IN"
    return DeviceChange(
        device=device,
        generation=generation,
        stage=(
            f"ip prefix-list {name} seq 5 permit {PREFIX}\n"
            f"route-map {name} permit 10\n match ip address prefix-list {name}\n"
            f" set local-preference 200\nexit\nroute-map {name} permit 65535\nexit\n"
        ),
        flip=_hook(name),
        revert=_hook(before),
        gc=f"no route-map {name}\nno ip prefix-list {name}\n",
        clear="clear bgp ipv4 unicast 10.253.0.3 soft in\n",
    )


def _hook(name: str) -> str:
    return (
        "router bgp 65001\n address-family ipv4 unicast\n"
        f"  neighbor 10.253.0.3 route-map {name} in\n exit-address-family\nexit\n"
    )


def wave_of(number: int = 1, device: NodeId = A) -> Wave:
    """A wave that moves PREFIX to A."""
    return Wave(
        number=number,
        affected_share=1.0,
        prefixes=(PREFIX,),
        changes=(change(device, number),),
        path_changes=predicted_changes(),
        tables=prediction(),
    )
