"""Everything learnt as bytes, and back, to the last bit.

The models are graphs of small objects, river's among them, which know no other wire form than
pickle's. So pickle it is, on a short leash: only the classes listed here are ever built (see
"Restricting Globals" in Python's documentation), so no file can run anything; and only what the
very same code wrote is read, because a class that has changed would wake up with half its fields.
The file around it carries a digest (`foreshadow.checkpoint`). What does not fit is said and left,
and everything is learnt anew from the topics.
"""

import hashlib
import io
import pickle
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

import foreshadow
from foreshadow.exits import Exits
from foreshadow.topology import NodeId, Topology
from foreshadow.whatif import WhatIf

_OURS = ("forecast.", "foreshadow.")
_OTHERS = frozenset(
    {
        ("collections", "Counter"),
        ("collections", "deque"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("ipaddress", "IPv4Address"),
        ("ipaddress", "IPv4Interface"),
        ("ipaddress", "IPv4Network"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("river._river_rust.drift", "AdaptiveWindowing"),
        ("river.drift.adwin", "ADWIN"),
        ("river.linear_model.bayesian_lin_reg", "BayesianLinearRegression"),
    }
)
_MADE_WITH = ("numpy", "river")
_SHARED = (
    *("demand", "exits", "incident", "present", "rates"),
    *("topology", "triage_report", "warning", "whatif"),
)
"""Modules of the vocabulary whose values are remembered."""
_IDENTITY_BYTES = 32


class Unreadable(Exception):
    """The bytes are not what this very code would have written."""


def identity(*parts: str) -> bytes:
    """What tells apart memories that do not fit each other.

    Args:
        parts: Settings the memory depends on.
    """
    digest = hashlib.sha256()
    packages = (f"{name} {version(name)}" for name in _MADE_WITH)
    for part in (sys.version, *packages, *parts):
        digest.update(part.encode() + b"\0")
    for file in _sources():
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.digest()


def freeze(memory: object, whose: bytes) -> bytes:
    """The memory as bytes, marked with the identity of who wrote it."""
    raw = io.BytesIO()
    _Pickler(raw, pickle.HIGHEST_PROTOCOL).dump(memory)
    return whose + raw.getvalue()


def thaw(raw: bytes, whose: bytes) -> Any:
    """The memory that `freeze` made.

    Raises:
        Unreadable: Another code or other settings wrote it, or it is damaged or forged.
    """
    if raw[:_IDENTITY_BYTES] != whose:
        raise Unreadable("it was written by another version, or with other settings")
    try:
        return _Unpickler(io.BytesIO(raw[_IDENTITY_BYTES:])).load()
    except Unreadable:
        raise
    except Exception as error:  # Anything may go wrong in bytes that are no pickle.
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def rebuilt(topology: Topology, exits: Exits, reflectors: frozenset[NodeId]) -> WhatIf:
    """A routing model without what it has worked out: that is large, and soon worked out again."""
    return WhatIf(topology, exits, reflectors=reflectors)


def told_again(kind: object, told: Mapping[str, Any]) -> msgspec.Struct:
    """A message by its fields: left alone, msgspec names a function of its own that may move."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise Unreadable(f"{kind!r} is no message")
    return kind(**told)


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, WhatIf):
            return rebuilt, (thing.topology, thing.exits, thing.reflectors)
        if isinstance(thing, msgspec.Struct):
            fields = {name: getattr(thing, name) for name in thing.__struct_fields__}
            return told_again, (type(thing), fields)
        return NotImplemented


_MAKERS = {each.__name__: each for each in (rebuilt, told_again)}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == __name__ and name in _MAKERS:
            return _MAKERS[name]
        is_ours = module.startswith(_OURS) and "." not in name
        if not is_ours and (module, name) not in _OTHERS:
            raise Unreadable(f"it would build {module}.{name}, which no memory of ours has")
        found = super().find_class(module, name)
        if is_ours and not (isinstance(found, type) and found.__module__ == module):
            raise Unreadable(f"{module}.{name} is no class of ours")
        return found


def _sources() -> Iterable[Path]:
    """The files whose classes a memory is made of."""
    yield from sorted(Path(__file__).parent.glob("*.py"))
    for folder in map(Path, foreshadow.__path__):
        yield from (folder / f"{name}.py" for name in _SHARED)
