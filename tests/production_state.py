"""Production's state as its telemetry would have given it, made from a design: for unit tests."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from foreshadow.delta import Op, StateDelta, digest
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.observed import (
    DemandRate,
    Interface,
    ReceivedPath,
    RunningConfig,
    Session,
    Stream,
    Value,
    encode,
)
from foreshadow.routing import BestPath
from foreshadow.state import NetworkState, replay
from foreshadow.topology import LinkId, NodeId
from shadow.emulation.design import design

REPOSITORY = Path(__file__).resolve().parents[1]
ABILENE = REPOSITORY / "console" / "networks" / "abilene.yaml"


def abilene() -> NetworkFile:
    """The demo's network."""
    return parse_network(ABILENE.read_text(), path=ABILENE)


def state_of(
    network: NetworkFile,
    *,
    configs: Mapping[str, str] | None = None,
    cut: Iterable[str] = (),
) -> NetworkState:
    """What a copy knows of a network that runs as designed.

    Args:
        network: The design.
        configs: Running configurations that differ from it, by router.
        cut: Links whose carrier is down on both ends.
    """
    return replay(state_deltas(network, configs=configs, cut=cut))


def snapshot(
    device: NodeId, stream: Stream, values: Mapping[str, Value | DemandRate], epoch: int = 1
) -> tuple[StateDelta, StateDelta]:
    """The two deltas that make a copy level with `values`."""
    encoded = {key: encode(value) for key, value in values.items()}
    return (
        StateDelta(
            device=device,
            stream=stream,
            epoch=epoch,
            seq=1,
            op=Op.SNAPSHOT_BEGIN,
            upserts=tuple(encoded.items()),
        ),
        StateDelta(
            device=device,
            stream=stream,
            epoch=epoch,
            seq=2,
            op=Op.SNAPSHOT_END,
            digest=digest(encoded),
        ),
    )


def state_deltas(
    network: NetworkFile, *, configs: Mapping[str, str] | None = None, cut: Iterable[str] = ()
) -> Iterator[StateDelta]:
    """The deltas of `state_of`."""
    configs, cut = configs or {}, {LinkId(link) for link in cut}
    topology, spec = design(network)
    peers = {peer.autonomous_system: peer for peer in network.peers}
    for node in spec.nodes:
        if node.is_external:
            continue
        text = configs.get(node.id, node.config)
        config = RunningConfig(text=text, sha256="")
        yield from snapshot(node.id, Stream.CONFIG, {"running": config})
        interfaces, sessions, received = [_loopback()], [], []
        for link in topology.links:
            for near, far in link.ends():
                if near.node != node.id:
                    continue
                is_up = link.id not in cut
                interfaces.append(
                    Interface(name=near.interface, is_admin_up=True, is_oper_up=is_up)
                )
                if link.is_external:
                    remote_as = next(
                        number
                        for number, peer in peers.items()
                        for attachment in peer.attachments
                        if attachment.name == far.node
                    )
                    state = "Established" if is_up else "Active"
                    sessions.append(
                        Session(
                            peer=far.address,
                            remote_as=remote_as,
                            local_as=network.autonomous_system,
                            state=state,
                        )
                    )
                    received += [
                        ReceivedPath(
                            peer=far.address,
                            path=BestPath(
                                prefix=entry.prefix,
                                next_hop=far.address,
                                as_path=str(remote_as),
                            ),
                        )
                        for entry in peers[remote_as].prefixes
                        if is_up
                    ]
        yield from snapshot(node.id, Stream.INTERFACE, {i.name: i for i in interfaces})
        yield from snapshot(node.id, Stream.SESSION, {str(s.peer): s for s in sessions})
        yield from snapshot(
            node.id, Stream.RECEIVED, {f"{r.peer}/{r.path.prefix}": r for r in received}
        )


def _loopback() -> Interface:
    return Interface(name="lo", is_admin_up=True, is_oper_up=True)
