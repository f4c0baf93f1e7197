"""Which prefix a destination counts to."""

from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.topology import Prefix
from ingest.demand_prefixes import PrefixTable, key_of, prefix_of

_PREFIXES = st.builds(
    lambda address, bits: IPv4Network((address, bits), strict=False),
    st.integers(0x0A000000, 0x0A0FFFFF),
    st.integers(0, 32),
)


@given(prefixes=st.lists(_PREFIXES, max_size=12), address=st.integers(0x0A000000, 0x0A0FFFFF))
def test_the_longest_match_is_found(prefixes: list[Prefix], address: int) -> None:
    """The table agrees with asking every prefix in turn."""
    holding = [each for each in prefixes if IPv4Address(address) in each]
    expected = max(holding, key=lambda each: each.prefixlen, default=None)

    found = PrefixTable(prefixes, unlisted="aside").of(address, 24)

    assert (None if found is None else prefix_of(found)) == expected


@given(prefix=_PREFIXES)
def test_a_prefix_is_a_number_and_back(prefix: Prefix) -> None:
    """No two prefixes share a number."""
    assert prefix_of(key_of(prefix)) == prefix


def test_what_is_unlisted_follows_the_rule() -> None:
    """The router's own mask, nothing, or one prefix for all; a mask of 0 says nothing."""
    address = int(IPv4Address("192.0.2.77"))
    listed = [Prefix("10.0.0.0/8")]

    by_mask = PrefixTable(listed, unlisted="mask")
    found = by_mask.of(address, 26)
    assert found is not None
    assert prefix_of(found) == Prefix("192.0.2.64/26")
    assert by_mask.of(address, 0) is None
    assert by_mask.of(address, None) is None
    assert by_mask.of(address, 64) is None
    assert PrefixTable(listed, unlisted="aside").of(address, 26) is None
    whole = Prefix("0.0.0.0/0")
    assert PrefixTable(listed, unlisted=whole).of(address, 26) == key_of(whole)


def test_the_prefix_around_another_is_found() -> None:
    """The next shorter listed one; the catch-all has none around it."""
    whole = Prefix("0.0.0.0/0")
    table = PrefixTable(map(Prefix, ["10.0.0.0/8", "10.1.0.0/16"]), unlisted=whole)

    assert table.covering(key_of(Prefix("10.1.2.0/24"))) == key_of(Prefix("10.1.0.0/16"))
    assert table.covering(key_of(Prefix("10.1.0.0/16"))) == key_of(Prefix("10.0.0.0/8"))
    assert table.covering(key_of(Prefix("10.0.0.0/8"))) == key_of(whole)
    assert table.covering(key_of(whole)) is None
