"""How far the routing model was from what the bench measured."""

from datetime import datetime

import msgspec

from foreshadow.topology import LinkId


class PhaseError(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of a drill: the loads the model expected, and those that were measured."""

    phase: str
    """`before` or `failed`."""
    links: int
    """Link directions compared."""
    mean_error_ratio: float
    """Mean of the absolute differences of load over capacity."""
    worst_error_ratio: float
    """The largest of them, with its sign: above 0 the model expected more."""
    worst_error_link: str
    fullest_link: str
    """The fullest direction as measured."""
    fullest_measured_ratio: float
    fullest_expected_ratio: float
    lost_expected_bps: float
    lost_measured_bps: float


class ModelError(msgspec.Struct, frozen=True, kw_only=True, tag="model-error.v1", tag_field="kind"):
    """What a drill says of the model that chose it."""

    drill: str
    cut: tuple[LinkId, ...]
    at: datetime
    """Time of the demand both were asked about."""
    phases: tuple[PhaseError, ...]
