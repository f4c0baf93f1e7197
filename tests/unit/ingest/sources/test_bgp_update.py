"""BGP UPDATEs: what a table learns from them, and what damage costs."""

import gzip
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.bgp_octets import Malformed
from ingest.sources.bgp_open import Open, decode_open
from ingest.sources.bgp_update import IPV4_UNICAST, IPV6_UNICAST, Nlri, Update, decode_update
from tests.bmp_messages import as_path, attribute, attributes, nlri, update
from tests.mrt_records import messages

_OPEN, _UPDATE = 1, 2
_IDS = frozenset({IPV4_UNICAST})

_prefixes = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 32),
)


def _said(path: Path) -> Iterator[tuple[str, ...]]:
    """Every route of a file in the words of `bgpdump -m`."""
    for message in messages(path):
        if message.kind != _UPDATE:
            continue
        found = decode_update(message.body, as_octets=message.as_octets)
        assert not found.fault
        who = str(message.at_s), str(ip_address(message.peer)), str(message.peer_as)
        for route in found.withdrawn:
            yield ("W", *who, str(route.prefix))
        said = found.attributes
        for route in found.announced:
            yield (
                *("A", *who, str(route.prefix)),
                *(said.as_path or "", (said.origin or "").upper(), str(found.next_hop)),
                *(str(said.local_preference or 0), str(said.med or 0)),
                " ".join(said.communities),
            )


def _dumped(path: Path) -> Iterator[tuple[str, ...]]:
    """The same, as bgpdump said it; addresses written in one way."""
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        _, at_s, kind, peer, *rest = line.split("|")
        if kind == "STATE":
            continue
        peer_as, prefix, *said = rest
        who = at_s, str(ip_address(peer)), peer_as
        if kind == "W":
            yield ("W", *who, str(ip_network(prefix)))
        else:
            path_, origin, next_hop, preference, med, communities = said[:6]
            known = " ".join(sorted(set(communities.split())))
            hop = str(ip_address(next_hop))
            yield ("A", *who, str(ip_network(prefix)), path_, origin, hop, preference, med, known)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("updates.20020722.2238.gz", 3_244),
        ("updates.20071015.1505.gz", 10_496),
        ("updates.20100722.2015.gz", 5_614),
    ],
)
def test_real_updates_say_what_bgpdump_says(shared_data: Path, name: str, records: int) -> None:
    """Each route of a collector's files, in its order: prefix, path, next hop, communities."""
    path = shared_data / "telemetry" / "mrt_ris" / name
    ours = list(_said(path))

    assert len(ours) == records
    assert ours == list(_dumped(path.with_name(f"{name}.bgpdump.gz")))


def _session_updates(path: Path) -> Iterator[Update]:
    """The UPDATEs of sessions whose OPENs are in the file, read as these agree."""
    opens: defaultdict[bytes, list[Open]] = defaultdict(list)
    for message in messages(path):
        if message.kind == _OPEN:
            opens[message.peer].append(decode_open(message.body))
        elif message.kind == _UPDATE:
            said = [frozenset(it.add_path) for it in opens[message.peer]]
            # Quagga's file has the peer's OPENs only; it knows no path ids itself.
            ids = said[-1] if said and not path.name.startswith("quagga") else frozenset()
            width = message.as_octets
            yield decode_update(message.body, as_octets=width, with_path_ids=ids)


@pytest.mark.shared_data
def test_daemons_updates_are_read(shared_data: Path) -> None:
    """BIRD's and Quagga's, with path ids as their OPENs say, and large communities."""
    folder = shared_data / "telemetry" / "mrt_small"
    found = [update for path in sorted(folder.glob("*_bgp")) for update in _session_updates(path)]

    assert found
    assert [it.fault for it in found if it.fault] == []
    routes = [route for it in found for route in it.announced]
    assert {type(route.prefix) for route in routes} == {IPv4Network, IPv6Network}
    assert {route.path_id for route in routes} > {0}
    assert any(it.attributes.large_communities for it in found)
    assert {it.end_of_rib for it in found} >= {IPV4_UNICAST, IPV6_UNICAST}


