"""A router's BFD sessions (RFC 5880), as bfdd shows them."""

from dataclasses import dataclass
from ipaddress import ip_address

import msgspec

from foreshadow.codec import from_json

SHOW = "show bfd peers json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BfdSession:
    """One BFD session.

    Attributes:
        peer: The peer's address; in IS-IS over IPv6 a link-local one.
        interface: Where it runs; empty where it crosses several hops.
        is_up: Both sides hear each other.
        detection_ms: Silence after which it goes down.
    """

    peer: str
    interface: str
    is_up: bool
    detection_ms: int

    @property
    def is_ipv6(self) -> bool:
        """Whether it watches IPv6."""
        return ip_address(self.peer).version == 6


class _Peer(msgspec.Struct, frozen=True, rename="kebab"):
    peer: str
    interface: str = ""
    status: str = ""
    receive_interval: int = 0
    remote_transmit_interval: int = 0
    remote_detect_multiplier: int = 0


def sessions(raw: str) -> tuple[BfdSession, ...]:
    """`show bfd peers json`, by interface and peer.

    Raises:
        ValueError: It is something else.
    """
    found = [
        BfdSession(
            peer=it.peer,
            interface=it.interface,
            is_up=it.status == "up",
            # RFC 5880 section 6.8.4: what the peer sends, at the slower of both sides' wishes.
            detection_ms=it.remote_detect_multiplier
            * max(it.receive_interval, it.remote_transmit_interval),
        )
        for it in from_json(raw or "[]", tuple[_Peer, ...])
    ]
    return tuple(sorted(found, key=lambda session: (session.interface, session.peer)))
