"""What occurred, where a device's state went from one value to another."""

from collections.abc import Iterator

from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Adjacency, Interface, Session, Value
from foreshadow.topology import NodeId
from ingest.sources.gnmi_device import Change

_ESTABLISHED = "Established"


def incident_of(
    change: Change, *, device: NodeId, source: str, at_ns: int, heard_at_ns: int
) -> Iterator[Incident]:
    """The incident that a change of state is, where something failed, healed or was shut."""
    what = _what(change.before, change.after)
    if what is not None:
        yield Incident(
            device=device,
            what=what,
            subject=change.key,
            at_ns=at_ns or heard_at_ns,
            heard_at_ns=heard_at_ns,
            source=source,
            text=f"{_word(change.before)} -> {_word(change.after)}",
        )


def _what(before: Value | None, after: Value | None) -> IncidentKind | None:
    match before, after:
        case Interface(), Interface():
            return _of_interface(before, after)
        case Session(), Session():
            if (before.state == _ESTABLISHED) == (after.state == _ESTABLISHED):
                return None
            lost = before.state == _ESTABLISHED
            return IncidentKind.SESSION_LOST if lost else IncidentKind.SESSION_ESTABLISHED
        # A neighbor that is gone from the list was lost; a peer or an interface that is gone was
        # taken out of the configuration.
        case (Adjacency(), None | Adjacency()) | (None, Adjacency()):
            was, is_now = _is_full(before), _is_full(after)
            if was == is_now:
                return None
            return IncidentKind.ADJACENCY_LOST if was else IncidentKind.ADJACENCY_FORMED
        case _:
            return None


def _of_interface(before: Interface, after: Interface) -> IncidentKind | None:
    if before.is_admin_up and not after.is_admin_up:
        return IncidentKind.ADMIN_DOWN
    if before.is_oper_up and not after.is_oper_up and after.is_admin_up:
        return IncidentKind.LINK_DOWN
    return IncidentKind.LINK_UP if after.is_oper_up and not before.is_oper_up else None


def _is_full(value: Value | None) -> bool:
    return isinstance(value, Adjacency) and value.is_full


def _word(value: Value | None) -> str:
    match value:
        case None:
            return "gone"
        case Interface():
            return "shut" if not value.is_admin_up else "up" if value.is_oper_up else "down"
        case Session() | Adjacency():
            return value.state[:64]
        case _:
            return type(value).__name__
