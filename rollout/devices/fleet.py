"""The sessions of a rollout: one per device, opened when first used and kept."""

from pydantic import SecretStr

from foreshadow.errors import UnsafeRollout
from foreshadow.inventory import InventoryFile
from foreshadow.topology import NodeId
from rollout.devices.frr import FrrSession
from rollout.devices.session import DeviceSession


class Fleet:
    """The one owner of the ways into production devices."""

    def __init__(self, inventory: InventoryFile, *, password: SecretStr | None = None) -> None:
        """Open nothing yet.

        Args:
            inventory: Which devices there are.
            password: For logins where keys alone are not enough.
        """
        self._inventory = inventory
        self._password = password.get_secret_value() if password else None
        self._sessions: dict[NodeId, DeviceSession] = {}

    def session(self, device: NodeId) -> DeviceSession:
        """The session with a device.

        Raises:
            UnsafeRollout: The inventory does not list it.
        """
        if device not in self._sessions:
            try:
                entry = self._inventory.device(device)
            except KeyError as error:
                raise UnsafeRollout(f"the inventory does not list {device}") from error
            self._sessions[device] = FrrSession(entry, password=self._password)
        return self._sessions[device]

    def close(self) -> None:
        """Hang up on every device."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
