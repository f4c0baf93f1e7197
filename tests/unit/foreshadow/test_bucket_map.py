"""A map that knows its digests: they follow every change, and tell what differs."""

import hashlib

import hypothesis.strategies as st
import msgspec
from hypothesis import given

from foreshadow.bucket_map import BUCKETS, DIGEST_BYTES, BucketMap, bucket_of

_keys = st.text("abcdefgh", max_size=3)
_values = st.binary(max_size=300)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _keys, _values),
        st.tuples(st.just("drop"), _keys, st.just(b"")),
        st.tuples(st.just("ask"), st.just(""), st.just(b"")),
    ),
    max_size=60,
)


def _by_hand(values: dict[str, bytes]) -> bytes:
    """The root as the protocol defines it, with nothing remembered."""
    sums = [0] * BUCKETS
    for key, value in values.items():
        entry = hashlib.sha256(key.encode() + b"\0" + value).digest()
        sums[hashlib.sha256(key.encode()).digest()[0]] += int.from_bytes(entry, "big")
    digests = b"".join((total % (1 << 256)).to_bytes(32, "big") for total in sums)
    return hashlib.sha256(digests).digest()


@given(_steps)
def test_digests_follow_any_changes(steps: list[tuple[str, str, bytes]]) -> None:
    """Kept up to date or computed from nothing, the root is the same; so is the size."""
    kept, plain = BucketMap(), dict[str, bytes]()
    for what, key, value in steps:
        if what == "put":
            assert kept.put(key, value) == (plain.get(key) != value)
            plain[key] = value
        elif what == "drop":
            assert kept.drop(key) == (plain.pop(key, None) is not None)
        else:
            assert kept.root() == _by_hand(plain)

    assert dict(kept) == plain
    assert kept.root() == _by_hand(plain) == BucketMap(plain).root()
    assert kept.total() == BucketMap(plain).total()
    assert kept.size_bytes == sum(len(msgspec.msgpack.encode(item)) for item in plain.items())


@given(
    st.dictionaries(_keys, _values, max_size=20),
    st.dictionaries(_keys, _values, max_size=20),
)
def test_what_differs_is_in_the_buckets_that_differ(
    ours: dict[str, bytes], theirs: dict[str, bytes]
) -> None:
    """Every key that one has and the other has not, or otherwise, is found by its bucket."""
    bad = BucketMap(ours).unlike(BucketMap(theirs).digests())

    differing = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    assert set(bad) == {bucket_of(key) for key in differing}
    assert {key for key, _ in BucketMap(ours).within(bad)} >= differing & ours.keys()
    assert (BucketMap(ours).root() == BucketMap(theirs).root()) == (ours == theirs)


def test_digests_never_change() -> None:
    """Golden: both ends of different versions compute the same of the same map."""
    known = BucketMap({"10.0.0.0/8": b"a", "eth0": b"b"})

    assert len(known.digests()) == BUCKETS * DIGEST_BYTES
    assert known.root().hex() == "41ba6191198a667054d0c89a2dd984cb2db8b5f0f05a6ae8f21fc5c591ec1916"
    assert BucketMap().root() == hashlib.sha256(bytes(8192)).digest()
    assert BucketMap().total() == bytes(32)
