"""Which demands of an interval are said again: those that left the deadband around what was said.

The true rate of every demand is within the larger of a share of what was said and a share of all
that enters at its router. The first adds up to the same share of any link's load. The second adds
up once a demand, so a link that carries n demands of a router is known to within n times as much in
the worst case; in truth some are above and some below, and most of it cancels out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from foreshadow.observed import DemandRate


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandDeadband:
    """How far a demand may move unsaid.

    Attributes:
        share: Of the rate last said, 0 to 1.
        floor_share: Of the sum of the router's demands in the interval, 0 to 1.
    """

    share: float = 0.0
    floor_share: float = 0.0

    def settled(
        self, values: Mapping[str, bytes], known: Mapping[str, bytes]
    ) -> Mapping[str, bytes]:
        """An interval as it is to be said: what is within the deadband stays as it was said.

        Args:
            values: Measured demands of one router, encoded, by prefix.
            known: The same as they were last said.
        """
        if not (self.share or self.floor_share):
            return values
        rates = {prefix: _rate_bps(raw) for prefix, raw in values.items()}
        least_bps = self.floor_share * sum(rates.values())
        settled = dict(values)
        for prefix in values.keys() & known.keys():
            said_bps = _rate_bps(known[prefix])
            if abs(rates[prefix] - said_bps) <= max(self.share * said_bps, least_bps):
                settled[prefix] = known[prefix]
        return settled


_decoder = msgspec.json.Decoder(DemandRate)


def _rate_bps(raw: bytes) -> float:
    return _decoder.decode(raw).rate_bps
