"""Datagrams of the public data sets against the decodes that lie beside them, and counts by hand.

The expected decodes are those of another collector (telegraf), in its line protocol.
"""

import re
from collections import Counter
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from ingest.demand_flow import Aside, Direction, Flow
from ingest.heard import Refused
from ingest.sources.netflow import NetflowParser, sent_ns
from ingest.sources.pcap import udp_datagrams
from ingest.sources.sflow import SflowParser

pytestmark = pytest.mark.shared_data

_FIELD = re.compile(r'([a-z0-9_]+)=("[^"]*"|[^ ,]+)')
_MS = 1_000_000
_Facts = tuple[int, int, int]
"""(destination, octets, packets)."""


def _expected(folder: Path) -> list[dict[str, str]]:
    lines = (folder / "expected.out").read_text(encoding="utf-8").splitlines()
    return [
        {name: value.strip('"').rstrip("u") for name, value in _FIELD.findall(line)}
        for line in lines
        if line.startswith("netflow,")
    ]


def _netflow(folder: Path) -> list[Flow]:
    parser = NetflowParser()
    flows: list[Flow] = []
    for path in sorted(folder.glob("*.bin")):
        raw = path.read_bytes()
        export = parser.parse(raw, origin=path.name, received_ns=sent_ns(raw) or 0)
        assert not export.refused
        flows.extend(export.flows)
    return flows


def _facts(flow: Flow) -> _Facts:
    return flow.destination or 0, flow.octets, flow.packets


def _first(line: dict[str, str], *names: str) -> int | None:
    return next((int(line[name], 0) for name in names if name in line), None)


def _told(line: dict[str, str]) -> _Facts:
    return (
        int(IPv4Address(line["dst"])),
        _first(line, "in_bytes", "in_total_bytes") or 0,
        _first(line, "in_packets", "in_total_packets") or 0,
    )


def _told_back(line: dict[str, str]) -> _Facts | None:
    """What went the other way: RFC 5103's elements of octets and packets."""
    octets = _first(line, "type_29305_85", "type_29305_1")
    packets = _first(line, "type_29305_86", "type_29305_2")
    return (int(IPv4Address(line["src"])), octets, packets or 0) if octets else None


@pytest.mark.parametrize(
    "name",
    [
        "ipfix_example",
        "ipfix_pen_35632",
        "issue_13305",
        "netflow_v5_example",
        "netflow_v9_example",
    ],
)
def test_netflow_reads_as_another_collector_does(shared_data: Path, name: str) -> None:
    """Every record: where it goes, its octets and packets, both ways where it has two."""
    folder = shared_data / "telemetry" / "flow_telegraf" / name
    told = _expected(folder)
    assert told

    flows = _netflow(folder)

    back = [each for line in told if (each := _told_back(line)) is not None]
    assert Counter(map(_facts, flows)) == Counter([*map(_told, told), *back])


@pytest.mark.parametrize("name", ["netflow_v9_example", "ipfix_example"])
def test_times_are_those_another_collector_reads(shared_data: Path, name: str) -> None:
    """First and last packet of every flow, in milliseconds.

    The headers of both files are days off, from a replay of older packets; they are set right here.
    """
    folder = shared_data / "telemetry" / "flow_telegraf" / name
    told = Counter(
        (*_told(line), int(line["flow_start_ms"]) * _MS, int(line["flow_end_ms"]) * _MS)
        for line in _expected(folder)
    )
    sent_s = max(end_ns for *_, end_ns in told) // 1_000_000_000 + 1
    parser, found = NetflowParser(), Counter[tuple[int, ...]]()
    for path in sorted(folder.glob("*.bin")):
        raw = path.read_bytes()
        at = 8 if raw[1] == 9 else 4
        raw = raw[:at] + sent_s.to_bytes(4, "big") + raw[at + 4 :]
        flows = parser.parse(raw, origin="", received_ns=sent_s * 1_000_000_000).flows
        found.update((*_facts(flow), flow.start_ns, flow.end_ns) for flow in flows)

    assert told
    assert told <= found


def test_times_by_uptime_are_counted_from_the_export(shared_data: Path) -> None:
    """NetFlow 5 says milliseconds since the router started, and so the same of the export."""
    folder = shared_data / "telemetry" / "flow_telegraf" / "netflow_v5_example"
    (line, *_) = _expected(folder)
    (raw,) = (path.read_bytes() for path in folder.glob("*.bin"))

    flow = _netflow(folder)[0]

    age_ms = int(line["sys_uptime"]) - int(line["last_switched"])
    assert flow.end_ns == (sent_ns(raw) or 0) - age_ms * _MS
    length_ms = int(line["last_switched"]) - int(line["first_switched"])
    assert flow.end_ns - flow.start_ns == length_ms * _MS


def test_sflow_reads_as_another_collector_does(shared_data: Path) -> None:
    """Every sampled packet: where it goes, its length, sampling, interface and direction."""
    folder = shared_data / "telemetry" / "flow_telegraf" / "sflow_issue_15918"
    told = [line for line in _expected(folder) if "sampling_interval" in line]

    parser = SflowParser()
    export = parser.parse((folder / "message.bin").read_bytes(), origin="", received_ns=1)

    assert not export.refused
    assert len(export.flows) == len(told) == 6
    for flow, line in zip(export.flows, told, strict=True):
        assert flow.sampled_one_in == int(line["sampling_interval"])
        assert flow.direction == Direction(line["direction"])
        if flow.direction is Direction.INGRESS:  # Else it gives the interface that sampled.
            assert flow.ingress == int(line["in_snmp"])
        if line["ip_version"] == "IPv6":
            assert flow.aside is Aside.IPV6
            assert flow.octets == int(line["ip_total_len"]) + 40
        else:
            assert flow.destination == int(IPv4Address(line["dst"]))
            assert flow.octets == int(line["ipv4_total_len"])


