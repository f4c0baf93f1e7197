"""A selector in a scenario file."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scenarios.authoring.injection_entry import Names
from scenarios.scenario import Ranking, Selector, TargetKind

_STRICT = ConfigDict(extra="forbid", frozen=True)


class SelectorEntry(BaseModel):
    """Picks targets: one of links, nodes, srlgs..., and what narrows it.

    Names may be globs. Links are `A-B`, sessions `ROUTER:PEER`, demands `INGRESS>PREFIX`.
    """

    model_config = _STRICT
    links: Names | None = Field(default=None, description="links by name or glob")
    nodes: Names | None = Field(default=None, description="routers by name or glob")
    srlgs: Names | None = Field(default=None, description="shared risk groups by name or glob")
    sessions: Names | None = Field(default=None, description="BGP sessions, ROUTER:PEER")
    prefixes: Names | None = Field(default=None, description="announced prefixes")
    demands: Names | None = Field(default=None, description="demands, INGRESS>PREFIX")
    role: Names = Field(
        default=(),
        description="role of the router, or of both ends of the link: as the network file says, "
        "and always border (has external links), reflector, stub (one internal link)",
    )
    srlg: Names = Field(default=(), description="only links in these risk groups")
    external: bool | None = Field(
        default=None,
        description="towards other networks or our own; links are ours and sessions external if "
        "not said",
    )
    among: str = Field(default="", description="another selector: only what it picks counts")
    excluded: Names = Field(
        default=(), alias="not", description="names, globs or selectors that do not count"
    )
    by: Ranking | None = Field(default=None, description="what comes first")
    rank: int = Field(default=1, ge=1, description="place in that order of the first one taken")
    count: int | None = Field(
        default=None, ge=1, description="so many; 1 where `by` is given, all where it is not"
    )
    otherwise: str = Field(
        default="", description="another selector, asked where this one picks nothing"
    )

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        given = [kind.value for kind in TargetKind if getattr(self, kind.value) is not None]
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "says of nothing what it picks"
            raise ValueError(f"{found}; give exactly one of {', '.join(TargetKind)}")
        if self.rank > 1 and self.by is None:
            raise ValueError(f"rank {self.rank} needs an order; add `by: highest-load`")
        return self

    def selector(self) -> Selector:
        """What it becomes."""
        kind = next(kind for kind in TargetKind if getattr(self, kind.value) is not None)
        return Selector(
            kind=kind,
            names=getattr(self, kind.value),
            roles=self.role,
            srlgs=self.srlg,
            is_external=self.external,
            among=self.among,
            excluded=self.excluded,
            by=self.by,
            rank=self.rank,
            count=1 if self.count is None and self.by is not None else self.count,
            otherwise=self.otherwise,
        )
