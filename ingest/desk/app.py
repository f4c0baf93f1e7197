"""The desk's faust worker: agents on the low-rate topics, a timer that looks, pages that answer.

Within faust's measured limits: one event at a time (`concurrency=1`; more loses events at a crash),
raw bytes decoded in the agent, nothing that can raise in its body, no tables, topics made by their
owner. It reads from the beginning at every start, in a group of its own, because its book is in
memory: there are no committed offsets that could run ahead of it.

Source: faust-streaming 0.15.3; its issue 606 is the loss with `concurrency` above 1.
"""

import asyncio
import hmac
import ssl
import tempfile
import threading
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from typing import Any

import faust
import msgspec
import structlog
from faust.web import Request, Response, View

from foreshadow.clock import Clock, from_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import decode_control
from foreshadow.incident import Incident
from foreshadow.meter import INCIDENTS, Meter
from foreshadow.settings import BrokerSecurity, BusSettings
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from ingest.desk.book import Book, Health

_LOOK_EVERY_S = 5.0
_STOP_EVERY_S = 0.2
_LOOP_LATE_S = 5.0
"""An event loop this late is not serving anybody."""
_TOPICS = (Topic.REJECT, Topic.CONTROL, Topic.STATUS, Topic.INCIDENT)

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Desk:
    """What the worker runs with.

    Attributes:
        bus: Where the topics are.
        clock: Time.
        meter: Takes counts.
        listen: Address the pages are served on.
        port: And the port.
        token: What whoever asks must send (`Authorization: Bearer`); None where anybody may.
        run_id: Makes this start's consumer group its own.
    """

    bus: BusSettings
    clock: Clock
    meter: Meter
    listen: str
    port: int
    token: str | None
    run_id: str
    book: Book = field(default_factory=Book)
    _looked_s: float = 0.0
    _heard: int = 0
    _unwell: dict[str, Health] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            OSError: The port is taken.
        """
        with tempfile.TemporaryDirectory(prefix="foreshadow-desk-") as directory:
            asyncio.run(self._serve(directory, stop))

    async def _serve(self, directory: str, stop: threading.Event) -> None:
        app = self._app(directory)
        self._looked_s = self.clock.monotonic_s()
        await app.start()
        log.info("desk_opened", address=f"http://{self.listen}:{self.port}/status")
        try:
            await asyncio.to_thread(_until, stop, app)
        finally:
            await app.stop()

    def _app(self, directory: str) -> faust.App:
        app = faust.App(
            f"{self.bus.topic_prefix}-desk-{self.run_id}",
            broker=[f"kafka://{address}" for address in self.bus.bootstrap.split(",")],
            broker_credentials=credentials(self.bus.security),
            key_serializer="raw",
            value_serializer="raw",
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=10,
            broker_heartbeat_interval=3,
            datadir=directory,
            web_bind=self.listen,
            web_host=self.listen,
            web_port=self.port,
        )
        for topic in _TOPICS:
            self._follow(app, topic)
        app.timer(_LOOK_EVERY_S)(self._look)
        self._pages(app)
        return app

    def _follow(self, app: faust.App, topic: Topic) -> None:
        """An agent for one topic; what does not decode is counted, never raised."""

        async def follow(stream: "faust.StreamT[bytes]") -> None:
            async for event in _events(stream):
                self._heard += 1
                self._take(topic, event.value, event.message.timestamp)

        channel = app.topic(topic.under(self.bus.topic_prefix), value_type=bytes)
        app.agent(channel, name=f"desk.{topic.name.lower()}", concurrency=1)(follow)

    def _take(self, topic: Topic, value: bytes, at_s: float | None) -> None:
        try:
            if topic is Topic.REJECT:
                at = from_ns(round(at_s * 1e9)) if at_s else None
                self.book.rejects.take(from_json(value, Rejected), at)
            elif topic is Topic.INCIDENT:
                incident = from_json(value, Incident)
                self.book.occur(incident)
                self.meter.count(INCIDENTS, incident.count, what=incident.what)
            else:
                self.book.hear(decode_control(value))
        except (msgspec.DecodeError, ValueError):
            # A newer process may say what this one does not know.
            log.debug("desk_passed_over", topic=topic)

    async def _look(self) -> None:
        """Say who has fallen silent or is stuck, once each time that changes."""
        self._looked_s = self.clock.monotonic_s()
        unwell: dict[str, Health] = {
            name: health
            for name, health in self.book.health(self.clock.now()).items()
            if health is not Health.WELL
        }
        if unwell != self._unwell:
            log.warning("processes_unwell" if unwell else "processes_well_again", **unwell)
            self._unwell = unwell

    def _pages(self, app: faust.App) -> None:
        """JSON for machines and for `curl`; health first."""

        def page(path: str, answer: Callable[[], Any]) -> None:
            async def shown(view: View, request: Request) -> Response:
                return self._answer(view, request, answer)

            app.page(path)(shown)

        page("/status", self._status)
        page("/rejects", self._rejects)
        page("/incidents", self._incidents)

        @app.page("/healthz")
        async def healthz(view: View, _request: Request) -> Response:
            late_s = self.clock.monotonic_s() - self._looked_s - _LOOK_EVERY_S
            is_well = bool(app.assignor.assigned_actives()) and late_s < _LOOP_LATE_S
            return view.json(
                {"well": is_well, "heard": self._heard}, status=200 if is_well else 503
            )

    def _answer(self, view: View, request: Request, answer: Callable[[], Any]) -> Response:
        said = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token is not None and not hmac.compare_digest(said.encode(), self.token.encode()):
            return view.text("who are you? send the token", status=401)
        return view.bytes(to_json(answer()), content_type="application/json")

    def _status(self) -> dict[str, Any]:
        now = self.clock.now()
        return {
            "at": now,
            "health": self.book.health(now),
            "processes": self.book.statuses(),
            "sync": self.book.sync,
            "fidelity": None if self.book.fidelity is None else self.book.fidelity.share,
            "resyncs_by_device": self.book.resyncs,
        }

    def _rejects(self) -> dict[str, Any]:
        return self.book.rejects.as_plain()

    def _incidents(self) -> dict[str, Any]:
        return {"counts": self.book.occurred, "latest": list(self.book.incidents)}


def credentials(security: BrokerSecurity) -> Any:
    """How faust's client comes in where the broker wants to know who is there.

    Raises:
        ConfigError: A file that is needed is missing.
    """
    if security.protocol == "plaintext":
        return None
    context = _context(security) if security.is_encrypted else None
    if not security.is_authenticated:
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        username=security.username,
        password=security.secret(),
        mechanism=security.mechanism,
        ssl_context=context,
    )


def _context(security: BrokerSecurity) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=security.ca_file)
    context.check_hostname = security.verify_hostname
    if security.certificate_file is not None:
        password = security.key_password
        context.load_cert_chain(
            security.certificate_file,
            security.key_file,
            password.get_secret_value() if password else None,
        )
    return context


def _until(stop: threading.Event, app: faust.App) -> None:
    """Wait for the sign to stop, or for a worker that stopped by itself."""
    while not stop.wait(_STOP_EVERY_S) and not app.should_stop:
        pass


def _events(stream: "faust.StreamT[bytes]") -> AsyncIterable[Any]:
    events: AsyncIterable[Any] = stream.events()
    return events
