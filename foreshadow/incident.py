"""Something that happened to a router, said by whoever saw it: what announces a failure.

State says how things are; an incident says that something occurred, also where the state is the
same before and after (a link that flapped between two readings). Incidents never change the state:
they are counted, shown, and learnt from.
"""

from enum import StrEnum

import msgspec

from foreshadow.topology import NodeId

LONGEST_TEXT = 1_000


class IncidentKind(StrEnum):
    """What occurred, in the words of the trade."""

    LINK_DOWN = "link-down"
    LINK_UP = "link-up"
    ADMIN_DOWN = "admin-down"
    """Somebody shut the interface: no failure."""
    ADJACENCY_LOST = "adjacency-lost"
    ADJACENCY_FORMED = "adjacency-formed"
    SESSION_LOST = "session-lost"
    SESSION_ESTABLISHED = "session-established"
    BFD_DOWN = "bfd-down"
    BFD_UP = "bfd-up"
    ERRORS = "errors"
    """Frames were damaged; `count` says how many."""
    DISCARDS = "discards"
    """Frames found no room; `count` says how many."""
    RESTARTED = "restarted"
    """The device, or the process named by the subject, began anew."""
    HARDWARE = "hardware"
    """Power, fan, temperature, optics, a card."""
    CONFIG_CHANGED = "config-changed"
    MAINTENANCE_BEGIN = "maintenance-begin"
    MAINTENANCE_END = "maintenance-end"


class Incident(msgspec.Struct, frozen=True, kw_only=True, tag="incident.v1", tag_field="kind"):
    """One occurrence. Fields are only ever appended, with defaults (ADR 0002).

    Attributes:
        device: Which router.
        what: What occurred to it.
        subject: Interface, peer, neighbor or process it occurred to; empty for the whole device.
        at_ns: When, by the device's clock where it says, else when it was heard.
        heard_at_ns: When, by ours.
        source: Which source said so.
        text: The device's own words, cut to `LONGEST_TEXT` characters; never a secret.
        count: How many of the same stand behind it, where the device coalesced them.
    """

    device: NodeId
    what: IncidentKind
    subject: str
    at_ns: int
    heard_at_ns: int
    source: str
    text: str = ""
    count: int = 1
