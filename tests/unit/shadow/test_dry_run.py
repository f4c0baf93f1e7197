"""What the shadow would do, told without a lab."""

import threading
from collections.abc import Sequence

import msgspec

from foreshadow.clock import SystemClock
from foreshadow.delta import Op, StateDelta
from foreshadow.observed import Interface, Stream, encode
from foreshadow.settings import Settings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from shadow.dry_run import follow
from shadow.lab_change import LabChange
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.production_state import snapshot, state_deltas
from tests.square_story import square

ROUTERS = tuple(NodeId(router.name) for router in square().routers)


def _publish(bus: MemoryBus, delta: StateDelta) -> None:
    bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))


def _link_down(router: str, interface: str) -> StateDelta:
    gone = Interface(name=interface, is_admin_up=True, is_oper_up=False)
    return StateDelta(
        device=NodeId(router),
        stream=Stream.INTERFACE,
        epoch=1,
        seq=3,
        op=Op.CHANGE,
        upserts=((interface, encode(gone)),),
    )


def test_every_plan_is_told_and_the_next_one_starts_from_it() -> None:
    """First the mirror that would be built, then each change once."""
    bus, stop = MemoryBus(), threading.Event()
    said: list[str] = []

    def say(changes: Sequence[LabChange]) -> None:
        said.extend(map(str, changes))

    for delta in state_deltas(square()):
        _publish(bus, delta)
    for router in ROUTERS:
        for stream in (Stream.ADJACENCY, Stream.BEST_PATH, Stream.FIB):
            for delta in snapshot(router, stream, {}):
                _publish(bus, delta)
    thread = threading.Thread(
        target=follow,
        args=(bus, Settings(), SystemClock(), stop),
        kwargs={"routers": ROUTERS, "say": say},
    )
    thread.start()
    try:
        eventually(lambda: said, within_s=10)
        _publish(bus, _link_down("NW", "to-NE"))
        eventually(lambda: len(said) > 1, within_s=10)
        _publish(bus, _link_down("NE", "to-NW"))
        _publish(bus, _link_down("SE", "to-SW"))
        eventually(lambda: len(said) > 2, within_s=10)
    finally:
        stop.set()
        thread.join(timeout=10)

    assert said == ["the lab built anew: there was none", "NW-NE cut", "SE-SW cut"]
