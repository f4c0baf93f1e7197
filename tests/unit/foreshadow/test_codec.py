"""JSON for values: addresses as text, equal values as equal bytes, anything else refused."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import msgspec
import pytest

from foreshadow.codec import from_json, to_json, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addressed:
    address: IPv4Address
    interface: IPv4Interface
    prefix: IPv4Network


VALUE = _Addressed(
    address=IPv4Address("10.0.0.1"),
    interface=IPv4Interface("10.0.0.1/31"),
    prefix=IPv4Network("10.0.0.0/8"),
)
GOLDEN = b'{"address":"10.0.0.1","interface":"10.0.0.1/31","prefix":"10.0.0.0/8"}'


def test_addresses_travel_as_text() -> None:
    """Both ways, in the order of the fields."""
    assert to_json(VALUE) == GOLDEN
    assert from_json(GOLDEN, _Addressed) == VALUE
    assert to_plain(VALUE) == msgspec.json.decode(GOLDEN)


@pytest.mark.parametrize(
    ("before", "after"), [('"10.0.0.1"', '"10.0.0"'), ('"10.0.0.0/8"', '"10.0.0.1/8"'), ("{", "[")]
)
def test_what_is_no_address_is_refused_as_a_bad_record(before: str, after: str) -> None:
    """Every reader expects this error, whatever is wrong with the record."""
    raw = GOLDEN.decode().replace(before, after, 1)

    with pytest.raises(msgspec.DecodeError):
        from_json(raw, _Addressed)


def test_a_value_without_a_wire_form_is_our_own_bug() -> None:
    """It is neither written nor read."""
    with pytest.raises(NotImplementedError, match="no wire form for complex"):
        to_json(1j)
    with pytest.raises(NotImplementedError, match="no wire form for complex"):
        from_json(b'"1j"', complex)
