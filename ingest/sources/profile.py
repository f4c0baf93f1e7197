"""Traffic made from a handful of round numbers, for a demo that needs no data set.

A gravity model gives the mean of every demand, a daily shape and weekday factors move all of them
together, a rush is what no calendar knows, and noise with memory makes every demand wander on its
own. The same file and seed give the same traffic.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from foreshadow.document import parse_document
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile
from foreshadow.topology import NodeId
from ingest.sources.traffic import TrafficMatrices

_STRICT = ConfigDict(extra="forbid", frozen=True)
_DAY = timedelta(days=1)
Array = npt.NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]


class Rush(BaseModel):
    """More traffic around one moment, as a triangle."""

    model_config = _STRICT
    at: AwareDatetime
    half_width_minutes: float = Field(gt=0)
    factor: float = Field(gt=0)


class Noise(BaseModel):
    """How demands wander: standard deviations of the log rate, and how long they remember."""

    model_config = _STRICT
    seed: int
    per_pair: float = Field(ge=0, le=1)
    memory: float = Field(ge=0, lt=1, description="correlation from one interval to the next")
    common: float = Field(ge=0, le=1, description="of all demands together")


class Profile(BaseModel):
    """The whole file, format version 1."""

    model_config = _STRICT
    version: Literal[1]
    name: str
    begins: AwareDatetime
    step_minutes: int = Field(ge=1, le=60)
    total_mbps: Positive
    sends: dict[str, Positive]
    receives: dict[str, Positive]
    daily_shape: tuple[Positive, ...] = Field(min_length=2)
    weekday_factors: tuple[Positive, ...] = Field(min_length=7, max_length=7)
    rushes: tuple[Rush, ...] = ()
    noise: Noise


def profile_matrices(path: Path, network: NetworkFile, *, until: datetime) -> TrafficMatrices:
    """The traffic a profile describes, from its beginning to the interval of `until`.

    Raises:
        ConfigError: The file is missing or malformed, or names routers the network has not.
    """
    profile = _read(path, network)
    step = timedelta(minutes=profile.step_minutes)
    count = int((until - profile.begins) / step) + 1
    if count < 2:
        raise ConfigError(
            f"begins at {profile.begins}, which is not before {until}", path=path, field="begins"
        )
    starts = tuple(profile.begins.astimezone(UTC) + index * step for index in range(count))
    pairs, means = _gravity(profile)
    level = np.asarray([_level(profile, at) for at in starts])
    rates = level[:, np.newaxis] * means * _wander(profile.noise, count, len(pairs))
    return TrafficMatrices(name=profile.name, pairs=pairs, starts=starts, rates_mbps=rates)


def _read(path: Path, network: NetworkFile) -> Profile:
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise ConfigError("no such profile file", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error
    profile = parse_document(text, Profile, path=path)
    routers = {router.name for router in network.routers}
    for field, weights in (("sends", profile.sends), ("receives", profile.receives)):
        if unknown := sorted(weights.keys() - routers):
            raise ConfigError(
                f"names {unknown[0]!r}, which is no router of the network {network.name}",
                path=path,
                field=field,
            )
    return profile


def _gravity(profile: Profile) -> tuple[tuple[tuple[NodeId, NodeId], ...], Array]:
    pairs = tuple(
        (NodeId(src), NodeId(dst))
        for src in profile.sends
        for dst in profile.receives
        if src != dst
    )
    pull = np.asarray([profile.sends[src] * profile.receives[dst] for src, dst in pairs])
    return pairs, profile.total_mbps * pull / pull.sum()


def _level(profile: Profile, at: datetime) -> float:
    """All demands' common factor at one time."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    points = np.linspace(0, 1, len(profile.daily_shape) + 1)
    around = [*profile.daily_shape, profile.daily_shape[0]]
    shape = float(np.interp((at - midnight) / _DAY, points, around))
    rush = 1.0
    for event in profile.rushes:
        distance = abs(at - event.at) / timedelta(minutes=event.half_width_minutes)
        rush *= 1 + (event.factor - 1) * max(0.0, 1 - distance)
    return shape * profile.weekday_factors[at.weekday()] * rush


def _wander(noise: Noise, count: int, n_pairs: int) -> Array:
    """Factors of mean 1, shape (count, n_pairs): first-order autoregressive in the log.

    Drawn interval by interval, so that a longer series begins like a shorter one.
    """
    sigma = np.asarray([noise.per_pair] * n_pairs + [noise.common])
    path = np.random.default_rng(noise.seed).standard_normal((count, n_pairs + 1))
    path[1:] *= np.sqrt(1 - noise.memory**2)
    for index in range(1, count):
        path[index] += noise.memory * path[index - 1]
    path = sigma * path - sigma**2 / 2
    factors: Array = np.exp(path[:, :-1] + path[:, -1:])
    return factors
