"""Which prefix of the network a destination address belongs to."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from foreshadow.topology import Prefix

PrefixKey = int
"""Network address times 64 plus the length: a prefix as one number, which is quick to look up."""

Unlisted = Prefix | Literal["mask", "aside"]
"""What becomes of a destination that no listed prefix holds: the router's own route to it (the
mask in the flow), nothing, or one prefix that takes it all."""


class PrefixTable:
    """The longest listed prefix that holds an address; for the rest a rule.

    One set of networks a length: at most 33 look-ups, and the same destinations come again and
    again, so most are answered from memory.
    """

    def __init__(
        self, prefixes: Iterable[Prefix], *, unlisted: Unlisted = "mask", remembered: int = 65_536
    ) -> None:
        """Index the prefixes.

        Args:
            prefixes: Those the network knows.
            unlisted: What becomes of a destination that is in none of them.
            remembered: Destinations whose prefix is kept at hand.
        """
        lengths: dict[int, set[int]] = {}
        for prefix in prefixes:
            lengths.setdefault(prefix.prefixlen, set()).add(int(prefix.network_address))
        self._lengths = tuple(
            (bits, (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF, frozenset(lengths[bits]))
            for bits in sorted(lengths, reverse=True)
        )
        self._unlisted = unlisted
        self._find = lru_cache(maxsize=remembered)(self._search)

    def of(self, address: int, mask_bits: int | None) -> PrefixKey | None:
        """The prefix that `address` counts to; None where it counts to none.

        Args:
            address: IPv4, as a number.
            mask_bits: Length of the router's own route to it, where the flow says.
        """
        if (found := self._find(address, 32)) is not None:
            return found
        match self._unlisted:
            case Prefix() as prefix:
                return key_of(prefix)
            case "mask" if mask_bits and mask_bits <= 32:  # 0: the router does not know either.
                return (address & (0xFFFFFFFF << (32 - mask_bits)) & 0xFFFFFFFF) << 6 | mask_bits
            case _:
                return None

    def covering(self, key: PrefixKey) -> PrefixKey | None:
        """The longest listed prefix that holds another one; the catch-all where there is none."""
        if (found := self._find(key >> 6, (key & 63) - 1)) is not None:
            return found
        match self._unlisted:
            case Prefix() as prefix if (parent := key_of(prefix)) != key:
                return parent
            case _:
                return None

    def _search(self, address: int, longest: int) -> PrefixKey | None:
        for bits, mask, networks in self._lengths:
            if bits <= longest and (network := address & mask) in networks:
                return network << 6 | bits
        return None


def key_of(prefix: Prefix) -> PrefixKey:
    """The prefix as one number."""
    return int(prefix.network_address) << 6 | prefix.prefixlen


@lru_cache(maxsize=65_536)
def prefix_of(key: PrefixKey) -> Prefix:
    """The prefix that a number stands for."""
    return Prefix((key >> 6, key & 63))
