"""When did any forwarding table change last? One thread, one netlink socket a router, one clock.

Whether a network has come to rest cannot be asked of it, only watched. The watch begins before the
first daemon starts, so it also knows which prefixes each table holds without listing it again.
"""

import errno
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foreshadow.topology import NodeId, Prefix
from shadow.emulation.emulator import Settled
from shadow.emulation.rtnetlink import TABLE_MAIN, Route, routes

_KEPT_CHANGES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FibChange:
    """One route that came, changed or went; `at_s` is by the monotonic clock."""

    at_s: float
    node: NodeId
    prefix: Prefix
    is_removed: bool


class FibWatch:
    """Watches the main routing tables of many namespaces."""

    def __init__(
        self,
        changes: Mapping[NodeId, socket.socket],
        tables: Mapping[NodeId, Callable[[], tuple[Route, ...]]],
    ) -> None:
        """Begin to watch.

        Args:
            changes: Per router, a netlink socket bound to its route changes.
            tables: Per router, how to list its routes, for when the kernel dropped changes.
        """
        self._tables = tables
        self._held: dict[NodeId, set[Prefix]] = {node: set() for node in changes}
        self._log: deque[FibChange] = deque(maxlen=_KEPT_CHANGES)
        self._total = 0
        self._news = threading.Condition()
        self._selector = selectors.DefaultSelector()
        for node, connection in changes.items():
            connection.settimeout(0)
            self._selector.register(connection, selectors.EVENT_READ, node)
        self._wake, woken = socket.socketpair()
        self._selector.register(woken, selectors.EVENT_READ, None)
        self._woken = woken
        self._thread = threading.Thread(target=self._run, name="fib-watch", daemon=True)
        self._thread.start()

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
        self, expected: Mapping[NodeId, frozenset[Prefix]]
    ) -> dict[NodeId, frozenset[Prefix]]:
        """The expected prefixes that are not in the tables."""
        with self._news:
            absent = {node: wanted - self._held[node] for node, wanted in expected.items()}
        return {node: prefixes for node, prefixes in absent.items() if prefixes}

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
                FibChange(at_s=at_s, node=node, prefix=route.prefix, is_removed=route.is_removed)
                for route in routes(datagram)
                if route.table == TABLE_MAIN
            ]
            if found:
                self._note(node, found)

    def _note(self, node: NodeId, found: list[FibChange]) -> None:
        with self._news:
            held = self._held[node]
            for change in found:
                (held.discard if change.is_removed else held.add)(change.prefix)
            self._log.extend(found)
            self._total += len(found)
            self._news.notify_all()

    def _relist(self, node: NodeId) -> None:
        """The kernel dropped changes (ENOBUFS): list the table, and count it as a change."""
        held = {route.prefix for route in self._tables[node]() if route.table == TABLE_MAIN}
        with self._news:
            gone = self._held[node] - held
            self._held[node] = held
        at_s = time.monotonic()
        overrun = [
            FibChange(at_s=at_s, node=node, prefix=prefix, is_removed=prefix in gone)
            for prefix in held | gone
        ]
        self._note(node, overrun)
