"""Whose a message is: what senders call themselves, and the inventory's names for them."""

from collections.abc import Iterable, Mapping

from foreshadow.topology import NodeId
from ingest.heard import Refused


class DeviceNames:
    """The inventory's name for an address, a host name or a target."""

    def __init__(
        self,
        devices: Iterable[str],
        aliases: Mapping[str, str] | None = None,
        *,
        default: str | None = None,
        takes_any: bool = False,
    ) -> None:
        """Know these.

        Args:
            devices: Names of the inventory.
            aliases: Device by what a sender may call it.
            default: Whose a message is that names nobody.
            takes_any: An unknown name is a device's own: for looking at files, not for production.
        """
        names = list(devices)
        self._names = {name: NodeId(name) for name in names}
        self._names |= {alias: NodeId(device) for alias, device in (aliases or {}).items()}
        self._default = NodeId(default) if default else None
        self.takes_any = takes_any

    def of(self, *candidates: str) -> NodeId | None:
        """The device that the first known of these names is; each also without its port."""
        for candidate in candidates:
            if candidate:
                found = self._names.get(candidate) or self._names.get(host_of(candidate))
                if found is not None:
                    return found
        said = next(filter(None, candidates), "")
        if self.takes_any and said:
            return NodeId(host_of(said)[:256])
        return self._default


def host_of(address: str) -> str:
    """An address without its port: `10.0.0.1:57400`, `[2001:db8::1]:57400`, `r1:57400`."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, port = address.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else address


def unknown_sender(origin: str, *candidates: str, sample: bytes) -> Refused:
    """The refusal of a message of nobody we know."""
    said = ", ".join(repr(each[:100]) for each in candidates if each)
    reason = (
        f"{said} is no device of the inventory; add it under `aliases` of the source"
        if said
        else "says not whose it is; name the device with `device` of the source"
    )
    return Refused(reason=reason, sample=sample, origin=origin)
