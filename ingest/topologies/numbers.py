"""Numbers out of other people's files, and what to say where one is not."""

import math
from pathlib import Path

from foreshadow.errors import ConfigError


def number(
    text: str, what: str, *, path: Path, line: int | None = None, is_positive: bool = False
) -> float:
    """A finite number that is not negative.

    Args:
        text: As written.
        what: What it is, for the refusal: `bandwidth`.
        path: The file.
        line: Where in it.
        is_positive: Zero is refused too.

    Raises:
        ConfigError: It is none.
    """
    value = any_number(text, what, path=path, line=line)
    if value < 0 or (is_positive and value == 0):
        wanted = "more than 0" if is_positive else "0 or more"
        raise ConfigError(f"the {what} is {text}; expected {wanted}", path=path, line=line)
    return value


def any_number(text: str, what: str, *, path: Path, line: int | None = None) -> float:
    """A finite number, of either sign.

    Raises:
        ConfigError: It is none.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise ConfigError(
            f"the {what} is {text!r}; expected a number", path=path, line=line
        ) from error
    if not math.isfinite(value):
        raise ConfigError(f"the {what} is {text}; expected a number", path=path, line=line)
    return value


def place(
    latitude: float | None, longitude: float | None
) -> tuple[float, float] | tuple[None, None]:
    """Both coordinates, or neither where they name no place on earth."""
    if latitude is None or longitude is None:
        return None, None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None, None
    return latitude, longitude
