"""Durations, shares and rates as people write them: `500ms`, `1m30s`, `85%`, `2.5Gbps`.

Read once, where a file comes in; inside there are seconds, ratios and bits per second.
"""

import re
from typing import Annotated

import durationpy
from pydantic import BeforeValidator, WithJsonSchema

DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"
PERCENT_PATTERN = r"^\d+(\.\d+)?%$"
RATE_PATTERN = r"^\d+(\.\d+)?(bps|kbps|Mbps|Gbps|Tbps)$"
FACTOR_PATTERN = r"^[x×]\d+(\.\d+)?$"  # noqa: RUF001 - the sign people write

_BPS = {"bps": 1.0, "kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9, "Tbps": 1e12}
_RATE = re.compile(r"^(\d+(?:\.\d+)?)(bps|kbps|Mbps|Gbps|Tbps)$")


def parse_duration(text: object) -> float:
    """Seconds.

    Raises:
        ValueError: Not a duration; says how one is written.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"{text!r} is no duration; write 500ms, 5s or 1m30s")  # noqa: TRY004 - pydantic wants it
    if not isinstance(text, str):
        raise ValueError(f"{text} has no unit; write {text}s or {text}ms")  # noqa: TRY004 - pydantic wants it
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is no duration; write 500ms, 5s or 1m30s")
    return durationpy.from_str(text).total_seconds()


def parse_ratio(text: object) -> float:
    """A share of 1.

    Raises:
        ValueError: Not a share between 0 and 1; says how one is written.
    """
    value: float | None = None
    if isinstance(text, str) and re.fullmatch(PERCENT_PATTERN, text):
        value = float(text.removesuffix("%")) / 100
    elif isinstance(text, (int, float)) and not isinstance(text, bool):
        value = float(text)
    if value is None:
        raise ValueError(f"{text!r} is no share; write 85% or 0.85")
    if not 0 <= value <= 1:
        raise ValueError(f"{text} is not between 0% and 100%")
    return value


def parse_rate(text: object) -> float:
    """Bits per second.

    Raises:
        ValueError: Not a rate; says how one is written.
    """
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is no rate; write 100Mbps or 2.5Gbps")
    return float(found[1]) * _BPS[found[2]]


def parse_factor(text: object) -> float:
    """So many times as much.

    Raises:
        ValueError: Not a factor; says how one is written.
    """
    if isinstance(text, str) and re.fullmatch(FACTOR_PATTERN, text):
        return float(text[1:])
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return float(text)
    raise ValueError(f"{text!r} is no factor; write x3 or 3")


def say_duration(duration_s: float) -> str:
    """As it would be written in a scenario: `500ms`, `1m30s`."""
    if duration_s <= 0:
        return "0s"
    milliseconds = round(duration_s * 1e3)
    parts = []
    for size, unit in ((3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")):
        whole, milliseconds = divmod(milliseconds, size)
        if whole:
            parts.append(f"{whole}{unit}")
    return "".join(parts) or f"{duration_s * 1e3:g}ms"


def say_ratio(ratio: float) -> str:
    """As it would be written in a scenario: `85%`."""
    return f"{ratio * 100:.6g}%"


def say_rate(rate_bps: float) -> str:
    """As it would be written in a scenario: `2.5Gbps`."""
    for unit in ("Tbps", "Gbps", "Mbps", "kbps"):
        if rate_bps >= _BPS[unit]:
            return f"{rate_bps / _BPS[unit]:.3g}{unit}"
    return f"{rate_bps:.3g}bps"


def _written(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Duration = Annotated[
    float, BeforeValidator(parse_duration), _written(DURATION_PATTERN, "500ms", "5s", "1m30s")
]
"""Seconds inside, `5s` in the file."""

Rate = Annotated[float, BeforeValidator(parse_rate), _written(RATE_PATTERN, "100Mbps", "2.5Gbps")]
"""Bits per second inside, `100Mbps` in the file."""

Ratio = Annotated[
    float,
    BeforeValidator(parse_ratio),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": PERCENT_PATTERN},
                {"type": "number", "minimum": 0, "maximum": 1},
            ],
            "examples": ["85%", "0.1%"],
        }
    ),
]
"""A share of 1 inside, `85%` in the file."""

Factor = Annotated[
    float,
    BeforeValidator(parse_factor),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": FACTOR_PATTERN},
                {"type": "number", "exclusiveMinimum": 0},
            ],
            "examples": ["x3"],
        }
    ),
]
"""A number inside, `x3` in the file."""
