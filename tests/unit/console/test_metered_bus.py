"""The bus with a meter on it: the numbers are those of what passed."""

from contextlib import closing

from console.metered_bus import MeteredBus, reason_class
from console.prometheus import PrometheusMeter
from foreshadow.codec import to_json
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from tests.fakes.bus import MemoryBus


def _rejected(reason: str, count: int = 1) -> bytes:
    return to_json(Rejected(origin="t/0/1", reason=reason, sample=b"", count=count))


def test_what_passes_is_counted_by_topic() -> None:
    """Records and bytes, in and out; what is left is the lag."""
    meter = PrometheusMeter()
    bus = MeteredBus(MemoryBus(), meter)
    publisher = bus.publisher()
    for value in (b"a", b"bcd", b"ef"):
        publisher.publish(Topic.STATE, "R1", value)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        subscription.poll(0, 2)
        numbers = dict(meter.values())

    assert numbers['foreshadow_bus_records_written_total{topic="state.v1"}'] == 3
    assert numbers['foreshadow_bus_written_bytes_total{topic="state.v1"}'] == 6
    assert numbers['foreshadow_bus_records_read_total{topic="state.v1"}'] == 2
    assert numbers['foreshadow_bus_read_bytes_total{topic="state.v1"}'] == 4
    assert numbers['foreshadow_bus_lag_records{topics="state.v1"}'] == 1


def test_rejects_are_counted_by_reason() -> None:
    """Two of a kind are one reason, whatever their particulars."""
    meter = PrometheusMeter()
    publisher = MeteredBus(MemoryBus(), meter).publisher()
    for reason in ("frr adjacency: 'r7' is missing", "frr adjacency: 'r8' is missing", "no JSON"):
        publisher.publish(Topic.REJECT, "R1", _rejected(reason))
    publisher.publish(Topic.REJECT, "R1", _rejected("no JSON", 61))
    publisher.publish(Topic.REJECT, "R1", b"nonsense")
    numbers = dict(meter.values())

    assert numbers['foreshadow_rejects_total{reason="frr adjacency: ... is missing"}'] == 2
    assert numbers['foreshadow_rejects_total{reason="no JSON"}'] == 62
    assert numbers['foreshadow_rejects_total{reason="unreadable"}'] == 1


def test_a_flood_of_reasons_stays_small() -> None:
    """Labels that anybody can make up would fill Prometheus."""
    meter = PrometheusMeter()
    publisher = MeteredBus(MemoryBus(), meter).publisher()
    for number in range(500):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        publisher.publish(Topic.REJECT, "R1", _rejected(f"reason {word}"))
    numbers = dict(meter.values())
    reasons = {name: value for name, value in numbers.items() if "rejects_total" in name}

    assert len(reasons) <= 41
    assert sum(reasons.values()) == 500


def test_a_class_of_reasons_has_no_particulars() -> None:
    """Numbers and names go, the sentence stays."""
    assert reason_class("line 17: 'eth0' has no counter \"x\": see 4") == (
        "line N: ... has no counter ..."
    )
