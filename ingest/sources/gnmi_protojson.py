"""`SubscribeResponse` as protojson writes it: one message, or an array of them.

protojson writes 64-bit integers as text, bytes as base64 and field names in camel case; readers
must also take the names of the .proto file, and devices' collectors do use both.

Source: gNMI specification 0.10 section 3.5.1.4; protobuf documentation, "ProtoJSON format".
"""

import base64
import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ingest.sources.gnmi_notification import Message, Notification, Path, Step, Synced, Update

_LARGEST_TIME_NS = (1 << 63) - 1


class _Path(msgspec.Struct, gc=False):
    elem: list[Step] = []
    element: list[str] = []
    target: str = ""


class _OldValue(msgspec.Struct, gc=False):
    """`Update.value`, which gNMI 0.3 had in the place of `val`."""

    value: str = ""
    type: str | int = "JSON"


class _Update(msgspec.Struct, gc=False):
    path: _Path | None = None
    val: dict[str, Any] | None = None
    value: _OldValue | None = None
    duplicates: int = 0


class _Notification(msgspec.Struct, gc=False):
    timestamp: str | int = 0
    prefix: _Path | None = None
    update: list[_Update] = []
    delete: list[_Path] = []
    atomic: bool = False


class _Response(msgspec.Struct, gc=False):
    update: _Notification | None = None
    syncResponse: bool = False  # noqa: N815 - as it is written
    sync_response: bool = False
    error: Any = None


_decoder = msgspec.json.Decoder(_Response | list[_Response])


def parse_protojson(raw: bytes) -> Iterator[Message]:
    """What one record says.

    Raises:
        ValueError: It is no `SubscribeResponse`.
        RecursionError: It is nested deeper than anything real.
    """
    document = _decoder.decode(raw)
    for response in document if isinstance(document, list) else [document]:
        if response.update is not None:
            yield _notification(response.update)
        elif response.syncResponse or response.sync_response:
            yield Synced()
        elif response.error is None:
            raise ValueError("neither an update nor a sync_response")
        else:
            raise ValueError(f"the target reports an error: {str(response.error)[:200]}")


def _notification(said: _Notification) -> Notification:
    prefix = said.prefix
    return Notification(
        at_ns=timestamp_ns(said.timestamp),
        prefix=_steps(prefix),
        updates=[
            Update(
                _steps(update.path),
                _old(update.value) if update.val is None else typed_value(update.val),
                update.duplicates,
            )
            for update in said.update
            if update.path is not None or update.val is not None
        ],
        deletes=[_steps(path) for path in said.delete],
        is_atomic=said.atomic,
        target=prefix.target if prefix is not None else "",
    )


def timestamp_ns(said: str | int) -> int:
    """Nanoseconds since the epoch.

    Raises:
        ValueError: Not a whole number, or of no time.
    """
    at_ns = said if isinstance(said, int) else whole(said)
    if not 0 <= at_ns <= _LARGEST_TIME_NS:
        raise ValueError(f"timestamp: {str(said)[:40]} is no time in nanoseconds")
    return at_ns


def _steps(path: _Path | None) -> Path:
    if path is None:
        return ()
    return path.elem or [Step(name) for name in path.element]


def typed_value(said: dict[str, Any]) -> Any:
    """What a `TypedValue` holds.

    Raises:
        ValueError: Its content does not fit its kind.
    """
    for kind, content in said.items():
        reader = _READERS.get(kind)
        if reader is not None:
            try:
                return reader(content)
            except (TypeError, AttributeError, OverflowError) as error:
                raise ValueError(f"{kind[:20]}: {str(content)[:60]!r} does not fit") from error
    raise ValueError(f"a value of no known kind: {', '.join(said)[:60] or 'none'}")


def _old(said: _OldValue | None) -> Any:
    return None if said is None else json_value(said.value)


def whole(said: Any) -> int:
    """A 64-bit integer, written as text or as a number.

    Raises:
        ValueError: It is none.
    """
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    if isinstance(said, str) and len(said) <= 20 and said.isascii():
        return int(said)
    if isinstance(said, float) and said.is_integer():
        return int(said)
    raise ValueError(f"{str(said)[:40]!r} is no 64-bit integer")


def json_value(said: Any) -> Any:
    """The document behind base64; what is not base64 may be the document itself.

    Raises:
        ValueError: It is neither.
    """
    if not isinstance(said, str):
        return said
    try:
        return msgspec.json.decode(base64.b64decode(said, validate=True))
    except ValueError:
        return msgspec.json.decode(said)


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError
    return said


def _is(said: Any) -> bool:
    if not isinstance(said, bool):
        raise TypeError
    return said


def _number(said: Any) -> float:
    found = float(said)
    if not math.isfinite(found):
        raise ValueError(f"{said!r} is no number to reckon with")
    return found


def _decimal(said: Any) -> float:
    """`Decimal64`: digits and how many of them are behind the point (at most 18)."""
    precision = whole(said.get("precision", 0))
    if not 0 <= precision <= 18:
        raise ValueError(f"decimalVal: precision {precision} is outside 0 to 18")
    return float(whole(said["digits"]) / 10**precision) if "digits" in said else 0.0


def _leaf_list(said: Any) -> list[Any]:
    return [typed_value(element) for element in said.get("element", ())]


def _both(name: str) -> tuple[str, str]:
    """A field's name in the .proto file and as protojson writes it."""
    first, *others = name.split("_")
    return name, first + "".join(other.title() for other in others)


_READERS: dict[str, Callable[[Any], Any]] = {
    spelling: reader
    for name, reader in {
        "string_val": _text,
        "int_val": whole,
        "uint_val": whole,
        "bool_val": _is,
        "bytes_val": _text,
        "float_val": _number,
        "double_val": _number,
        "decimal_val": _decimal,
        "leaflist_val": _leaf_list,
        "any_val": lambda said: None,  # noqa: ARG005 - a message of a type that only its sender knows
        "json_val": json_value,
        "json_ietf_val": json_value,
        "ascii_val": _text,
        "proto_bytes": _text,
    }.items()
    for spelling in _both(name)
}
