"""SNMP: interface tables become interfaces and counters, whatever a device lacks of them."""

import bz2
from ipaddress import IPv4Interface
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.errors import ConfigError
from foreshadow.observed import Interface, Stream
from foreshadow.topology import NodeId
from ingest.device_names import DeviceNames
from ingest.heard import CounterReading, Counters, Refused, StateReading
from ingest.sources.snmp import SnmpConfig
from ingest.sources.snmp_table import COLUMNS, IF_TABLE, IFX_TABLE, Oid, heard, interface_rows
from ingest.sources.snmp_walk import SnmpWalkDecoder, our_part

R1 = NodeId("R1")
_UP, _DOWN = 1, 2


def _port(index: int, **columns: int | bytes) -> dict[Oid, int | bytes]:
    """Rows of one interface: `t8=1` is column 8 of ifTable, `x1` column 1 of ifXTable."""
    tables = {"t": IF_TABLE, "x": IFX_TABLE}
    return {(*tables[name[0]], int(name[1:]), index): it for name, it in columns.items()}


def test_a_modern_port_has_wide_counters_and_its_own_name() -> None:
    """IfXTable wins where it is whole."""
    rows = _port(7, t2=b"Gigabit", t7=_UP, t8=_DOWN, t10=1, t16=2, t14=3, t20=4, t13=5, t19=6)
    rows |= _port(7, x1=b"Gi0/7", x6=1 << 40, x10=1 << 41, x15=10_000)
    (row,) = interface_rows(rows)

    assert row.interface == Interface(name="Gi0/7", is_admin_up=True, is_oper_up=False)
    assert row.counters == Counters(
        interface="Gi0/7",
        in_octets=1 << 40,
        out_octets=1 << 41,
        in_errors=3,
        out_errors=4,
        in_discards=5,
        out_discards=6,
        bits=64,
        capacity_bps=1e10,
    )


def test_an_old_port_has_what_it_has() -> None:
    """32-bit octets, no name but the description, and no speed where it says it cannot."""
    rows = _port(3, t2=b"eth0\0", t5=(1 << 32) - 1, t7=_UP, t8=_UP, t10=9, t16=8)
    (row,) = interface_rows(rows)

    assert row.interface.name == "eth0"
    assert (row.counters.bits, row.counters.in_octets, row.counters.out_octets) == (32, 9, 8)
    assert row.counters.in_errors is None
    assert row.counters.capacity_bps is None


def test_two_ports_of_one_name_are_two() -> None:
    """Agents repeat descriptions."""
    rows = _port(1, t2=b"lan", t8=_UP) | _port(2, t2=b"lan", t8=_UP) | _port(3, t8=_UP)

    assert [row.interface.name for row in interface_rows(rows)] == ["lan", "lan#2", "if3"]


def test_addresses_belong_to_their_port() -> None:
    """By the index that the address table names."""
    place = (1, 3, 6, 1, 2, 1, 4, 20, 1)
    rows = _port(1, t8=_UP) | _port(2, t8=_UP)
    rows |= {
        (*place, 2, 10, 0, 0, 1): 2,
        (*place, 3, 10, 0, 0, 1): bytes([255, 255, 255, 252]),
        (*place, 2, 10, 0, 0, 9): 1,
        (*place, 3, 10, 0, 0, 9): bytes([255, 0, 255, 0]),
    }
    first, second = interface_rows(rows)

    assert second.interface.addresses == (IPv4Interface("10.0.0.1/30"),)
    assert first.interface.addresses == ()


_oids = st.one_of(
    st.sampled_from(COLUMNS).flatmap(
        lambda column: st.lists(st.integers(0, 300), max_size=5).map(lambda rest: (*column, *rest))
    ),
    st.lists(st.integers(0, 2**32), max_size=14).map(tuple),
)


@given(st.dictionaries(_oids, st.integers(-(2**70), 2**70) | st.binary(max_size=30), max_size=30))
def test_whatever_an_agent_answers_makes_sense_or_nothing(rows: dict[Oid, int | bytes]) -> None:
    """Names are there and unique, counters are no negative numbers."""
    said = heard(R1, rows, at_ns=1)
    for each in said:
        if isinstance(each, StateReading):
            assert each.values
            assert all(key and value.name == key for key, value in each.values.items())  # type: ignore[union-attr]
        assert not isinstance(each, CounterReading) or all(
            (counters.in_octets or 0) >= 0 for counters in each.counters
        )


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "bits"),
    [("cisco-unmarked-0.snmprec.bz2", {32, 64}), ("juniper-mx960-12-3r6-6.snmprec.bz2", {64})],
)
def test_walks_of_real_routers_are_read(shared_data: Path, file: str, bits: set[int]) -> None:
    """As many interfaces as the walk has ifOperStatus, counted here by text alone."""
    raw = bz2.decompress((shared_data / "telemetry" / "snmprec" / file).read_bytes())
    counted = sum(line.startswith(b"1.3.6.1.2.1.2.2.1.8.") for line in raw.splitlines())
    devices = DeviceNames([R1], default=R1)
    said = list(SnmpWalkDecoder(devices).decode(our_part(raw), origin=file, received_ns=5))
    (state,) = (each for each in said if isinstance(each, StateReading))
    (read,) = (each for each in said if isinstance(each, CounterReading))

    assert (state.device, state.stream) == (R1, Stream.INTERFACE)
    assert len(state.values) == len(read.counters) == counted > 10
    assert {each.bits for each in read.counters} == bits
    refused = [each for each in said if isinstance(each, Refused)]
    assert len(refused) <= 1, refused


def test_a_login_without_its_file_is_refused_by_field(tmp_path: Path) -> None:
    """Before anything is sent."""
    login = {"version": "2c", "community_file": str(tmp_path / "none")}
    config = SnmpConfig.model_validate(
        {"kind": "snmp", "devices": {"R1": "10.0.0.1"}, "login": login}
    )

    with pytest.raises(ConfigError, match=r"login\.community_file"):
        config.login.credentials()
