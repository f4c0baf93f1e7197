"""Many routers send to one prefix at once."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from scenarios.faults.demand_surge import difference
from scenarios.faults.fault import FaultValue


class Ddos(FaultValue, frozen=True, kw_only=True, tag="ddos.v1"):
    """Many routers send to one prefix at once, each an equal part of the total."""

    undoing: ClassVar[str] = "offer the usual demand again"
    prefix: Annotated[Prefix, Meta(description="the victim")]
    total_bps: Annotated[float, Meta(gt=0, description="over all sources")]
    sources: Annotated[
        tuple[NodeId, ...], Meta(description="where it enters; every router with demand if empty")
    ] = ()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.total_bps / 1e9:g} Gbit/s towards {self.prefix}"

    def applied(self, demand: DemandMatrix) -> DemandMatrix:
        """The demand while it lasts."""
        sources = frozenset(self.sources) or self._senders(demand.keys)
        if not sources:
            raise ConfigError(f"no router sends anything that could join in against {self.prefix}")
        rates = dict(zip(demand.keys, demand.rates_bps, strict=True))
        for source in sources:
            key = DemandKey(ingress=source, prefix=self.prefix)
            rates[key] = rates.get(key, 0.0) + self.total_bps / len(sources)
        keys = tuple(sorted(rates))
        return DemandMatrix(at=demand.at, keys=keys, rates_bps=tuple(rates[key] for key in keys))

    def verify(self, offered: DemandMatrix, usual: DemandMatrix) -> str:
        """What speaks against the attack being offered."""
        return difference(offered, self.applied(usual))

    def _senders(self, keys: Iterable[DemandKey]) -> frozenset[NodeId]:
        return frozenset(key.ingress for key in keys)
