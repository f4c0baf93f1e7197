"""gNMI as gnmic writes it: `format: json`, and `format: event`.

`json` keeps paths whole and says when a snapshot is complete, though not whose: that is in the
record's key, where `insert-key` is set. `event` flattens keys into tags and drops `sync_response`.

Source: openconfig/gnmic, pkg/formatters (msg.go, json.go, event.go) and pkg/outputs/kafka_output.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ingest.sources.gnmi_notification import (
    Message,
    Notification,
    Path,
    Step,
    Synced,
    Update,
    parse_path,
)
from ingest.sources.gnmi_protojson import timestamp_ns


class _Update(msgspec.Struct, gc=False):
    Path: str = ""
    values: dict[str, Any] = {}


class _Message(msgspec.Struct, rename="kebab", gc=False):
    sync_response: bool = False
    source: str = ""
    subscription_name: str = ""
    timestamp: int = 0
    prefix: str = ""
    target: str = ""
    updates: list[_Update] = []
    deletes: list[str] = []


class _Event(msgspec.Struct, gc=False):
    name: str = ""
    timestamp: int = 0
    tags: dict[str, str] = {}
    values: dict[str, Any] | None = None
    deletes: list[str] = []


_messages = msgspec.json.Decoder(_Message | list[_Message])
_events = msgspec.json.Decoder(_Event | list[_Event])


def parse_gnmic_json(raw: bytes) -> Iterator[Message]:
    """What one record of `format: json` says.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested deeper than anything real.
    """
    document = _messages.decode(raw)
    for said in document if isinstance(document, list) else [document]:
        if said.sync_response:
            yield Synced(sender=said.source, subscription=said.subscription_name)
        elif said.updates or said.deletes:
            yield Notification(
                at_ns=timestamp_ns(said.timestamp),
                prefix=parse_path(said.prefix),
                updates=[
                    Update(parse_path(update.Path), value)
                    for update in said.updates
                    for value in update.values.values()
                ],
                deletes=[parse_path(path) for path in said.deletes],
                target=said.target,
                sender=said.source,
                subscription=said.subscription_name,
            )
        else:
            raise ValueError("neither updates, deletes nor sync-response")


def parse_event(raw: bytes) -> Iterator[Message]:
    """What one record of `format: event` says: events, never that a snapshot is complete.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested deeper than anything real.
    """
    document = _events.decode(raw)
    events = document if isinstance(document, list) else [document]
    if not events:
        raise ValueError("a list without events")
    for said in events:
        if not said.values and not said.deletes:
            raise ValueError("neither values nor deletes")
        yield Notification(
            at_ns=timestamp_ns(said.timestamp),
            updates=[
                Update(_path(path, said.tags), value) for path, value in (said.values or {}).items()
            ],
            deletes=[_path(path, said.tags) for path in said.deletes],
            target=said.tags.get("target", ""),
            sender=said.tags.get("source", ""),
            subscription=said.name,
        )


def _path(text: str, tags: Mapping[str, str]) -> Path:
    """The path with its keys put back: gnmic names a tag after the element and its key."""
    steps = []
    for step in parse_path(text):
        begin = f"{step.name.rpartition(':')[2]}_"
        keys = {
            tag.removeprefix(begin): value for tag, value in tags.items() if tag.startswith(begin)
        }
        steps.append(Step(step.name, step.key | keys))
    return steps


def sender_of(key: str) -> tuple[str, str]:
    """Source and subscription in a record's key: `source:::subscription`, once `source_...`."""
    source, separator, subscription = key.partition(":::")
    if not separator:
        source, _, subscription = key.partition("_")
    return source, subscription
