"""The typed copy of production: what it hands out, and what it refuses."""

import tracemalloc
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from foreshadow.delta import Effect, Op, StateDelta, digest
from foreshadow.demand import DemandKey
from foreshadow.observed import (
    Adjacency,
    DemandRate,
    Interface,
    ReceivedPath,
    RunningConfig,
    Session,
    Stream,
    Value,
    encode,
)
from foreshadow.routing import BestPath, FibEntry, Terminal
from foreshadow.state import NetworkState, replay
from foreshadow.topology import NodeId

R1 = NodeId("R1")
PREFIX = IPv4Network("10.1.0.0/16")
PATH = BestPath(prefix=PREFIX, next_hop=IPv4Address("10.0.0.1"))
VALUES: dict[Stream, tuple[str, Value | DemandRate]] = {
    Stream.INTERFACE: (
        "to-R2",
        Interface(
            name="to-R2",
            is_admin_up=True,
            is_oper_up=False,
            addresses=(IPv4Interface("10.254.0.0/31"),),
        ),
    ),
    Stream.ADJACENCY: (
        "to-R2/10.0.0.2",
        Adjacency(router_id=IPv4Address("10.0.0.2"), interface="to-R2", state="Full", cost=7),
    ),
    Stream.SESSION: (
        "10.0.0.2",
        Session(peer=IPv4Address("10.0.0.2"), remote_as=65001, local_as=65001, state="Established"),
    ),
    Stream.BEST_PATH: (str(PREFIX), PATH),
    Stream.RECEIVED: (
        f"10.253.0.1/{PREFIX}",
        ReceivedPath(peer=IPv4Address("10.253.0.1"), path=PATH),
    ),
    Stream.FIB: (str(PREFIX), FibEntry(prefix=PREFIX, terminal=Terminal.DELIVERED)),
    Stream.CONFIG: ("running", RunningConfig(text="hostname R1\n", sha256="00")),
    Stream.DEMAND: (str(PREFIX), DemandRate(rate_bps=5.0)),
}


def _snapshot(stream: Stream, values: dict[str, bytes], epoch: int = 1) -> list[StateDelta]:
    def step(seq: int, op: Op, **fields: Any) -> StateDelta:
        return StateDelta(device=R1, stream=stream, epoch=epoch, seq=seq, op=op, **fields)

    return [
        step(1, Op.SNAPSHOT_BEGIN, upserts=tuple(values.items())),
        step(2, Op.SNAPSHOT_END, digest=digest(values)),
    ]


def _everything() -> NetworkState:
    return replay(
        delta
        for stream, (key, value) in VALUES.items()
        for delta in _snapshot(stream, {key: encode(value)})
    )


def test_every_stream_comes_back_typed() -> None:
    """What was encoded for the wire is handed out as it was."""
    state = _everything()

    assert state.devices() == (R1,)
    assert state.interfaces(R1) == (VALUES[Stream.INTERFACE][1],)
    assert state.adjacencies(R1) == (VALUES[Stream.ADJACENCY][1],)
    assert state.sessions(R1) == (VALUES[Stream.SESSION][1],)
    assert state.received(R1) == (VALUES[Stream.RECEIVED][1],)
    assert state.running_config(R1) == VALUES[Stream.CONFIG][1]
    assert state.loc_ribs() == {R1: (PATH,)}
    assert state.fibs() == {R1: (VALUES[Stream.FIB][1],)}
    assert list(state.demand_rates(R1)) == [(DemandKey(ingress=R1, prefix=PREFIX), 5.0)]
    assert state.stale_streams() == ()
    assert state.vector() == {(R1, stream): (1, 2) for stream in Stream}


def test_nothing_known_is_nothing_not_an_error() -> None:
    """An unknown device has no interfaces, sessions or configuration."""
    state = NetworkState()

    assert state.interfaces(R1) == ()
    assert state.running_config(R1) is None
    assert list(state.demand_rates(R1)) == []
    assert state.devices() == ()


def test_value_that_does_not_decode_makes_its_stream_stale() -> None:
    """One bad value is refused with its whole delta; the old values are served, flagged."""
    state = _everything()
    bad = StateDelta(
        device=R1,
        stream=Stream.FIB,
        epoch=1,
        seq=3,
        op=Op.CHANGE,
        upserts=(("10.2.0.0/16", b'{"prefix":"no prefix"}'),),
    )

    assert state.apply(bad) is Effect.DIVERGED
    assert state.stale_streams() == ((R1, Stream.FIB),)
    assert state.fibs() == {R1: (VALUES[Stream.FIB][1],)}


def test_demand_towards_something_that_is_no_prefix_is_refused() -> None:
    """The key of a demand is part of its value."""
    state = NetworkState()
    begin, _ = _snapshot(Stream.DEMAND, {"nowhere": encode(DemandRate(rate_bps=1.0))})

    assert state.apply(begin) is Effect.DIVERGED


def test_keys_that_come_and_go_leave_nothing_behind() -> None:
    """A process that follows for months holds what is there, not what ever was."""
    state = replay(_snapshot(Stream.INTERFACE, {}))

    def pass_by(numbers: range) -> None:
        for number in numbers:
            name = f"tunnel-{number}"
            interface = Interface(name=name, is_admin_up=True, is_oper_up=True, addresses=())
            change = StateDelta(
                device=R1,
                stream=Stream.INTERFACE,
                epoch=1,
                seq=number + 3,
                op=Op.CHANGE,
                upserts=((name, encode(interface)),),
                deletes=(f"tunnel-{number - 1}",),
            )
            assert state.apply(change) is Effect.APPLIED

    tracemalloc.start()
    try:
        pass_by(range(100))
        before, _ = tracemalloc.get_traced_memory()
        pass_by(range(100, 5000))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [interface.name for interface in state.interfaces(R1)] == ["tunnel-4999"]
    assert after - before < 100_000


def test_external_sessions_are_those_to_another_as() -> None:
    """EBGP is a matter of AS numbers."""
    session = Session(peer=IPv4Address("10.0.0.2"), remote_as=2, local_as=1, state="Active")

    assert session.is_external
    assert VALUES[Stream.SESSION][1] != session
