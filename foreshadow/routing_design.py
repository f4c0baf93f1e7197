"""How a network's routers are to route: which protocols, with which timers.

Every default is what a network file without the field has always meant. What FRR cannot do is
refused where it is written (`NetworkFile`), never silently left out.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Igp(StrEnum):
    """The interior protocols of a network; with both, OSPF's routes win (distance 110 to 115)."""

    OSPF = "ospf"
    ISIS = "isis"
    BOTH = "ospf+isis"

    @property
    def has_ospf(self) -> bool:
        """Whether OSPFv2 runs."""
        return self is not Igp.ISIS

    @property
    def has_isis(self) -> bool:
        """Whether IS-IS runs."""
        return self is not Igp.OSPF


class IsisLevel(StrEnum):
    """The levels a router takes part in (ISO 10589): 1 within its area, 2 between areas."""

    ONE = "1"
    TWO = "2"
    BOTH = "1-2"

    @property
    def levels(self) -> frozenset[int]:
        """The levels as numbers."""
        return frozenset(map(int, self.value.split("-")))


IsisArea = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(\.[0-9a-f]{4}){1,3}$")]
"""An IS-IS area address: `49.0001`."""

Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class Bfd(BaseModel):
    """Bidirectional forwarding detection (RFC 5880): down after `multiplier` missed packets."""

    model_config = _STRICT
    interval_ms: int = Field(ge=50, le=60_000)
    multiplier: int = Field(default=3, ge=2, le=255)


LinkBfd = Bfd | Literal[False] | None
"""A link's own BFD; false for none although the network has it."""


class Hello(BaseModel):
    """How often IGP neighbors greet each other, and after what silence they are gone."""

    model_config = _STRICT
    interval_s: int = Field(default=1, ge=1, le=600)
    dead_s: int = Field(default=4, ge=2, le=65_535)

    @model_validator(mode="after")
    def _outlasts_a_lost_one(self) -> Self:
        if self.dead_s < 2 * self.interval_s:
            raise ValueError(f"dead_s: make it {2 * self.interval_s} or more, two intervals")
        return self


class Throttle(BaseModel):
    """How a router holds back SPF runs and new link-state packets, in milliseconds.

    IS-IS in FRR makes a new link-state packet at most once a second, whatever `lsa_ms` says.
    """

    model_config = _STRICT
    spf_initial_ms: Milliseconds = 10
    spf_hold_ms: Milliseconds = 50
    spf_maximum_ms: Milliseconds = 1000
    lsa_ms: int = Field(default=50, ge=0, le=5_000)


class BgpTimers(BaseModel):
    """BGP's timers (RFC 4271 section 10), of every session."""

    model_config = _STRICT
    keepalive_s: int = Field(default=3, ge=1, le=21_845)
    hold_s: int = Field(default=9, ge=3, le=65_535)
    connect_retry_s: int = Field(default=1, ge=1, le=65_535)
