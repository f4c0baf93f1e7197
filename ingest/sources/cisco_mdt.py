"""Cisco model-driven telemetry as collectors write it down: self-describing GPB ("GPB-KV") in JSON.

A row has keys and content as trees of named fields. The encoding path says what it is of; where it
is OpenConfig's or a native path that is known here, the row is a notification like gNMI's. The end
of a collection is what `sync_response` is there: everything on that path was told.

NX-OS nests objects of its data management engine (DME) and tables of its CLI (NX-API) in content;
of the former the physical interfaces are known here.

Source: cisco-ie/cisco-proto (`telemetry.proto`, `mdt_grpc_dialout.proto`); IOS XR and NX-OS
programmability guides, "Model-Driven Telemetry".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ingest.sources.gnmi_notification import Message, Notification, Step, Synced, Update
from ingest.sources.gnmi_protojson import timestamp_ns, whole
from ingest.sources.gnmi_schema import ROOT, Node

_PHYSICAL = re.compile(r"phys-\[([^\]]+)\]")
_DME_CLASSES = frozenset({"ethpmPhysIf", "l1PhysIf"})
_TEXT = ("string_value", "stringValue", "bytes_value", "bytesValue")
_WHOLE = (
    *("uint32_value", "uint32Value", "uint64_value", "uint64Value"),
    *("sint32_value", "sint32Value", "sint64_value", "sint64Value"),
)
_AS_IS = (*("bool_value", "boolValue", "double_value", "doubleValue", "float_value", "floatValue"),)


class _Misshapen(ValueError):
    """JSON, but not of this form."""


class MdtRow(NamedTuple):
    """One row of a message.

    Attributes:
        keys: Names and values, in the order of the path; a name may come twice.
        content: What is told of it: dicts, lists and scalars.
        is_deleted: Whether it is gone.
    """

    at_ns: int
    keys: list[tuple[str, Any]]
    content: Any
    is_deleted: bool


class MdtMessage(NamedTuple):
    """One message of a router: rows of one path.

    Attributes:
        node: What the router calls itself.
        is_end: Whether it ends a collection.
    """

    node: str
    subscription: str
    path: str
    rows: list[MdtRow]
    is_end: bool


def read_mdt(raw: bytes) -> MdtMessage:
    """One message, field by field.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested deeper than anything real.
    """
    said = msgspec.json.decode(raw)
    if not isinstance(said, dict):
        raise _Misshapen(f"expected an object, found {type(said).__name__}")
    path = _word(said, "encodingPath", "encoding_path")
    rows = _first(said, "dataGpbkv", "data_gpbkv") or []
    if not path or not isinstance(rows, list):
        raise _Misshapen("expected encodingPath, and dataGpbkv as a list")
    sent_ms = _first(said, "msgTimestamp", "msg_timestamp") or 0
    return MdtMessage(
        node=_word(said, "nodeIdStr", "node_id_str"),
        subscription=_word(said, "subscriptionIdStr", "subscription_id_str"),
        path=path,
        rows=[_row(row, sent_ms) for row in rows],
        is_end=bool(whole(_first(said, "collectionEndTime", "collection_end_time") or 0)),
    )


def _row(said: Any, sent_ms: Any) -> MdtRow:
    if not isinstance(said, dict):
        raise _Misshapen("a row is no object")
    parts = {}
    for part in _fields(said):
        parts[_word(part, "name")] = _fields(part)
    at_ms = whole(said.get("timestamp") or sent_ms)
    return MdtRow(
        at_ns=timestamp_ns(at_ms * 1_000_000),
        keys=list(_leaves(parts.get("keys", ()))),
        content=_tree(parts.get("content", ())),
        is_deleted=said.get("delete") is True,
    )


def _leaves(fields: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Keys, whatever they are nested in."""
    for field in fields:
        inner = _fields(field)
        if inner:
            yield from _leaves(inner)
        else:
            yield _word(field, "name"), _scalar(field)


def _tree(fields: Sequence[Any]) -> Any:
    """Fields as dicts; those without a name as entries of a list, one of them as itself."""
    found: dict[str, Any] = {}
    entries = []
    for field in fields:
        inner, name = _fields(field), _word(field, "name")
        value = _tree(inner) if inner else _scalar(field)
        if not name:
            entries.append(value)
        elif name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    if not entries:
        return found
    if not found:
        return entries[0] if len(entries) == 1 else entries
    return [*entries, found]


def _fields(said: Any) -> list[Any]:
    inner = said.get("fields", []) if isinstance(said, dict) else None
    if not isinstance(inner, list):
        raise _Misshapen("expected a field with a list of fields")
    return inner


def _scalar(field: dict[str, Any]) -> Any:
    for kinds, read in ((_TEXT, str), (_WHOLE, whole), (_AS_IS, _as_is)):
        for kind in kinds:
            if kind in field:
                return read(field[kind])
    return None


def _as_is(value: Any) -> bool | float:
    if not isinstance(value, bool | int | float):
        raise _Misshapen(f"{str(value)[:40]!r} is no number")
    return value


def _first(said: dict[str, Any], *names: str) -> Any:
    return next((said[name] for name in names if name in said), None)


def _word(said: Any, *names: str) -> str:
    value = _first(said, *names) if isinstance(said, dict) else None
    if value is not None and not isinstance(value, str):
        raise _Misshapen(f"{names[0]}: expected text")
    return value or ""


def parse_mdt(raw: bytes) -> Iterator[Message]:
    """What one message says, as notifications.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested deeper than anything real.
    """
    message = read_mdt(raw)
    subscription = f"{message.subscription[:80]} {message.path}"
    for row in message.rows:
        is_gone = row.is_deleted and not row.content
        told = list(_objects(row.content)) or [(keyed_path(message.path, row.keys), row.content)]
        for prefix, content in told:
            yield Notification(
                at_ns=row.at_ns,
                prefix=prefix,
                updates=[] if is_gone else [Update((), content)],
                deletes=[()] if is_gone else [],
                sender=message.node,
                subscription=subscription,
            )
    if message.is_end:
        yield Synced(sender=message.node, subscription=subscription)
    elif not message.rows:
        raise ValueError("neither rows nor the end of a collection")


def keyed_path(path: str, keys: Sequence[tuple[str, Any]]) -> list[Step]:
    """The path with its keys: MDT lists them in the order of the lists they belong to."""
    left, steps = list(keys), []
    node: Node | None = ROOT
    for name in map(str.strip, path.strip("/").split("/")):
        node = node.child(name) if node is not None else None
        own = {}
        for wanted in node.keys if node is not None else ():
            place = next((n for n, (key, _) in enumerate(left) if key == wanted), None)
            if place is not None:
                own[wanted] = str(left.pop(place)[1])
        steps.append(Step(name, own))
    return steps


def _objects(content: Any) -> Iterator[tuple[list[Step], dict[str, Any]]]:
    """Objects of the DME that are known here, wherever in the content they are.

    An interface of NX-OS has its name in its distinguished name.
    """
    waiting = [content]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, dict):
            for name, inner in each.items():
                attributes = inner.get("attributes") if isinstance(inner, dict) else None
                if name in _DME_CLASSES and isinstance(attributes, dict):
                    found = _PHYSICAL.search(str(attributes.get("dn", "")))
                    interface = found.group(1) if found else str(attributes.get("id", ""))
                    yield [Step(name, {"id": interface} if interface else {})], attributes
                else:
                    waiting.append(inner)
