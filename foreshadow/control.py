"""What processes tell each other beside the data itself, on the control topic."""

from typing import Literal

import msgspec

from foreshadow.calendar_note import CalendarNote
from foreshadow.fidelity_report import FidelityReport
from foreshadow.model_error import ModelError
from foreshadow.observed import Stream
from foreshadow.process_status import ProcessStatus
from foreshadow.sync_report import SyncReport
from foreshadow.topology import NodeId
from foreshadow.triage_report import TriageReport


class ResyncRequest(msgspec.Struct, frozen=True, kw_only=True, tag="resync.v1", tag_field="kind"):
    """A copy has lost its place in a stream and asks its owner for what it lacks."""

    device: NodeId
    stream: Stream
    epoch: int
    """Where the copy stands."""
    seq: int
    asked_by: str
    reason: str
    buckets: bytes = b""
    """The digests of the copy's 256 buckets, one after the other: only those that differ are
    wanted. Empty: everything is."""


class RolloutCommand(
    msgspec.Struct, frozen=True, kw_only=True, tag="rollout-command", tag_field="kind"
):
    """A person's word on a rollout in progress."""

    txn: str
    do: Literal["hold", "resume", "roll-back"]
    asked_by: str = ""


class NoPolicyFound(
    msgspec.Struct, frozen=True, kw_only=True, tag="no-policy.v1", tag_field="kind"
):
    """A drill failed and no candidate was proven against it: a person must decide."""

    drill: str
    because: str


ControlMessage = (
    ResyncRequest
    | SyncReport
    | FidelityReport
    | TriageReport
    | RolloutCommand
    | NoPolicyFound
    | CalendarNote
    | ProcessStatus
    | ModelError
)

_decoder = msgspec.json.Decoder(ControlMessage)


def decode_control(raw: bytes) -> ControlMessage:
    """The message a control record carries.

    Raises:
        msgspec.DecodeError: Not JSON.
        msgspec.ValidationError: Not a message this version knows.
    """
    try:
        message: ControlMessage = _decoder.decode(raw)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error
    return message
