"""`SubscribeResponse` as protobuf: what a gNMI target itself sends.

The generated classes are pygnmi's. Its client is not used: without a client certificate it takes
the server's own for the authority, it hands passwords to a plaintext channel, and what it makes of
a message has lost origin, atomicity and deletes of branches.

Source: gNMI specification 0.10, sections 2.1 to 2.3.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from pygnmi.spec.v080 import gnmi_pb2

from ingest.sources.gnmi_notification import Message, Notification, Path, Step, Synced, Update


def parse_protobuf(raw: bytes) -> Iterator[Message]:
    """What one serialised response says.

    Raises:
        ValueError: It is none.
    """
    try:
        response = gnmi_pb2.SubscribeResponse.FromString(raw)
    except DecodeError as error:
        raise ValueError(f"not a SubscribeResponse: {error}") from error
    yield from messages_of(response)


def messages_of(response: Any) -> Iterator[Message]:
    """What a `SubscribeResponse` says.

    Raises:
        ValueError: Nothing, or a value that does not fit its kind.
    """
    match response.WhichOneof("response"):
        case "update":
            yield _notification(response.update)
        case "sync_response" if response.sync_response:
            yield Synced()
        case other:
            raise ValueError(f"neither an update nor a sync_response, but {other or 'nothing'}")


def _notification(said: Any) -> Notification:
    if said.timestamp < 0:
        raise ValueError(f"timestamp: {said.timestamp} is no time in nanoseconds")
    return Notification(
        at_ns=said.timestamp,
        prefix=_steps(said.prefix),
        updates=[
            Update(_steps(update.path), _value(update.val), update.duplicates)
            for update in said.update
        ],
        deletes=[_steps(path) for path in said.delete],
        is_atomic=said.atomic,
        target=said.prefix.target,
    )


def _steps(path: Any) -> Path:
    return [Step(elem.name, dict(elem.key)) for elem in path.elem] or [
        Step(name) for name in path.element
    ]


def _value(said: Any) -> Any:
    kind = said.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(said, kind)
    reader = _readers().get(kind)
    return content if reader is None else reader(content)


@cache
def _readers() -> Mapping[str, Callable[[Any], Any]]:
    """How kinds are read that are not themselves a scalar of ours."""
    return {
        "json_val": msgspec.json.decode,
        "json_ietf_val": msgspec.json.decode,
        "leaflist_val": lambda said: [_value(element) for element in said.element],
        "decimal_val": _decimal,
        "any_val": lambda said: None,  # noqa: ARG005 - of a type that only its sender knows
    }


def _decimal(said: Any) -> float:
    if said.precision > 18:
        raise ValueError(f"decimal_val: precision {said.precision} is above 18")
    return float(said.digits / 10**said.precision)
