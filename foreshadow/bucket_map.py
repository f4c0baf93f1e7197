"""A map that knows its own digests: what two ends compare instead of the map.

The keys are spread over 256 buckets by the first byte of their SHA-256. A bucket's digest is the
sum, modulo 2^256, of SHA-256(key, value) over its entries: independent of order, and a change is
one subtraction and one addition. The root is the SHA-256 over the 256 digests. Two ends whose roots
differ exchange the digests, and then only what is in the buckets that differ.

Sums are brought up to date when somebody asks for a digest, not with each change: a key that went
back and forth between two heartbeats costs one entry, and the hot path does not hash at all.

Source: anti-entropy as in Dynamo (DeCandia et al., SOSP 2007, section 4.7); sums of hashes as in
AdHash (Bellare and Micciancio, Eurocrypt 1997).
"""

import hashlib
from collections.abc import Collection, ItemsView, Iterable, Iterator, KeysView, Mapping
from typing import Any

BUCKETS = 256
DIGEST_BYTES = 32
_MODULUS = 1 << 256
_NO_SUM = b"\0" * DIGEST_BYTES


def bucket_of(key: str) -> int:
    """Which bucket a key is in."""
    return hashlib.sha256(key.encode()).digest()[0]


def hash_of(key: str, value: bytes) -> int:
    """What an entry adds to the digest of its bucket."""
    return int.from_bytes(hashlib.sha256(key.encode() + b"\0" + value).digest(), "big")


class BucketMap(Mapping[str, bytes]):
    """Key -> value with digests that follow its changes; one owner changes it."""

    __slots__ = ("_root", "_size", "_sums", "_unsummed", "_values")

    def __init__(self, values: Mapping[str, bytes] | Iterable[tuple[str, bytes]] = ()) -> None:
        """Hold these values."""
        self._values: dict[str, bytes] = dict(values)
        self._unsummed: dict[str, bytes | None] = dict.fromkeys(self._values)
        """Keys whose buckets are not up to date, with the value that the sums still hold."""
        self._sums: dict[int, int] = {}
        self._root: tuple[bytes, bytes] | None = None
        self._size = sum(_size(key, value) for key, value in self._values.items())

    def __getitem__(self, key: str) -> bytes:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key; as a dict's, because it is asked for each value that comes in."""
        return self._values.get(key, default)

    def keys(self) -> KeysView[str]:
        """Every key."""
        return self._values.keys()

    def items(self) -> ItemsView[str, bytes]:
        """Every entry."""
        return self._values.items()

    @property
    def size_bytes(self) -> int:
        """What the entries take on the wire, as MessagePack."""
        return self._size

    def put(self, key: str, value: bytes) -> bool:
        """Set one value; returns whether that changed anything."""
        known = self._values.get(key)
        if known == value:
            return False
        self._unsummed.setdefault(key, known)
        self._values[key] = value
        self._size += _size(key, value) - (0 if known is None else _size(key, known))
        return True

    def drop(self, key: str) -> bool:
        """Remove one key; returns whether it was there."""
        known = self._values.pop(key, None)
        if known is None:
            return False
        if self._unsummed.setdefault(key, known) is None:
            # The sums never held it: keys that come and go leave nothing behind.
            del self._unsummed[key]
        self._size -= _size(key, known)
        return True

    def root(self) -> bytes:
        """The digest of the whole map; 32 bytes, equal exactly where two maps are."""
        return self._digests()[0]

    def total(self) -> bytes:
        """The sum over all entries: the digest that `delta.v1` began with."""
        return self._digests()[1]

    def digests(self) -> bytes:
        """The digest of every bucket, one after the other."""
        self._settle()
        digests = bytearray(BUCKETS * DIGEST_BYTES)
        for bucket, number in self._sums.items():
            at = bucket * DIGEST_BYTES
            digests[at : at + DIGEST_BYTES] = number.to_bytes(DIGEST_BYTES, "big")
        return bytes(digests)

    def unlike(self, digests: bytes) -> tuple[int, ...]:
        """The buckets whose digest is another, ascending."""
        ours = self.digests()
        places = range(0, BUCKETS * DIGEST_BYTES, DIGEST_BYTES)
        return tuple(
            at // DIGEST_BYTES
            for at in places
            if ours[at : at + DIGEST_BYTES] != digests[at : at + DIGEST_BYTES]
        )

    def within(self, buckets: Collection[int]) -> tuple[tuple[str, bytes], ...]:
        """Every entry of these buckets."""
        return tuple(item for item in self._values.items() if bucket_of(item[0]) in buckets)

    def _digests(self) -> tuple[bytes, bytes]:
        self._settle()
        if self._root is None:
            total = sum(self._sums.values()) % _MODULUS
            root = hashlib.sha256(self.digests()).digest()
            self._root = (root, total.to_bytes(DIGEST_BYTES, "big"))
        return self._root

    def _settle(self) -> None:
        if not self._unsummed:
            return
        sums = self._sums
        for key, summed in self._unsummed.items():
            value = self._values.get(key)
            if value == summed:
                continue
            bucket = bucket_of(key)
            number = sums.get(bucket, 0)
            if summed is not None:
                number -= hash_of(key, summed)
            if value is not None:
                number += hash_of(key, value)
            if number % _MODULUS:
                sums[bucket] = number % _MODULUS
            else:
                sums.pop(bucket, None)
        self._unsummed.clear()
        self._root = None


def _size(key: str, value: bytes) -> int:
    """Bytes of one (key, value) as MessagePack: the pair, the text, the binary."""
    length = len(key) if key.isascii() else len(key.encode())
    text = 1 if length < 32 else 2 if length < 256 else 3 if length < 65_536 else 5
    binary = 2 if len(value) < 256 else 3 if len(value) < 65_536 else 5
    return 1 + text + length + binary + len(value)
