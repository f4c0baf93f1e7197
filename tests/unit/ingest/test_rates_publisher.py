"""Rates on the bus: nothing of the past, everything of now."""

import msgspec

from console.prometheus import PrometheusMeter
from foreshadow.codec import from_json
from foreshadow.incident import Incident, IncidentKind
from foreshadow.rates import RateTable, decode_frame
from foreshadow.settings import IngestSettings
from foreshadow.topics import Topic
from ingest.rates_owner import RateOwner
from ingest.rates_publisher import RatePublisher
from tests.counter_samples import R1, SECOND_NS, block, sample

Sent = list[tuple[Topic, str, bytes]]


def _read(publisher: RatePublisher, count: int, at_s: int) -> None:
    read = {"in_octets": count * 10_000, "in_errors": count}
    publisher.take(sample(block({"e1": read}), at_s, seq=count))


def test_what_was_measured_in_the_past_is_not_said_again() -> None:
    """Of it only the last rates are told, in a whole frame; then all that moves."""
    sent: Sent = []
    publisher = RatePublisher(RateOwner(7, IngestSettings()), lambda *it: sent.append(it))
    for count, at_s in enumerate((10, 20, 30), start=1):
        _read(publisher, count, at_s)
    assert sent == []

    publisher.settle(31 * SECOND_NS)
    _read(publisher, 9, 40)
    publisher.settle(41 * SECOND_NS)
    table, wholes = RateTable(), []
    for topic, key, value in sent:
        if topic is Topic.METRICS:
            assert key == R1
            frame = decode_frame(value)
            wholes.append((frame.epoch, frame.is_whole))
            table.apply(frame)
    assert wholes == [(7, True), (7, False)]
    assert table.stale_devices() == ()
    assert table.rate(R1, "e1", "in_bps") == 48_000.0


def test_incidents_go_to_their_own_topic() -> None:
    """As every other source's do."""
    sent: Sent = []
    publisher = RatePublisher(RateOwner(7, IngestSettings()), lambda *it: sent.append(it))
    publisher.settle(SECOND_NS)
    _read(publisher, 1, 10)
    _read(publisher, 5, 20)

    ((key, value),) = [(key, value) for topic, key, value in sent if topic is Topic.INCIDENT]
    incident = from_json(value, Incident)
    assert key == incident.device == R1
    assert (incident.what, incident.count) == (IncidentKind.ERRORS, 4)


def test_what_came_and_went_is_counted() -> None:
    """For whoever scrapes the process."""
    publisher = RatePublisher(RateOwner(7, IngestSettings()), lambda *_: None)
    publisher.settle(SECOND_NS)
    for count, at_s in ((1, 10), (2, 20), (2, 20), (9, 30)):
        _read(publisher, count, at_s)
        publisher.settle(at_s * SECOND_NS)
    publisher.tell(meter := PrometheusMeter())

    told = {name: value for name, value in meter.values() if value}
    assert told == {
        "foreshadow_ingest_counter_rows_total": 3,
        "foreshadow_ingest_counter_rows_void_total": 1,
        "foreshadow_ingest_counter_blocks_old_total": 1,
        "foreshadow_ingest_rate_frames_total": 2,
        "foreshadow_ingest_rate_rows_total": 2,
    }


def test_frames_are_msgpack() -> None:
    """And nothing travels for a batch in which nothing was read."""
    sent: Sent = []
    publisher = RatePublisher(RateOwner(7, IngestSettings()), lambda *it: sent.append(it))
    _read(publisher, 1, 10)
    _read(publisher, 2, 20)
    publisher.settle(20 * SECOND_NS)
    publisher.settle(90 * SECOND_NS)

    ((_, _, value),) = sent
    assert msgspec.msgpack.decode(value)[0] == "rates.v1"
