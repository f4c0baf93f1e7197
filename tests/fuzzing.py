"""What a network or a file may send instead of what it should: strategies for every decoder's laws.

`mutations` damages real messages without knowing their format; `json_mutations` puts a wrong value
at one place of a JSON document, which finds what a byte flipped at random hardly ever does.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

NOT_UTF8 = b"\xff\xfe\xc3\x28"

HOSTILE_SCALARS: tuple[Any, ...] = (
    None,
    True,
    "",
    "\x00",
    "\u202e\U0010ffff",
    "NaN",
    "-1",
    "0x10",
    "٣",  # A digit to `str.isdigit` and to `int`, none to a protocol.
    "9" * 40,
    "9" * 5_000,  # More digits than `int` takes from text: it raises.
    "x" * 70_000,
    "[" * 300,
    "a=b]/[c=",
    "2262-04-12T00:00:00Z",
    "bm90IGpzb24=",
    "%%%",
    -1,
    0,
    1.5,
    1e308,
    -1e308,
    1 << 31,
    1 << 63,
    (1 << 64) - 1,
    1 << 64,
    -(1 << 63) - 1,
    10**30,
)
"""Values that decoders trip over: wrong types, ends of number ranges, text that looks like more."""


def deep_json(depth: int) -> bytes:
    """A document nested deeper than any parser's stack should follow."""
    return (
        b'{"update":' * (depth // 2)
        + b"[" * (depth // 2)
        + b"]" * (depth // 2)
        + b"}" * (depth // 2)
    )


def mutations(samples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """A real message, damaged once or a few times: cut, flipped, repeated, spliced with another."""
    return st.builds(
        _damaged,
        st.sampled_from(samples),
        st.lists(
            st.tuples(
                st.sampled_from(_DAMAGES),
                st.floats(0, 1),
                st.floats(0, 1),
                st.sampled_from(samples) | st.binary(min_size=1, max_size=16),
            ),
            min_size=1,
            max_size=4,
        ),
    )


def json_mutations(samples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """A JSON message in which one to three places hold something else, or nothing."""
    return st.builds(
        _altered,
        st.sampled_from(samples),
        st.lists(
            st.tuples(st.integers(0, 10_000), _HOSTILE | st.just(_ABSENT)), min_size=1, max_size=3
        ),
    )


_Damage = Callable[[bytes, int, int, bytes], bytes]

_DAMAGES: tuple[_Damage, ...] = (
    lambda raw, begin, _end, _other: raw[:begin],
    lambda raw, _begin, end, _other: raw[end:],
    lambda raw, begin, end, _other: raw[:begin] + raw[end:],
    lambda raw, begin, end, _other: raw[:end] + raw[begin:end] + raw[end:],
    lambda raw, begin, _end, other: raw[:begin] + other[:64] + raw[begin + len(other[:64]) :],
    lambda raw, begin, end, other: raw[:begin] + other + raw[end:],
    lambda raw, begin, _end, _other: raw[:begin] + b"\xff\xff\xff\xff" + raw[begin + 4 :],
    lambda raw, begin, _end, _other: raw[:begin] + b"\x00\x00\x00\x00" + raw[begin + 4 :],
    lambda raw, begin, _end, _other: raw[:begin] + NOT_UTF8 + raw[begin:],
    lambda raw, begin, _end, _other: (
        raw[:begin] + bytes([raw[begin] ^ 0x80]) + raw[begin + 1 :] if begin < len(raw) else raw
    ),
    lambda raw, begin, _end, _other: raw[:begin] + b"99999999999999999999" + raw[begin:],
)


def _damaged(raw: bytes, damages: Sequence[tuple[_Damage, float, float, bytes]]) -> bytes:
    for damage, one, two, other in damages:
        begin, end = sorted((int(one * len(raw)), int(two * len(raw))))
        raw = damage(raw, begin, end, other)
    return raw[:1_000_000]


_ABSENT = object()
_HOSTILE = st.sampled_from(HOSTILE_SCALARS) | st.recursive(
    st.sampled_from(HOSTILE_SCALARS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _altered(raw: bytes, changes: Sequence[tuple[int, Any]]) -> bytes:
    document = json.loads(raw)
    for choice, value in changes:
        places = _places(document)
        if not places:
            return json.dumps(value if value is not _ABSENT else None).encode()
        holder, key = places[choice % len(places)]
        if value is _ABSENT:
            del holder[key]
        else:
            holder[key] = value
    return json.dumps(document).encode()


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key or position) of a document."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        match holder:
            case dict():
                inside = list(holder.items())
            case list():
                inside = list(enumerate(holder))
            case _:
                continue
        found.extend((holder, key) for key, _ in inside)
        waiting.extend(value for _, value in inside)
    return found