@given(came=st.lists(_prefixes, max_size=20), went=st.lists(_prefixes, max_size=20))
def test_routes_are_read_as_written(came: list[IPv4Network], went: list[IPv4Network]) -> None:
    """What was put in comes out, in its order."""
    said = attributes() if came else b""
    body = update(said, nlri(*map(str, came)), nlri(*map(str, went)))

    found = decode_update(body)

    assert [it.prefix for it in found.announced] == came
    assert [it.prefix for it in found.withdrawn] == went
    assert not found.fault


def test_path_ids_are_read_where_the_session_has_them() -> None:
    """With add-path each route carries its id (RFC 7911)."""
    body = update(attributes(), nlri("10.0.0.0/8", path_id=7), nlri("10.1.0.0/16", path_id=8))

    found = decode_update(body, with_path_ids=_IDS)

    assert found.announced == (Nlri(IPv4Network("10.0.0.0/8"), 7),)
    assert found.withdrawn == (Nlri(IPv4Network("10.1.0.0/16"), 8),)


def test_bits_beyond_a_prefix_mean_nothing() -> None:
    """RFC 4271 section 4.3: trailing bits are irrelevant."""
    found = decode_update(update(attributes(), b"\x09\x0a\xff"))

    assert found.announced == (Nlri(IPv4Network("10.128.0.0/9")),)


def test_attributes_are_printed_as_routers_do() -> None:
    """AS sets and confederations, communities by their names, large communities."""
    path = attribute(
        0x40, 2, pack(">BBIBBIIBBI", 3, 1, 64_900, 1, 2, 100, 200, 2, 1, 4_200_000_000)
    )
    known = attribute(0xC0, 8, pack(">IIII", 0xFFFFFF01, 0xFFFF0000, 0xFFFF029A, 65_001 << 16 | 7))
    large = attribute(0xC0, 32, pack(">IIIIII", 65_001, 3, 4, 65_001, 1, 2))
    said = attribute(0x40, 1, b"\x02") + path + attribute(0x40, 3, bytes(4)) + known + large

    found = decode_update(update(said, nlri("10.0.0.0/8"))).attributes

    assert found.as_path == "(64900) {100,200} 4200000000"
    assert found.origin == "incomplete"
    assert found.communities == ("65001:7", "blackhole", "graceful-shutdown", "no-export")
    assert found.large_communities == ("65001:1:2", "65001:3:4")


def test_two_octet_paths_take_their_long_numbers_from_as4_path() -> None:
    """AS_TRANS gives way to what AS4_PATH says (RFC 6793), unless that is longer than the path."""
    old = attribute(0x40, 2, pack(">BBHHH", 2, 3, 100, 23_456, 23_456))
    new = attribute(0xC0, 17, pack(">BBII", 2, 2, 70_000, 80_000))
    longer = attribute(0xC0, 17, pack(">BBIIII", 2, 4, 1, 2, 70_000, 80_000))
    base = attribute(0x40, 1, b"\0") + attribute(0x40, 3, bytes(4))

    def path(*more: bytes) -> str | None:
        body = update(base + b"".join(more), nlri("10.0.0.0/8"))
        return decode_update(body, as_octets=2).attributes.as_path

    assert path(old, new) == "100 70000 80000"
    assert path(old, longer) == path(old) == "100 23456 23456"


def test_ipv6_routes_come_by_multiprotocol_attributes() -> None:
    """MP_REACH and MP_UNREACH (RFC 4760), the global one of two next hops, beside IPv4 routes."""
    hop, link_local = IPv6Address("2001:db8::1"), IPv6Address("fe80::1")
    reach = (
        pack(">HBB", 2, 1, 32) + hop.packed + link_local.packed + b"\0" + b"\x20\x20\x01\x0d\xb8"
    )
    unreach = pack(">HB", 2, 1) + b"\x10\x20\x02"
    said = attributes(more=(attribute(0x80, 14, reach), attribute(0x80, 15, unreach)))

    found = decode_update(update(said))

    assert found.announced == (Nlri(IPv6Network("2001:db8::/32")),)
    assert found.withdrawn == (Nlri(IPv6Network("2002::/16")),)
    assert found.next_hop == hop
    assert decode_update(update(said, nlri("10.0.0.0/8"))).next_hop == IPv4Address("192.0.2.2")


