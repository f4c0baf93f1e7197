"""The traffic between two places grows."""

import math
from dataclasses import replace
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from scenarios.faults.fault import FaultValue


class DemandSurge(FaultValue, frozen=True, kw_only=True, tag="demand-surge.v1"):
    """The traffic from one router to one destination is multiplied."""

    undoing: ClassVar[str] = "offer the usual demand again"
    ingress: Annotated[NodeId, Meta(description="where it enters the network")]
    prefix: Annotated[Prefix, Meta(description="where it goes; a wider prefix takes all within")]
    factor: Annotated[float, Meta(gt=0, le=1000, description="2 doubles it")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"demand {self.ingress} to {self.prefix} x {self.factor:g}"

    def applied(self, demand: DemandMatrix) -> DemandMatrix:
        """The demand while it lasts."""
        surging = [self._concerns(key) for key in demand.keys]
        if not any(surging):
            raise ConfigError(f"no demand enters at {self.ingress} towards {self.prefix}")
        return replace(
            demand,
            rates_bps=tuple(
                rate * self.factor if surges else rate
                for rate, surges in zip(demand.rates_bps, surging, strict=True)
            ),
        )

    def verify(self, offered: DemandMatrix, usual: DemandMatrix) -> str:
        """What speaks against the surge being offered."""
        return difference(offered, self.applied(usual))

    def _concerns(self, key: DemandKey) -> bool:
        return key.ingress == self.ingress and key.prefix.subnet_of(self.prefix)


def difference(offered: DemandMatrix, wanted: DemandMatrix) -> str:
    """Which demand is not offered at the rate wanted, as a sentence; "" for none."""
    rates = dict(zip(offered.keys, offered.rates_bps, strict=True))
    targets = dict(zip(wanted.keys, wanted.rates_bps, strict=True))
    for key in sorted(rates.keys() | targets.keys()):
        is_bps, should_bps = rates.get(key, 0.0), targets.get(key, 0.0)
        if not math.isclose(is_bps, should_bps, rel_tol=1e-9, abs_tol=1.0):
            return (
                f"{key.ingress} to {key.prefix} is offered at {is_bps / 1e6:.1f} Mbit/s, "
                f"not {should_bps / 1e6:.1f}"
            )
    return ""
