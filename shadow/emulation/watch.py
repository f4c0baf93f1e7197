"""When did any forwarding table change last? One thread, one netlink socket a router, one clock.

Whether a network has come to rest cannot be asked of it, only watched. The watch begins before the
first daemon starts, so it also knows which prefixes each table holds without listing it again.
Both families, since one router's tables come to rest together.
"""

import errno
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

from foreshadow.errors import TransientError
from foreshadow.topology import NodeId
from shadow.emulation.emulator import FibChange, Settled
from shadow.emulation.rtnetlink import TABLE_MAIN, AnyPrefix, Route, changes

_KEPT_CHANGES = 100_000
_IPV6 = 6


ListRoutes = Callable[[], tuple[Route, ...]]


class FibWatch:
    """Watches the main routing tables of many namespaces."""

    def __init__(
        self,
        changes: Mapping[NodeId, socket.socket],
        tables: Mapping[NodeId, ListRoutes],
    ) -> None:
        """Begin to watch.

        Args:
            changes: Per router, a netlink socket bound to its route changes.
            tables: Per router, how to list its routes: at the beginning, and when the kernel
                dropped changes.
        """
        self._tables: dict[NodeId, ListRoutes] = {}
        self._held: dict[NodeId, set[AnyPrefix]] = {}
        self._sockets: dict[NodeId, socket.socket] = {}
        self._expected: dict[NodeId, frozenset[AnyPrefix]] = {}
        self._awaited: dict[NodeId, set[AnyPrefix]] = {}
        self._log: deque[FibChange] = deque(maxlen=_KEPT_CHANGES)
        self._total = 0
        self._news = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        for node, connection in changes.items():
            self.add(node, connection, tables[node])
        self._thread = threading.Thread(target=self._run, name="fib-watch", daemon=True)
        self._thread.start()

    def add(self, node: NodeId, connection: socket.socket, list_routes: ListRoutes) -> None:
        """Watch one more router, beginning with what its table holds now."""
        connection.settimeout(0)
        held = _main(list_routes())
        with self._news:
            self._tables[node], self._held[node] = list_routes, held
            self._sockets[node] = connection
        self._selector.register(connection, selectors.EVENT_READ, node)

    def remove(self, node: NodeId) -> None:
        """Watch a router no longer; its socket may be closed after this. Nothing if it is not."""
        with self._news:
            if node in self._sockets:
                self._selector.unregister(self._sockets.pop(node))
                del self._tables[node], self._held[node]

    def close(self) -> None:
        """Stop watching."""
        self._wake.close()
        self._thread.join()
        self._selector.close()
        self._woken.close()

    def changes(self, since_s: float) -> tuple[FibChange, ...]:
        """Every change from a moment on, oldest first."""
        with self._news:
            return tuple(change for change in self._log if change.at_s >= since_s)

    def missing(
        self, expected: Mapping[NodeId, Collection[AnyPrefix]]
    ) -> dict[NodeId, frozenset[AnyPrefix]]:
        """The expected prefixes that are not in the tables."""
        with self._news:
            absent = {
                node: frozenset(wanted).difference(self._held[node])
                for node, wanted in expected.items()
            }
        return {node: prefixes for node, prefixes in absent.items() if prefixes}

    def await_prefixes(
        self, expected: Mapping[NodeId, Collection[AnyPrefix]], *, within_s: float
    ) -> dict[NodeId, frozenset[AnyPrefix]]:
        """Wait until the prefixes are in the tables; returns those that did not come in time.

        What is outstanding is kept with every change: comparing all tables again each time would
        take a large lab's cores away from its routers.
        """
        with self._news:
            self._expected = {node: frozenset(wanted) for node, wanted in expected.items()}
            self._awaited = {
                node: set(wanted).difference(self._held[node]) for node, wanted in expected.items()
            }
            self._news.wait_for(lambda: not any(self._awaited.values()), timeout=max(0, within_s))
            missing = {node: frozenset(left) for node, left in self._awaited.items() if left}
            self._expected, self._awaited = {}, {}
        return missing

    def wait_for(
        self, is_reached: Callable[[], bool], *, within_s: float, poll_s: float = 0.5
    ) -> bool:
        """Whether a condition came true in time; asked again with every change, or `poll_s`."""
        deadline = time.monotonic() + within_s
        while True:
            with self._news:
                seen = self._total
            if is_reached():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._news:
                self._news.wait_for(lambda: self._total != seen, timeout=min(left, poll_s))  # noqa: B023 - called at once

    def wait_settled(self, *, quiet_s: float, within_s: float, since_s: float) -> Settled:
        """Wait until nothing has changed for `quiet_s`, at most `within_s` from now."""
        deadline = time.monotonic() + within_s
        with self._news:
            while True:
                now = time.monotonic()
                last = self._log[-1].at_s if self._log else since_s
                rest = max(last, since_s) + quiet_s
                if now >= rest or now >= deadline:
                    return self._settled(since_s, is_settled=now >= rest)
                self._news.wait(min(rest, deadline) - now)

    def _settled(self, since_s: float, *, is_settled: bool) -> Settled:
        after = [change.at_s for change in self._log if change.at_s >= since_s]
        return Settled(
            is_settled=is_settled,
            since_s=since_s,
            last_change_s=after[-1] if after else None,
            changes=len(after),
        )

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                connection = key.fileobj
                if isinstance(connection, socket.socket):
                    self._read(key.data, connection)

    def _read(self, node: NodeId, connection: socket.socket) -> None:
        """Take everything that is waiting on one socket."""
        while True:
            try:
                datagram = connection.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    return
                self._relist(node)
                continue
            at_s = time.monotonic()
            found = [
                FibChange(at_s=at_s, node=node, prefix=prefix, is_removed=is_removed)
                for prefix, is_removed in changes(datagram)
            ]
            if found:
                self._note(node, found)
            if any(it.is_removed and it.prefix.version == _IPV6 for it in found):
                self._recheck(node)

    def _note(self, node: NodeId, found: list[FibChange]) -> None:
        with self._news:
            if node not in self._held:
                return
            held = self._held[node]
            for change in found:
                (held.discard if change.is_removed else held.add)(change.prefix)
            self._compare(node, (change.prefix for change in found))
            self._log.extend(found)
            self._total += len(found)
            self._news.notify_all()

    def _recheck(self, node: NodeId) -> None:
        """An IPv6 route that lost one of several next hops is announced as gone: look again."""
        held = self._listed(node)
        with self._news:
            if held is not None and node in self._held:
                self._held[node] |= held
                self._compare(node, held)

    def _compare(self, node: NodeId, prefixes: Iterable[AnyPrefix]) -> None:
        """Bring up to date which of these prefixes are awaited still; within the lock."""
        if node in self._awaited:
            held, awaited = self._held[node], self._awaited[node]
            for prefix in self._expected[node].intersection(prefixes):
                (awaited.discard if prefix in held else awaited.add)(prefix)

    def _relist(self, node: NodeId) -> None:
        """The kernel dropped changes (ENOBUFS): list the table, and count it as a change."""
        held = self._listed(node)
        with self._news:
            if held is None or node not in self._held:
                return
            gone = self._held[node] - held
            self._held[node] = held
        at_s = time.monotonic()
        overrun = [
            FibChange(at_s=at_s, node=node, prefix=prefix, is_removed=prefix in gone)
            for prefix in held | gone
        ]
        self._note(node, overrun)

    def _listed(self, node: NodeId) -> set[AnyPrefix] | None:
        """What a router's table holds now; None for one that is being taken away this moment."""
        with self._news:
            list_routes = self._tables.get(node)
        if list_routes is None:
            return None
        try:
            return _main(list_routes())
        except TransientError:
            return None


def _main(routes: tuple[Route, ...]) -> set[AnyPrefix]:
    return {route.prefix for route in routes if route.table == TABLE_MAIN}
