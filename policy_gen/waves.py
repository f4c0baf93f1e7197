"""How a set of prefixes grows, wave by wave, into the whole policy.

A wave is a share of the affected *traffic*, not of devices: one local preference at one border
router moves the whole AS. Wave k's prefixes are part of wave k+1's, so no prefix
is moved twice. Light prefixes go first; among prefixes of about the same weight (a factor of two) a
hash of prefix and transaction decides, so that it is not always the same customer who is the
canary.
"""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from foreshadow.topology import Prefix

STEPS = (0.01, 0.05, 0.25, 0.50, 1.0)
"""Cumulative shares of the affected traffic that waves aim at."""

LEAST_WAVES = 3
_ROUNDING = 1 + 1e-9


def growing_sets(
    rates_bps: Mapping[Prefix, float],
    txn: str,
    steps: tuple[float, ...] = STEPS,
    *,
    least: int = LEAST_WAVES,
) -> tuple[tuple[Prefix, ...], ...]:
    """The prefixes of each wave, cumulative, the last one whole.

    A step is reached by the prefixes that fit below it. Steps that no whole prefix fits into fall
    away (one prefix may be 40 % of the traffic); where fewer than `least` waves are left, the
    largest additions are split as long as they can be.

    Args:
        rates_bps: Predicted rate of every prefix that moves.
        txn: The change; salts the order.
        steps: Cumulative shares to aim at, ascending, the last one 1.
        least: Waves wanted; there cannot be more waves than prefixes.
    """
    order = sorted(
        rates_bps, key=lambda prefix: (_stratum(rates_bps[prefix]), _salted(prefix, txn))
    )
    reached = list(accumulate(rates_bps[prefix] for prefix in order))
    ends = {bisect_right(reached, step * reached[-1] * _ROUNDING) for step in steps} | {len(order)}
    ends.discard(0)
    for missing in range(len(order) - 1, 0, -1):
        if len(ends) >= least:
            break
        ends.add(missing)
    return tuple(tuple(sorted(order[:end])) for end in sorted(ends))


def share(rates_bps: Mapping[Prefix, float], prefixes: tuple[Prefix, ...]) -> float:
    """Which part of the affected traffic these prefixes carry, 0 to 1."""
    total = sum(rates_bps.values())
    if total <= 0:
        return len(prefixes) / len(rates_bps)
    return sum(rates_bps[prefix] for prefix in prefixes) / total


def _stratum(rate_bps: float) -> int:
    return math.floor(math.log2(rate_bps)) if rate_bps >= 1 else 0


def _salted(prefix: Prefix, txn: str) -> bytes:
    return hashlib.blake2b(f"{prefix} {txn}".encode(), digest_size=16).digest()
