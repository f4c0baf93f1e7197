"""From a delta that says a link is down to the mirror's kernel: what the reconciler itself takes.

A mirror of real routers, brought up and at rest. Production is its state alone: the interface
deltas of both ends are applied to the copy, as the follower does, and the clock runs until the
carrier is down in the mirror's namespaces. Meanwhile another thread compares the mirror with
production every two seconds, as it does in the shadow process.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from foreshadow.clock import Clock, SystemClock
from foreshadow.delta import Op, StateDelta
from foreshadow.network_file import NetworkFile
from foreshadow.observed import Interface, Stream, encode
from foreshadow.state import NetworkState
from foreshadow.topology import Link
from shadow.emulation.design import topology_of
from shadow.emulation.netns import NetnsLab
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture, picture
from tests.production_state import state_of

_UP_WITHIN_S = 120.0
_QUIET_S = 2.0
_SETTLED_WITHIN_S = 90.0
_BETWEEN_S = 0.3
"""More than the coalescing window: each change is a first one."""
_JUDGED_EVERY_S = 2.0


def reconcile_times(network: NetworkFile, *, run_id: str, changes: int) -> Iterator[float]:
    """Seconds of each change, links going down and coming up by turns, in an order drawn once.

    Args:
        network: What is mirrored; its peers too.
        run_id: The lab is called `<run_id>-mirror` and removed in the end.
        changes: How many.
    """
    clock, rng = SystemClock(), random.Random(20040311)
    mirror = LevelledLab(
        "mirror",
        lambda spec: NetnsLab(spec, run_id=run_id, name="mirror"),
        clock,
        within_s=_UP_WITHIN_S,
    )
    state = state_of(network)
    production = [picture(state)]
    try:
        mirror.level(production[0].spec)
        mirror.lab.wait_settled(quiet_s=_QUIET_S, within_s=_SETTLED_WITHIN_S)
        with _judging(mirror, production):
            links = topology_of(network).links
            for number in range((changes + 1) // 2):
                link = rng.choice(links)
                for is_up in (False, True)[: changes - 2 * number]:
                    yield _followed_s(mirror, state, production, link, is_up=is_up)
                    clock.sleep(_BETWEEN_S)
    finally:
        mirror.discard()


def _followed_s(
    mirror: LevelledLab,
    state: NetworkState,
    production: list[Picture],
    link: Link,
    *,
    is_up: bool,
) -> float:
    clock: Clock = SystemClock()
    deltas = [*_deltas(state, link, is_up=is_up)]
    begun_s = clock.monotonic_s()
    for delta in deltas:
        state.apply(delta)
    production[0] = picture(state)
    mirror.level(production[0].spec)
    taken_s = clock.monotonic_s() - begun_s
    if (link.id in mirror.links_down()) is is_up:
        raise RuntimeError(f"the mirror did not follow {link.id}")
    return taken_s


def _deltas(state: NetworkState, link: Link, *, is_up: bool) -> Iterator[StateDelta]:
    ours = set(state.devices())
    for near, _ in link.ends():
        if near.node in ours:
            epoch, seq = state.vector()[near.node, Stream.INTERFACE]
            interface = Interface(name=near.interface, is_admin_up=True, is_oper_up=is_up)
            yield StateDelta(
                device=near.node,
                stream=Stream.INTERFACE,
                epoch=epoch,
                seq=seq + 1,
                op=Op.CHANGE,
                upserts=((near.interface, encode(interface)),),
            )


@contextmanager
def _judging(mirror: LevelledLab, production: list[Picture]) -> Iterator[None]:
    stop = threading.Event()

    def judge() -> None:
        while not stop.wait(_JUDGED_EVERY_S):
            seen = production[0]
            mirror.fidelity(replace(seen, sessions=dict.fromkeys(seen.loc_ribs, ())))

    thread = threading.Thread(target=judge, name="judge")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
