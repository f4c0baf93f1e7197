"""Link-state databases, captured from real FRR 8.4.4 and 10.3: who says what about its links."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from frr import lsdb

_CAPTURED = Path(__file__).parent / "captured"


def _isis() -> tuple[lsdb.Lsdb, ...]:
    return lsdb.isis(
        (_CAPTURED / "isis-database.txt").read_text(), (_CAPTURED / "isis-hostname.txt").read_text()
    )


def _ospf() -> lsdb.Lsdb:
    (found,) = lsdb.ospf((_CAPTURED / "ospf-database-router.json").read_text())
    return found


def test_isis_has_a_database_a_level() -> None:
    """A router at both levels knows its area's routers at one, the backbone's at the other."""
    one, two = _isis()

    assert (one.area, [it.name for it in one.routers]) == ("1", ["A", "B", "D"])
    assert (two.area, [it.name for it in two.routers]) == ("2", ["B", "C", "D"])


def test_frr_10_reads_the_same() -> None:
    """Its packets say more than those of 8.4 (segment routing), and nothing else."""
    one, two = lsdb.isis(
        (_CAPTURED / "frr10-isis-database.txt").read_text(),
        (_CAPTURED / "frr10-isis-hostname.txt").read_text(),
    )

    assert [it.name for it in one.routers] == ["A", "B", "D"]
    assert [it.name for it in two.routers] == ["B", "C", "D"]
    assert (one.metric("A", "D"), two.metric("B", "C"), two.metric("D", "B")) == (15, 20, 7)


def test_isis_metrics_are_per_direction() -> None:
    """B pays 20 towards C, and C 25 towards B; who is no neighbor has no metric."""
    _, two = _isis()

    assert two.metric("B", "C") == 20
    assert two.metric("C", "B") == 25
    assert two.metric("B", "0102.5500.0004") == 7
    assert two.metric("B", "A") is None
    assert two.metric("B", "B") is None


def test_isis_overload_is_the_one_router_s() -> None:
    """The overload bit was set on D, and only there."""
    assert [[it.name for it in level.routers if it.is_overloaded] for level in _isis()] == [
        ["D"],
        ["D"],
    ]


def test_ospf_links_carry_metric_and_address() -> None:
    """A router's links name the neighbor by router id, with our own address on the link."""
    router = _ospf().router("10.255.0.2")

    assert router is not None
    assert [(it.neighbor, it.metric, it.address) for it in router.links] == [
        ("10.255.0.1", 10, IPv4Address("10.254.0.1")),
        ("10.255.0.3", 20, IPv4Address("10.254.0.2")),
    ]
    assert lsdb.LsdbPrefix(prefix=IPv4Network("10.255.0.2/32"), metric=0) in router.prefixes


def test_ospf_max_metric_counts_as_overload() -> None:
    """A router all of whose links cost 65535 asks for no transit (RFC 6987)."""
    assert [it.id for it in _ospf().routers if it.is_overloaded] == ["10.255.0.3"]
    assert _ospf().metric("10.255.0.3", "10.255.0.2") == 65_535


def test_fragments_of_a_router_are_one_and_a_pseudonode_is_a_network() -> None:
    """What does not fit one packet is in the next; a broadcast network is marked as such."""
    text = """\
Area IGP:
IS-IS Level-2 link-state database:
LSP ID                  PduLen  SeqNumber   Chksum  Holdtime  ATT/P/OL
R1.00-00                   36   0x00000002  0x98ea    1137    0/0/0
  Extended Reachability: 0000.0000.0001.03 (Metric: 10)
R1.00-01             *     36   0x00000002  0x98ea   (1137)    0/0/1
  Extended Reachability: 0000.0000.0002.00 (Metric: 4)
R1.03-00                   36   0x00000002  0x98ea    1137    0/0/0
  Extended Reachability: 0000.0000.0001.00 (Metric: 0)
"""
    (found,) = lsdb.isis(text, "2      0000.0000.0001 R1\n")
    router, network = found.routers

    assert (router.id, router.is_overloaded, router.is_network) == ("0000.0000.0001", True, False)
    assert [it.neighbor for it in router.links] == ["0000.0000.0001.03", "0000.0000.0002"]
    assert (network.id, network.is_network) == ("0000.0000.0001.03", True)


def test_rubbish_is_a_value_error_and_nothing_is_nothing() -> None:
    """A router without the protocol has no database."""
    with pytest.raises(ValueError, match=r".+"):
        lsdb.ospf("[")

    assert lsdb.ospf("") == lsdb.isis("") == ()
