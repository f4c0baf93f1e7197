"""A gNMI target, for there is none here: a gRPC server with the generated stubs of the protocol.

A test double of a router's gNMI server. Faithful to the specification (0.10, section 3.5) in what a
subscriber relies on: everything that matches is told first, then one `sync_response`; ON_CHANGE
tells every change and every delete from then on; SAMPLE tells everything that matches again, once
an interval, which here is when the test says so; a wrong password is UNAUTHENTICATED and a
subscription with `updates_only` tells no initial values. It does not aggregate, has no heartbeat of
its own, no aliases and no POLL.
"""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from pygnmi.spec.v080 import gnmi_pb2
from pygnmi.spec.v080.gnmi_pb2_grpc import add_gNMIServicer_to_server, gNMIServicer

from ingest.sources.gnmi_notification import Step, parse_path

Scalar = str | int | bool


@dataclass(frozen=True, kw_only=True)
class Tls:
    """What the target shows, and whose certificates it asks for; PEM."""

    key: bytes
    certificate: bytes
    clients_authority: bytes | None = None


@dataclass
class GnmiTarget(gNMIServicer):  # type: ignore[misc]
    """A device's tree of leaves, and whoever listens to it.

    Attributes:
        leaves: Values by path.
        user: Name and password it wants; None for nobody's.
        requests: Every subscription that was asked for.
    """

    leaves: dict[str, Scalar] = field(default_factory=dict)
    user: tuple[str, str] | None = None
    requests: list[Any] = field(default_factory=list)
    _listeners: list["_Listener"] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _at_ns: int = 1_773_248_400_000_000_000

    @property
    def listeners(self) -> int:
        """How many subscriptions are open and synchronised."""
        with self._lock:
            return len(self._listeners)

    def set(self, path: str, value: Scalar) -> None:
        """Change a leaf; whoever listens on change is told."""
        with self._lock:
            self.leaves[path] = value
            for listener in self._listeners:
                if listener.wants(path, gnmi_pb2.ON_CHANGE):
                    listener.tell(self._updates([path]))

    def delete(self, branch: str) -> None:
        """Take out a leaf or a branch; whoever listens on change is told of the branch."""
        with self._lock:
            gone = [path for path in self.leaves if _is_below(path, branch)]
            for path in gone:
                del self.leaves[path]
            for listener in self._listeners:
                if any(listener.wants(path, gnmi_pb2.ON_CHANGE) for path in gone):
                    said = gnmi_pb2.Notification(timestamp=self._now())
                    said.delete.append(_path(branch))
                    listener.tell(gnmi_pb2.SubscribeResponse(update=said))

    def sample(self) -> None:
        """An interval is over: everything that is sampled is told again."""
        with self._lock:
            for listener in self._listeners:
                wanted = [p for p in self.leaves if listener.wants(p, gnmi_pb2.SAMPLE)]
                if wanted:
                    listener.tell(self._updates(wanted))

    def hang_up(self) -> None:
        """Break every subscription, as a restart of the device does."""
        with self._lock:
            for listener in self._listeners:
                listener.tell(None)

    def Capabilities(self, _request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's
        """What it can: PROTO and JSON_IETF."""
        self._admit(context)
        return gnmi_pb2.CapabilityResponse(
            supported_encodings=[gnmi_pb2.JSON_IETF, gnmi_pb2.PROTO], gNMI_version="0.8.0"
        )

    def Subscribe(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:  # noqa: N802
        """Tell everything, say so, and go on with what changes."""
        self._admit(context)
        wish = next(requests).subscribe
        listener = _Listener(wish)
        with self._lock:
            self.requests.append(wish)
            if not wish.updates_only:
                for path in [path for path in self.leaves if listener.wants(path)]:
                    listener.tell(self._updates([path]))
            listener.tell(gnmi_pb2.SubscribeResponse(sync_response=True))
            self._listeners.append(listener)
        context.add_callback(lambda: listener.tell(None))
        try:
            while (response := listener.said.get()) is not None:
                yield response
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def _admit(self, context: Any) -> None:
        said = dict(context.invocation_metadata())
        if self.user is not None and (said.get("username"), said.get("password")) != self.user:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong user name or password")

    def _updates(self, paths: Sequence[str]) -> Any:
        said = gnmi_pb2.Notification(timestamp=self._now())
        for path in paths:
            said.update.append(gnmi_pb2.Update(path=_path(path), val=_value(self.leaves[path])))
        return gnmi_pb2.SubscribeResponse(update=said)

    def _now(self) -> int:
        self._at_ns += 1_000_000
        return self._at_ns


class _Listener:
    """One open subscription."""

    def __init__(self, wish: Any) -> None:
        self._wishes = [(tuple(each.path.elem), each.mode) for each in wish.subscription]
        self.said: queue.Queue[Any] = queue.Queue()

    def wants(self, path: str, mode: int | None = None) -> bool:
        """Whether a leaf is subscribed to; in that mode, where one is named."""
        steps = parse_path(path)
        return any(
            _matches(elements, steps) and (mode is None or mode == its_mode)
            for elements, its_mode in self._wishes
        )

    def tell(self, response: Any) -> None:
        """Queue a response; None ends the stream."""
        self.said.put(response)


def _matches(elements: Sequence[Any], steps: Sequence[Step]) -> bool:
    return len(elements) <= len(steps) and all(
        element.name == step.name
        and all(value in {"*", step.key.get(key)} for key, value in element.key.items())
        for element, step in zip(elements, steps, strict=False)
    )


def _is_below(path: str, branch: str) -> bool:
    return tuple(parse_path(path))[: len(parse_path(branch))] == tuple(parse_path(branch))


def _path(text: str) -> Any:
    return gnmi_pb2.Path(
        elem=[gnmi_pb2.PathElem(name=step.name, key=step.key) for step in parse_path(text)]
    )


def _value(value: Scalar) -> Any:
    match value:
        case bool():
            return gnmi_pb2.TypedValue(bool_val=value)
        case int():
            return gnmi_pb2.TypedValue(uint_val=value)
        case str():
            return gnmi_pb2.TypedValue(string_val=value)


@contextmanager
def serving(target: GnmiTarget, *, port: int = 0, tls: Tls | None = None) -> Iterator[int]:
    """The target on a port of the loopback, until the end of the block."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=8, thread_name_prefix="gnmi-target"),
        options=[("grpc.so_reuseport", 0)],
    )
    add_gNMIServicer_to_server(target, server)
    address = f"127.0.0.1:{port}"
    if tls is None:
        bound = server.add_insecure_port(address)
    else:
        bound = server.add_secure_port(
            address,
            grpc.ssl_server_credentials(
                [(tls.key, tls.certificate)],
                root_certificates=tls.clients_authority,
                require_client_auth=tls.clients_authority is not None,
            ),
        )
    server.start()
    try:
        yield bound
    finally:
        target.hang_up()
        server.stop(None).wait(10)


def tree(interfaces: Mapping[str, str]) -> dict[str, Scalar]:
    """The leaves of some interfaces by their operational state."""
    found: dict[str, Scalar] = {}
    for name, status in interfaces.items():
        state = f"/interfaces/interface[name={name}]/state"
        found[f"{state}/oper-status"] = status
        found[f"{state}/admin-status"] = "UP"
        found[f"{state}/counters/in-octets"] = 1_000
        found[f"{state}/counters/out-octets"] = 2_000
    return found