def test_the_end_of_a_table_is_known_by_its_family() -> None:
    """An empty message is IPv4's, an empty MP_UNREACH another's (RFC 4724 section 2)."""
    empty = attribute(0x80, 15, pack(">HB", 2, 1))
    full = attribute(0x80, 15, pack(">HB", 2, 1) + b"\x10\x20\x02")

    assert decode_update(b"\0\0\0\0").end_of_rib == IPV4_UNICAST
    assert decode_update(update(empty)).end_of_rib == IPV6_UNICAST
    assert decode_update(update(full)).end_of_rib is None
    assert decode_update(update(withdrawn=nlri("10.0.0.0/8"))).end_of_rib is None


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (attribute(0x40, 1, b"\x03"), "ORIGIN"),
        (attribute(0x40, 1, b""), "ORIGIN"),
        (attribute(0xC0, 1, b"\0"), "flags"),
        (attribute(0x40, 2, b"\x02\x05\0\0"), "AS_PATH"),
        (attribute(0x40, 2, b"\x07\x01\0\0\0\1"), "no segment"),
        (attribute(0x40, 3, b"\1\2\3"), "NEXT_HOP"),
        (attribute(0x80, 4, b"\1"), "MULTI_EXIT_DISC"),
        (attribute(0x40, 5, b"\1"), "LOCAL_PREF"),
        (attribute(0xC0, 8, b"\1\2\3"), "COMMUNITIES"),
        (attribute(0xC0, 16, b"\1\2\3"), "EXTENDED COMMUNITIES"),
        (attribute(0xC0, 32, b"\1\2\3\4"), "LARGE_COMMUNITY"),
        (b"\x40\x01", "ends within"),
        (b"", "ORIGIN is missing"),
    ],
)
def test_a_damaged_attribute_withdraws_the_routes(said: bytes, fault: str) -> None:
    """RFC 7606: the session lives, the routes are treated as withdrawn, and it is said why."""
    found = decode_update(update(said, nlri("10.0.0.0/8"), nlri("10.1.0.0/16")))

    assert found.announced == ()
    assert {str(it.prefix) for it in found.withdrawn} == {"10.0.0.0/8", "10.1.0.0/16"}
    assert fault in found.fault


def test_attributes_too_long_for_so_many_routes_withdraw_them() -> None:
    """What 64 KB say in one message would fill a GB where it is held for each route."""
    path = attribute(0x40, 2, b"".join(pack(">BB255I", 2, 255, *range(255)) for _ in range(30)))
    said = attribute(0x40, 1, b"\0") + path + attribute(0x40, 3, bytes(4))
    many = nlri(*(f"10.{number >> 8}.{number & 255}.0/24" for number in range(8_000)))

    found = decode_update(update(said, many))

    assert found.announced == ()
    assert len(found.withdrawn) == 8_000
    assert "8000 routes" in found.fault
    assert not decode_update(update(said, nlri("10.0.0.0/8"))).fault


def test_a_second_attribute_of_a_kind_is_discarded() -> None:
    """RFC 7606 section 3 g: the first counts."""
    found = decode_update(update(attributes(more=(as_path(1, 2, 3),)), nlri("10.0.0.0/8")))

    assert found.attributes.as_path == "65002"
    assert not found.fault


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\0\5\1",
        update(attributes(), b"\x21\1\2\3\4\5"),
        update(attributes(), b"\x18\1\2"),
        update(attributes(more=(attribute(0x80, 14, pack(">HBB", 2, 1, 5) + bytes(9)),))),
        update(attributes(more=(attribute(0x80, 15, bytes(4)), attribute(0x80, 15, bytes(4))))),
    ],
)
def test_routes_that_cannot_be_told_are_malformed(body: bytes) -> None:
    """Where the routes themselves are damaged, nobody can say what goes."""
    with pytest.raises(Malformed, match=r"\w"):
        decode_update(body)


@given(body=st.binary(max_size=200))
def test_any_octets_are_an_update_or_malformed(body: bytes) -> None:
    """Nothing else is raised."""
    with suppress(Malformed):
        decode_update(body, as_octets=2)
