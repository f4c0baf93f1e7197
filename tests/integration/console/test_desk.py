"""The desk on a real broker: what the house says comes together, and is shown to who may ask."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from typing import Any

import msgspec
import pytest

from console.apache_kafka import free_ports
from console.broker import Broker
from console.kafka_bus import KafkaBus
from console.prometheus import PrometheusMeter
from foreshadow.clock import SystemClock
from foreshadow.codec import to_json
from foreshadow.incident import Incident, IncidentKind
from foreshadow.process_status import ProcessStatus
from foreshadow.settings import BusSettings
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.desk.app import Desk
from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_WITHIN_S = 60
_TOKEN = "open-sesame"  # noqa: S105 - of this test's desk
_R1 = NodeId("R1")


@contextmanager
def _desk(settings: BusSettings) -> Iterator[int]:
    """The desk at work; gives its port."""
    (port,) = free_ports(1)
    desk = Desk(
        bus=settings,
        clock=SystemClock(),
        meter=PrometheusMeter(),
        listen="127.0.0.1",
        port=port,
        token=_TOKEN,
        run_id=f"{SystemClock().now():%H%M%S%f}",
    )
    stop = threading.Event()
    thread = threading.Thread(target=desk.run, args=(stop,))
    thread.start()
    try:
        yield port
    finally:
        stop.set()
        thread.join(_WITHIN_S)
        assert not thread.is_alive()


def _get(port: int, path: str, token: str = _TOKEN) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            return 0, {}
    return answer.status, msgspec.json.decode(body) if answer.status == 200 else body


def test_what_is_said_is_shown_and_outlives_the_desk(broker: Broker, run_id: str) -> None:
    """Statuses, rejects and incidents; a successor reads it all again, garbage costs nothing."""
    broker.create_topics(run_id)
    settings = broker.bus.model_copy(update={"topic_prefix": run_id})
    now = SystemClock().now()
    status = ProcessStatus(
        process="shadow", host="h1", pid=1, started_at=now, at=now, every_s=600, metrics=()
    )
    incident = Incident(
        device=_R1, what=IncidentKind.LINK_DOWN, subject="eth1", at_ns=1, heard_at_ns=2, source="t"
    )
    publisher = KafkaBus(settings).publisher()
    publisher.publish(Topic.STATUS, "shadow", to_json(status))
    publisher.publish(Topic.INCIDENT, _R1, to_json(incident))
    publisher.publish(Topic.STATUS, "x", b"nonsense")
    for number in range(3):
        reason = f"line {number}: no JSON"
        rejected = Rejected(origin="file.json", reason=reason, sample=b"\xff")
        publisher.publish(Topic.REJECT, _R1, to_json(rejected))
    publisher.flush()

    def is_whole(port: int) -> bool:
        _, shown = _get(port, "/status")
        _, refused = _get(port, "/rejects")
        _, occurred = _get(port, "/incidents")
        assert shown["health"] == {"shadow@h1": "well"}
        assert [(line["reason"], line["count"]) for line in refused["reasons"]] == [
            ("line N: no JSON", 3)
        ]
        assert occurred["counts"] == {"link-down": 1}
        return True

    for _ in range(2):
        with _desk(settings) as port:
            eventually(partial(_answers, port, "/status"), within_s=_WITHIN_S)
            eventually(partial(is_whole, port), within_s=_WITHIN_S)
            eventually(partial(_answers, port, "/healthz"), within_s=_WITHIN_S)
            assert _get(port, "/rejects", "guess")[0] == 401


def _answers(port: int, path: str) -> bool:
    return _get(port, path)[0] == 200
