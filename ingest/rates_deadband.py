"""How far a rate may move before it is said again.

Whoever was told a rate knows the true one to within the deadband: the larger of a share of what was
said and a constant. Shares add up, so the same share bounds the error of every sum of rates, such
as the load of a link; constants add up too, once a term.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadband:
    """The largest error of a rate that is not said again.

    Attributes:
        share: Of the rate last said, 0 to 1.
        least_bps: What never matters, bits per second.
    """

    share: float = 0.0
    least_bps: float = 0.0
