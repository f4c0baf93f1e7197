"""The numbers of a process for Prometheus: on loopback, or to whoever knows the token.

Source: prometheus.io, "Exposition formats"; the text comes from prometheus-client.
"""

import hmac
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    make_wsgi_app,
)
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from foreshadow.meter import Kind, Metric
from foreshadow.settings import MetricsSettings

_LONGEST_LABEL = 120

log = structlog.get_logger(__name__)


class PrometheusMeter:
    """Keeps the numbers of one process."""

    def __init__(self) -> None:
        """Begin with what the host says about the process itself."""
        # When a counter began is told by its process's start; a page half as long is read.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._known: dict[str, Counter | Gauge] = {}
        self._totals: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._lock = threading.Lock()

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        counter = self._labelled(metric, labels)
        counter.inc(by)

    def total(self, metric: Metric, value: float, **labels: str) -> None:
        """Bring a counter up to a total; one that fell began anew, and its whole counts."""
        place = (metric.name, tuple(sorted(labels.items())))
        with self._lock:
            before = self._totals.get(place, 0.0)
            self._totals[place] = value
        self.count(metric, value - before if value >= before else value, **labels)

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._labelled(metric, labels).set(value)

    def values(self) -> tuple[tuple[str, float], ...]:
        """Every number of ours, named as Prometheus writes it, sorted."""
        return tuple(
            sorted(
                (_written(sample.name, sample.labels), float(sample.value))
                for family in self.registry.collect()
                for sample in family.samples
                if sample.name.startswith("foreshadow_")
            )
        )

    def _labelled(self, metric: Metric, labels: dict[str, str]) -> Any:
        known = self._known.get(metric.name)
        if known is None:
            with self._lock:
                known = self._known.get(metric.name) or self._made(metric)
                self._known[metric.name] = known
        if not labels:
            return known
        return known.labels(**{name: value[:_LONGEST_LABEL] for name, value in labels.items()})

    def _made(self, metric: Metric) -> Counter | Gauge:
        kind = Counter if metric.kind is Kind.COUNTER else Gauge
        name = metric.name.removesuffix("_total")
        return kind(name, metric.help, metric.labels, registry=self.registry)


def _written(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


@contextmanager
def serving(meter: PrometheusMeter, settings: MetricsSettings, *, place: int) -> Iterator[int]:
    """Serve the numbers at `/metrics` for the length of a `with` block; gives the port.

    A port that is taken is no reason not to work: another one is taken, and said.

    Args:
        meter: Whose numbers.
        settings: Where to listen, and who may ask.
        place: Which of the house's processes this is: its port is the first one's plus this.
    """
    wanted = settings.first_port + place if settings.first_port else 0
    try:
        server = _listening(meter, settings, wanted)
    except OSError as error:
        log.warning("metrics_port_taken", port=wanted, reason=error.strerror)
        server = _listening(meter, settings, 0)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        log.info("metrics_served", address=f"http://{settings.listen}:{server.server_port}/metrics")
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening(meter: PrometheusMeter, settings: MetricsSettings, port: int) -> WSGIServer:
    app = _guarded(make_wsgi_app(meter.registry), settings.token())
    return make_server(
        settings.listen, port, app, server_class=_ThreadingServer, handler_class=_QuietHandler
    )


_App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def _guarded(app: Any, token: str | None) -> _App:
    """The same for those who say `Authorization: Bearer TOKEN`, if there is a token."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        if token is not None and not hmac.compare_digest(said.encode(), token.encode()):
            start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
            return [b"who are you? send the token of FORESHADOW_METRICS__TOKEN_FILE\n"]
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return guarded


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Two processes on one port would answer by turns.
    allow_reuse_port = False


class _QuietHandler(WSGIRequestHandler):
    timeout = 10
    """A client that says nothing is not waited for any longer."""

    def log_message(self, *_: Any) -> None:
        """A scrape every few seconds is no news."""
