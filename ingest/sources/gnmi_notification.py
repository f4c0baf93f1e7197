"""What a gNMI target says, whatever wrote it down: notifications, and that a snapshot is complete.

Every way in (protojson, gnmic's formats, protobuf from a direct subscription) ends here, so that
what paths mean is decided once.

Source: gNMI specification 0.10, sections 2.1 (notification), 2.2 (paths), 2.3 (values).
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

LONGEST_NAME = 160
"""Longer names and keys are no device's."""
LONGEST_TEXT = 1_000
"""Longer values are of no leaf that is used here."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """One element of a path, with the keys of its list entry."""

    name: str
    key: dict[str, str] = {}


Path = Sequence[Step]


class Update(msgspec.Struct, frozen=True, gc=False):
    """One value, or a tree of them as JSON has it.

    Attributes:
        path: Below the notification's prefix.
        value: A scalar, a list, or a dict of them.
        duplicates: How many values before this one the target passed over.
    """

    path: Path
    value: Any
    duplicates: int = 0


class Notification(msgspec.Struct, frozen=True):
    """What changed at one time.

    Attributes:
        at_ns: By the device's clock.
        prefix: What every path of it begins with.
        updates: Values told.
        deletes: Paths, of leaves or of branches, that are gone.
        is_atomic: What is not told again below the prefix is gone.
        target: Who says so, by its own account; may be empty.
        sender: Who says so, by the account of what passed it on; may be empty.
        subscription: Which of the sender's subscriptions it answers; may be empty.
    """

    at_ns: int
    prefix: Path = ()
    updates: Sequence[Update] = ()
    deletes: Sequence[Path] = ()
    is_atomic: bool = False
    target: str = ""
    sender: str = ""
    subscription: str = ""


class Synced(msgspec.Struct, frozen=True):
    """Everything a subscription covers has been told once (`sync_response`)."""

    sender: str = ""
    subscription: str = ""


Message = Notification | Synced

_ELEMENT = re.compile(r"((?:[^\[\]/\\]|\\.)+)((?:\[(?:[^\]\\]|\\.)*\])*)/?")
_KEY = re.compile(r"\[([^=\]]+)=((?:[^\]\\]|\\.)*)\]")
_ESCAPED = re.compile(r"\\(.)")


def parse_path(text: str) -> tuple[Step, ...]:
    """The path that a text such as `/interfaces/interface[name=eth0]/state` writes.

    An origin before the first slash (`openconfig:/interfaces`) is left out, as is a leading slash.

    Raises:
        ValueError: It is none.
    """
    origin, colon, rest = text.partition(":/")
    if colon and "/" not in origin and "[" not in origin:
        text = rest
    position = 1 if text.startswith("/") else 0
    steps = []
    while position < len(text):
        found = _ELEMENT.match(text, position)
        if found is None:
            raise ValueError(f"no path element at character {position + 1} of {text[:200]!r}")
        keys = {key: _ESCAPED.sub(r"\1", value) for key, value in _KEY.findall(found.group(2))}
        steps.append(Step(_ESCAPED.sub(r"\1", found.group(1)), keys))
        position = found.end()
    return tuple(steps)


def schema_path(*parts: Path) -> str:
    """The path without its keys: what it is about, not whose."""
    return "/" + "/".join(step.name[:LONGEST_NAME] for path in parts for step in path)
