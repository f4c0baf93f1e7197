"""Cisco model-driven telemetry: what lies beside the public messages, and what rows mean."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from foreshadow.observed import Interface, Session, Stream
from ingest.device_names import DeviceNames
from ingest.heard import CounterReading, Heard, Phase, StatePatch
from ingest.sources.cisco_mdt import MdtRow, keyed_path, read_mdt
from ingest.sources.gnmi_decoder import GnmiDecoder
from tests.cisco_cases import brief, counters, end, mdt, neighbor, row
from tests.line_protocol import Line, read_lines

_NOW_NS = 1_773_248_400_000_000_000
_CASES = (
    "NXAPI",
    "NXAPI_Xform_NXAPI",
    "NXAPI_Xform_multi",
    "NXDME",
    "NXDME_evenlist_with_dn",
    "deleted_field",
    "deleted_field_no_content",
    "nested",
    "simple",
    "source_field_rewrite",
)


def _hear(*messages: bytes) -> list[Heard]:
    decoder = GnmiDecoder("mdt", DeviceNames(["r1"]))
    heard: list[Heard] = []
    for raw in messages:
        heard += decoder.decode(raw, origin="test", received_ns=_NOW_NS)
    return heard


def _scalars(value: Any) -> Iterator[tuple[str, str]]:
    """Names without their path, and values as text: the expectations turn some into text."""
    if isinstance(value, list):
        for each in value:
            yield from _scalars(each)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                yield from _scalars(inner)
            else:
                yield name.replace("-", "_"), str(inner)


def _last(name: str) -> str:
    return name.rpartition("/")[2].replace("-", "_")


def _fits(line: Line, row: MdtRow) -> bool:
    """Whether all that a line states is in a row, and was told at that time."""
    told = {*_scalars(row.content), ("delete", str(row.is_deleted))}
    stated = {(_last(name), str(value)) for name, value in line.fields.items()}
    keys = {f"{value:g}" if isinstance(value, float) else str(value) for _, value in row.keys}
    return row.at_ns == line.at_ns and stated <= told and keys <= set(line.tags.values())


@pytest.mark.shared_data
@pytest.mark.parametrize("case", _CASES)
def test_rows_are_those_expected(case: str, shared_data: Path) -> None:
    """Every expected field and key is in a row, under the path and node that are expected."""
    folder = shared_data / "telemetry" / "cisco_mdt_packets" / case
    message = read_mdt((folder / "packet.json").read_bytes())
    lines = read_lines((folder / "expected.out").read_text())

    assert lines
    for line in lines:
        assert any(_fits(line, row) for row in message.rows), line
        assert line.tags["path"] == message.path
        assert line.tags["source"] == message.node
        assert line.tags["subscription"] == message.subscription
    for each in message.rows:
        assert any(_fits(line, each) for line in lines), each


@pytest.mark.shared_data
def test_every_case_is_compared(shared_data: Path) -> None:
    """A case that the data sets gain is not passed over."""
    folder = shared_data / "telemetry" / "cisco_mdt_packets"
    assert tuple(sorted(path.name for path in folder.iterdir())) == _CASES


def test_keys_belong_to_lists_in_their_order() -> None:
    """Two lists whose key has one name get one each."""
    path = "network-instances/network-instance/protocols/protocol/bgp/global/state"
    steps = keyed_path(path, [("name", "default"), ("identifier", "BGP"), ("name", "65001")])

    assert [dict(step.key) for step in steps if step.key] == [
        {"name": "default"},
        {"identifier": "BGP", "name": "65001"},
    ]


def test_interface_is_up_down_or_shut() -> None:
    """IOS XR says in one word what two leaves say elsewhere."""
    messages = [brief(name, f"im-state-{name}") for name in ("up", "down", "admin-down")]
    patches = [each for each in _hear(*messages) if isinstance(each, StatePatch)]

    assert [value for each in patches for value in each.upserts.values()] == [
        Interface(name="up", is_admin_up=True, is_oper_up=True),
        Interface(name="down", is_admin_up=True, is_oper_up=False),
        Interface(name="admin-down", is_admin_up=False, is_oper_up=False),
    ]


def test_collection_that_ends_is_a_snapshot() -> None:
    """What a later collection does not tell again is gone."""
    first = _hear(brief("a", "im-state-up"), brief("b", "im-state-up"), end())
    second = _hear(
        *(brief(name, "im-state-up") for name in "abc"),
        end(),
        *(brief(name, "im-state-up") for name in "ab"),
        end(),
    )

    assert [each.phase for each in first if isinstance(each, StatePatch)] == [
        Phase.BEGIN,
        Phase.PART,
        Phase.END,
    ]
    assert isinstance(second[-1], StatePatch)
    assert (second[-1].phase, second[-1].deletes) == (Phase.CHANGE, ("c",))


def test_counters_and_their_capacity() -> None:
    """Octets of a row are one reading; the bandwidth, in kbit/s, is the interface's capacity."""
    path = "Cisco-IOS-XR-infra-statsd-oper:infra-statistics/interfaces/interface/latest/data-rate"
    speed = mdt(path, row({"interface-name": "Hu0"}, {"bandwidth": 100_000_000}))
    (reading,) = _hear(speed, counters("Hu0", 10**15))

    assert isinstance(reading, CounterReading)
    assert reading.counters[0].in_octets == 10**15
    assert reading.counters[0].in_discards == 0
    assert reading.counters[0].capacity_bps == 1e11


def test_neighbor_of_the_default_vrf() -> None:
    """IOS XR's words for BGP's states become ours."""
    (patch,) = _hear(neighbor("10.0.0.2", "bgp-st-estab"))

    assert isinstance(patch, StatePatch)
    assert patch.stream is Stream.SESSION
    assert patch.upserts == {
        "10.0.0.2": Session(
            peer=IPv4Address("10.0.0.2"), remote_as=65_001, local_as=65_002, state="Established"
        )
    }


@pytest.mark.shared_data
def test_interface_of_nx_os_comes_up(shared_data: Path) -> None:
    """An event of the DME names the interface in its distinguished name."""
    file = shared_data / "telemetry" / "cisco_mdt_packets" / "NXDME_evenlist_with_dn/packet.json"
    decoder = GnmiDecoder("mdt", DeviceNames(["NX-PGBL-GX2"]))
    (patch,) = decoder.decode(file.read_bytes(), origin="test", received_ns=1 << 62)

    assert isinstance(patch, StatePatch)
    assert patch.upserts == {
        "eth1/11": Interface(name="eth1/11", is_admin_up=True, is_oper_up=True)
    }
