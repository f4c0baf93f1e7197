"""What sources have said, in numbers: nothing that leaves one is uncounted."""

from datetime import UTC, datetime

from console.prometheus import PrometheusMeter
from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Stream
from foreshadow.telemetry import TelemetrySample
from foreshadow.topology import NodeId
from ingest.heard import Refused
from ingest.source_account import AccountedOutlet
from tests.fakes.clock import FakeClock
from tests.fakes.outlet import KeptOutlet

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _sample(device: str, seq: int) -> TelemetrySample:
    return TelemetrySample(
        device=NodeId(device),
        stream=Stream.INTERFACE,
        source="gnmi",
        epoch=1,
        seq=seq,
        observed_at_ns=0,
        encoding="patch",
        body=b"",
    )


def test_a_source_that_has_said_nothing_is_shown() -> None:
    """Silence is what an operator looks for."""
    meter = PrometheusMeter()
    AccountedOutlet(KeptOutlet(), "snmp", meter, FakeClock(NOON))

    assert dict(meter.values()) == {
        'foreshadow_ingest_source_incidents_total{source="snmp"}': 0,
        'foreshadow_ingest_source_refused_total{source="snmp"}': 0,
    }


def test_what_passes_is_counted_and_dated() -> None:
    """By device, and refusals by how many each stands for; all of it arrives."""
    meter, kept = PrometheusMeter(), KeptOutlet()
    outlet = AccountedOutlet(kept, "gnmi", meter, FakeClock(NOON))
    outlet.publish(iter([_sample("R1", 1), _sample("R1", 2)]))
    outlet.tell(
        [
            Incident(
                device=NodeId("R2"),
                what=IncidentKind.LINK_DOWN,
                subject="eth0",
                at_ns=1,
                heard_at_ns=2,
                source="gnmi",
            )
        ]
    )
    outlet.refuse([Refused(reason="x"), Refused(reason="x", count=9)])
    told, at_s = dict(meter.values()), NOON.timestamp()

    assert told == {
        'foreshadow_ingest_source_samples_total{device="R1",source="gnmi"}': 2,
        'foreshadow_ingest_source_incidents_total{source="gnmi"}': 1,
        'foreshadow_ingest_source_refused_total{source="gnmi"}': 10,
        'foreshadow_ingest_source_heard_timestamp_seconds{device="R1",source="gnmi"}': at_s,
        'foreshadow_ingest_source_heard_timestamp_seconds{device="R2",source="gnmi"}': at_s,
    }
    assert (len(kept.samples), len(kept.incidents), len(kept.refused)) == (2, 1, 2)
