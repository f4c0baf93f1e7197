"""The watch over forwarding tables: what it holds, and when it calls a network settled."""

import socket
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Network

import pytest

from foreshadow.errors import EmulationFailed
from foreshadow.topology import NodeId, Prefix
from shadow.emulation.rtnetlink import (
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_UNICAST,
    AnyPrefix,
    Route,
)
from shadow.emulation.watch import FibWatch
from tests.eventually import eventually
from tests.route_messages import encoded

_A, _B = NodeId("A"), NodeId("B")
_ONE, _TWO = Prefix("10.1.0.0/16"), Prefix("10.2.0.0/16")


def _message(prefix: AnyPrefix, *, table: int = TABLE_MAIN, is_removed: bool = False) -> bytes:
    return encoded(
        Route(
            prefix=prefix,
            table=table,
            type=TYPE_UNICAST,
            protocol=186,
            hops=((2, IPv4Address("10.254.0.1")),),
            is_removed=is_removed,
        )
    )


class _Kernels:
    """Two namespaces' ends of their change sockets."""

    def __init__(self) -> None:
        pairs = {node: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for node in (_A, _B)}
        self.far = {node: pair[0] for node, pair in pairs.items()}
        self._near = {node: pair[1] for node, pair in pairs.items()}
        self.watch = FibWatch(self._near, dict.fromkeys(self._near, tuple))

    def say(self, node: NodeId, *messages: bytes) -> None:
        self.far[node].send(b"".join(messages))

    def close(self) -> None:
        self.watch.close()
        for connection in (*self.far.values(), *self._near.values()):
            connection.close()


@pytest.fixture
def kernels() -> Iterator[_Kernels]:
    """Two kernels that say what the test tells them."""
    kernels = _Kernels()
    yield kernels
    kernels.close()


def test_prefixes_are_missed_until_they_come_and_again_when_they_go(kernels: _Kernels) -> None:
    """The watch knows each table without asking for it."""
    expected = {_A: frozenset({_ONE, _TWO}), _B: frozenset({_ONE})}

    kernels.say(_A, _message(_ONE), _message(_TWO))
    eventually(lambda: _A not in kernels.watch.missing(expected), within_s=5)
    kernels.say(_A, _message(_TWO, is_removed=True))

    assert eventually(
        lambda: kernels.watch.missing(expected) == {_A: {_TWO}, _B: {_ONE}}, within_s=5
    )


def test_waiting_ends_with_the_change_that_was_waited_for(kernels: _Kernels) -> None:
    """A condition is looked at again as soon as something changes, not at the next poll."""
    expected = {_A: frozenset({_ONE})}
    kernels.say(_A, _message(_ONE))

    begun_s = time.monotonic()
    came = kernels.watch.wait_for(
        lambda: not kernels.watch.missing(expected), within_s=30, poll_s=30
    )

    assert came
    assert time.monotonic() - begun_s < 10


def test_waiting_for_what_never_comes_ends_in_time(kernels: _Kernels) -> None:
    """No endless wait."""
    assert not kernels.watch.wait_for(lambda: False, within_s=0.05)


def test_a_quiet_network_has_settled_without_change(kernels: _Kernels) -> None:
    """Nothing happened: settled, zero convergence time."""
    settled = kernels.watch.wait_settled(quiet_s=0.05, within_s=5, since_s=time.monotonic())

    assert settled.is_settled
    assert settled.changes == 0
    assert settled.convergence_s == 0.0


def test_changes_are_timed_from_the_moment_asked_about(kernels: _Kernels) -> None:
    """The last change after the moment gives the convergence time; earlier ones do not count."""
    kernels.say(_B, _message(_TWO))
    eventually(lambda: kernels.watch.changes(0.0), within_s=5)
    since_s = time.monotonic()
    kernels.say(_A, _message(_ONE))
    kernels.say(_B, _message(_ONE, is_removed=True))
    eventually(lambda: len(kernels.watch.changes(since_s)) == 2, within_s=5)

    settled = kernels.watch.wait_settled(quiet_s=0.05, within_s=5, since_s=since_s)

    assert settled.is_settled
    assert settled.changes == 2
    assert 0 < settled.convergence_s < 5
    assert {change.node for change in kernels.watch.changes(since_s)} == {_A, _B}


def test_a_network_that_keeps_changing_is_not_settled(kernels: _Kernels) -> None:
    """When the time is over before the quiet was reached, the report says so."""
    since_s = time.monotonic()
    kernels.say(_A, _message(_ONE))
    eventually(lambda: kernels.watch.changes(since_s), within_s=5)

    settled = kernels.watch.wait_settled(quiet_s=60, within_s=0.05, since_s=since_s)

    assert not settled.is_settled
    assert settled.changes == 1


def test_the_local_table_is_no_forwarding_table(kernels: _Kernels) -> None:
    """Addresses come and go with interfaces; they are not counted as routing."""
    kernels.say(_A, _message(_ONE, table=TABLE_LOCAL), _message(_TWO))
    eventually(lambda: kernels.watch.changes(0.0), within_s=5)

    assert [change.prefix for change in kernels.watch.changes(0.0)] == [_TWO]


def test_a_router_taken_away_while_its_table_is_read_ends_no_watch(kernels: _Kernels) -> None:
    """An IPv6 route that goes makes the watch list the table, of a router that is leaving."""
    asked: list[int] = []

    def table() -> tuple[Route, ...]:
        asked.append(len(asked))
        if len(asked) > 1:
            raise EmulationFailed("A: no routes: Bad file descriptor")
        return ()

    far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with far, near:
        kernels.watch.remove(_A)
        kernels.watch.remove(_A)
        kernels.watch.add(_A, near, table)
        far.send(_message(IPv6Network("2001:db8::/64"), is_removed=True))
        assert eventually(lambda: len(asked) == 2, within_s=5)
        kernels.say(_B, _message(_ONE))

        assert eventually(lambda: not kernels.watch.missing({_B: {_ONE}}), within_s=5)
        kernels.watch.remove(_A)
