"""InfluxDB line protocol, as the public data sets state what a message should decode to."""

import re
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r'((?:\\.|"(?:\\.|[^"\\])*"|[^\\" ])+)(?: |$)')
_PAIR = re.compile(r'((?:\\.|[^\\=,])+)=("(?:\\.|[^"\\])*"|(?:\\.|[^\\,])*),?')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measurement: tags, fields and the time in nanoseconds."""

    name: str
    tags: dict[str, str]
    fields: dict[str, Any]
    at_ns: int


def read_lines(text: str) -> list[Line]:
    """Every line that has something in it."""
    return [_line(line) for line in text.splitlines() if line.strip()]


def _line(text: str) -> Line:
    head, fields, at = _PART.findall(text.strip())
    name, _, tags = head.partition(",")
    return Line(
        name=_plain(name),
        tags={_plain(key): _plain(value) for key, value in _PAIR.findall(tags)},
        fields={_plain(key): _value(value) for key, value in _PAIR.findall(fields)},
        at_ns=int(at),
    )


def _value(text: str) -> Any:
    if text.startswith('"'):
        return _plain(text[1:-1])
    if text in {"true", "false"}:
        return text == "true"
    return int(text[:-1]) if text[-1] in "iu" else float(text)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
