"""Other ways to route the same network: a file of variants, and a network with one applied.

A variant says what is different from the network's own design and why somebody would want that.
Everything it does not name stays as it is.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from foreshadow.document import parse_document, reason_of
from foreshadow.errors import ConfigError
from foreshadow.network_file import LinkEntry, NetworkFile
from foreshadow.propagation import link_delays
from foreshadow.routing_design import BgpTimers, Hello, Igp, LinkBfd, Throttle
from foreshadow.topology import LinkId

_STRICT = ConfigDict(extra="forbid", frozen=True)
_HIGHEST_COST = 65_535
_WIDEST_COST = 10
"""Cost of the widest link where cost follows capacity, so that links ten times as wide as others
can still be told apart."""
_DELAY_PER_COST_S = 1e-5


_TAKEN_OVER = ("igp", "hello", "throttle", "bgp", "ecmp", "ipv6")
"""Fields that a variant and a network have in common."""


class Metrics(StrEnum):
    """How link costs come about."""

    AS_IS = "as-is"
    INVERSE_CAPACITY = "inverse-capacity"
    """10 for the widest link, and so much more as a link is narrower."""
    HOP_COUNT = "hop-count"
    """10 for every link."""
    DELAY = "delay"
    """1 for each 10 microseconds of one-way delay."""


class Variant(BaseModel):
    """One other design."""

    model_config = _STRICT
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    because: str = Field(default="", description="why one would route so")
    igp: Igp | None = None
    metrics: Metrics = Metrics.AS_IS
    hello: Hello | None = None
    bfd: LinkBfd = Field(default=None, description="false takes it off every link")
    throttle: Throttle | None = None
    bgp: BgpTimers | None = None
    ecmp: int | None = Field(default=None, ge=1, le=64)
    ipv6: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.changes():
            raise ValueError(f"variant {self.name} changes nothing; name what it does otherwise")
        return self

    def changes(self) -> tuple[str, ...]:
        """What is different, in the words of the file."""
        said = self.model_dump(mode="json", exclude={"name", "because"}, exclude_defaults=True)
        return tuple(f"{field}: {_said(value)}" for field, value in said.items())


class VariantFile(BaseModel):
    """The whole file, format version 1."""

    model_config = _STRICT
    version: Literal[1]
    variants: tuple[Variant, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_names_of_their_own(self) -> Self:
        names = [variant.name for variant in self.variants]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"variant {twice} is there twice")
        return self


def parse_variants(text: str, *, path: Path) -> tuple[Variant, ...]:
    """The variants of a file.

    Raises:
        ConfigError: Names file, line, column, field and what was expected.
    """
    return parse_document(text, VariantFile, path=path).variants


def varied(network: NetworkFile, variant: Variant) -> NetworkFile:
    """The same network, routed otherwise.

    Raises:
        ConfigError: The network cannot be routed so; names the variant and why.
    """
    named = {name: getattr(variant, name) for name in _TAKEN_OVER}
    changes: dict[str, object] = {name: it for name, it in named.items() if it is not None}
    if variant.bfd is not None:
        changes["bfd"] = variant.bfd or None
    changes["links"] = _links(network, variant)
    try:
        return NetworkFile.model_validate(network.model_copy(update=changes).model_dump())
    except ValidationError as error:
        says = reason_of(error.errors(include_url=False)[0])
        raise ConfigError(f"variant {variant.name} of {network.name}: {says}") from error


def _links(network: NetworkFile, variant: Variant) -> tuple[LinkEntry, ...]:
    """Links with their new costs; what is said of all of them no longer has exceptions."""
    own: dict[str, object] = {}
    if variant.hello is not None:
        own["hello"] = None
    if variant.bfd is not None:
        own["bfd"] = None
    costs = _costs(network, variant)
    return tuple(
        link.model_copy(update=own | ({"cost": costs[link.id], "cost_back": None} if costs else {}))
        for link in network.links
    )


def _costs(network: NetworkFile, variant: Variant) -> dict[LinkId, int]:
    """The cost of each link by a scheme; none where they stay."""
    match variant.metrics:
        case Metrics.AS_IS:
            return {}
        case Metrics.HOP_COUNT:
            return {link.id: _WIDEST_COST for link in network.links}
        case Metrics.INVERSE_CAPACITY:
            widest = max(link.capacity_gbps for link in network.links)
            return {it.id: _cost(_WIDEST_COST * widest / it.capacity_gbps) for it in network.links}
        case Metrics.DELAY:
            delays = link_delays(network)
            if unknown := [link.id for link in network.links if link.id not in delays]:
                raise ConfigError(
                    f"variant {variant.name} of {network.name}: nobody says how long "
                    f"{unknown[0]} is; give it delay_ms, or its routers a place"
                )
            return {name: _cost(delay_s / _DELAY_PER_COST_S) for name, delay_s in delays.items()}


def _cost(exact: float) -> int:
    return min(max(round(exact), 1), _HIGHEST_COST)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={part}" for name, part in value.items())
    return "off" if value is False else str(value)