@pytest.mark.parametrize("name", ["sflow_v5_example", "sflow_issue_15918"])
def test_counters_read_as_another_collector_does(shared_data: Path, name: str) -> None:
    """Octets, errors and discards of a port, its capacity and its name where the agent says it."""
    folder = shared_data / "telemetry" / "flow_telegraf" / name
    (line,) = (line for line in _expected(folder) if "speed" in line)
    (raw,) = (path.read_bytes() for path in folder.glob("*.bin"))

    (port,) = SflowParser().parse(raw, origin="", received_ns=1).ports

    assert port.index == int(line["interface"])
    assert port.counters.interface == line.get("port_name", "")
    assert port.counters.in_octets == int(line["in_bytes"])
    assert port.counters.out_octets == int(line["out_bytes"])
    assert port.counters.in_errors == int(line["in_errors"])
    assert port.counters.out_errors == int(line["out_errors"])
    assert port.counters.in_discards == int(line["in_dropped_packets"])
    assert port.counters.out_discards == int(line["out_dropped_packets"])
    assert port.counters.capacity_bps == float(line["speed"])


def test_other_samples_are_counted(shared_data: Path) -> None:
    """A notice of a dropped packet is no flow, and no error."""
    folder = shared_data / "telemetry" / "flow_telegraf" / "sflow_issue_15375"
    (raw,) = (path.read_bytes() for path in folder.glob("*.bin"))
    parser = SflowParser()

    export = parser.parse(raw, origin="", received_ns=1)

    assert not export.flows
    assert not export.refused
    assert parser.other_samples == 1


def _captured(shared_data: Path, parser: Any, *names: str) -> list[Flow]:
    flows: list[Flow] = []
    for name in names:
        for each in udp_datagrams(shared_data / "telemetry" / f"{name}.pcap"):
            assert not isinstance(each, Refused)
            export = parser.parse(each.payload, origin=each.origin, received_ns=each.at_ns)
            assert all("sampler" in refused.reason for refused in export.refused)
            flows.extend(export.flows)
    return flows


@pytest.mark.parametrize(
    ("names", "flows", "one_in"),
    [
        (("nfv5",), 29, 1),
        (("data+templates",), 21, 100),  # Its header says 24: two are templates, one an option.
        (("options-template", "options-data", "template", "data"), 4, 30_000),
        (("samplingrate-template", "samplingrate-data"), 6, 2_048),
        (("icmp-template", "icmp-data"), 4, 1),
        (("datalink-template", "datalink-data"), 1, 1),
        (("ipfixprobe-templates", "ipfixprobe-data"), 6, 1),  # 4 records, 2 of both directions.
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_captured_netflow_is_read(
    shared_data: Path, names: tuple[str, ...], flows: int, one_in: float
) -> None:
    """As many flows as the datagrams hold records, each with the sampling its exporter said."""
    found = _captured(shared_data, NetflowParser(), *(f"pcap_netflow/{name}" for name in names))

    assert len(found) == flows
    assert {flow.sampled_one_in for flow in found} == {one_in}


def test_data_before_its_template_waits_for_it(shared_data: Path) -> None:
    """The same flows come out in either order; those of a sampler nobody explained are aside."""
    folder = "pcap_netflow"
    early = _captured(shared_data, NetflowParser(), f"{folder}/template", f"{folder}/data")
    late = _captured(shared_data, NetflowParser(), f"{folder}/data", f"{folder}/template")

    assert len(early) == 4
    assert late == early
    assert {flow.aside for flow in late} == {Aside.UNKNOWN_SAMPLER}


def test_a_sampled_frame_in_ipfix_is_looked_into(shared_data: Path) -> None:
    """Element 315: the first bytes of a frame, behind a VLAN tag."""
    folder = "pcap_netflow"
    (flow,) = _captured(
        shared_data, NetflowParser(), f"{folder}/datalink-template", f"{folder}/datalink-data"
    )

    assert flow.destination == int(IPv4Address("52.52.52.52"))
    assert (flow.octets, flow.packets, flow.ingress) == (96, 1, 582)
    assert flow.aside is Aside.UNKNOWN_SAMPLER, "one packet of how many, this exporter did not say"


@pytest.mark.parametrize(
    ("name", "one_in", "told"),
    [
        ("data-icmpv4", 1, [("203.0.113.5", 84)]),
        ("data-icmpv6", 1, [(None, 72)]),
        ("data-encap-vxlan", 1, [("192.168.15.14", 154)]),
        ("data-sflow-expanded-sample", 1_000, [("53.53.53.53", 104)]),
        ("data-sflow-ipv4-data", 256, [("51.51.51.51", 1_344)]),
        ("data-local-interface", 1_024, [(None, 1_500)]),
        (
            "data-1140",
            1_024,
            [
                (None, 1_500),
                ("45.90.161.46", 421),
                (None, 1_500),
                ("191.87.91.27", 40),
                (None, 1_500),
            ],
        ),
    ],
)
def test_captured_sflow_is_read(
    shared_data: Path, name: str, one_in: float, told: list[tuple[str | None, int]]
) -> None:
    """Ethernet, VLAN tags, IPv4 and IPv6, compact and expanded samples; a tunnel's outer header.

    Told by (destination, None where it is IPv6; length of the IP packet).
    """
    flows = _captured(shared_data, SflowParser(), f"pcap_sflow/{name}")

    assert [
        (None if flow.aside is Aside.IPV6 else str(IPv4Address(flow.destination or 0)), flow.octets)
        for flow in flows
    ] == told
    assert {flow.sampled_one_in for flow in flows} == {one_in}
