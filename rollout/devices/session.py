"""What the controller asks of a device, whatever its vendor: the port of `rollout/devices`.

Every call is safe to repeat: a restarted controller does again what it cannot know was done. A
trial is one wave on one device, named `TXN.wN`; on the device that name is the name of the files
(or of the session, label or comment) that belong to it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from foreshadow.errors import TransientError
from foreshadow.experiment import DeviceChange
from foreshadow.topology import NodeId


class StillReverting(TransientError):
    """The device is taking a trial back and is not done; ask again."""


class Guard(StrEnum):
    """What the dead-man on the device says about a trial."""

    NONE = "none"
    """It knows nothing of it, or nothing any more."""
    ARMED = "armed"
    REVERTING = "reverting"
    REVERTED = "reverted"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """How a trial stands on its device, read from the device.

    Attributes:
        left_s: Until the dead-man fires, while armed; negative when it is overdue.
        reverted_after_s: From arming to the end of the revert, by the device's monotonic clock.
        reverted_at: The device's wall clock when the revert was done, ISO 8601.
        reverted_by: `timer` (the dead-man, alone) or `controller`.
        is_attached: Every line of the trial's flip is in the running configuration.
        is_reverted: Every line of its revert is.
    """

    device: NodeId
    guard: Guard
    is_attached: bool
    is_reverted: bool
    left_s: float = 0.0
    reverted_after_s: float = 0.0
    reverted_at: str = ""
    reverted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readback:
    """The running configuration against what was sent."""

    config_sha256: str
    missing: tuple[str, ...]
    """Lines of the flip that are not in force, each with its section."""


class DeviceSession(Protocol):
    """An open way into one device, kept open for the length of a rollout.

    Every method may raise `DeviceUnreachable` (no answer, hung up) or `ConfigError` (the device
    refuses what it is told; its own words are in the text).
    """

    @property
    def device(self) -> NodeId:
        """Which device this is."""
        ...

    def lock(self, txn: str) -> None:
        """Take the device for a rollout.

        Raises:
            UnsafeRollout: Another rollout has it.
        """
        ...

    def unlock(self, txn: str) -> None:
        """Give the device back; does nothing where another rollout has it."""
        ...

    def config_sha256(self) -> str:
        """Fingerprint of the running configuration, as telemetry computes it."""
        ...

    def stage(self, trial: str, change: DeviceChange) -> None:
        """Bring the inert objects and the way back onto the device; try every text dry first."""
        ...

    def arm(self, trial: str, revert_after_s: float) -> None:
        """Start the dead-man: unless confirmed in time, the device goes back by itself."""
        ...

    def flip(self, trial: str) -> None:
        """Attach the new generation, and have the device look at it now.

        Raises:
            UnsafeRollout: Its dead-man does not run any more; nothing is left attached.
        """
        ...

    def read_back(self, change: DeviceChange) -> Readback:
        """What of the flip is in force."""
        ...

    def confirm(self, trial: str) -> bool:
        """Keep the change, also over a reboot; False where the dead-man was faster."""
        ...

    def revert(self, trial: str, change: DeviceChange) -> None:
        """Go back to what was attached before, armed or confirmed; returns when it is done.

        Raises:
            StillReverting: The device is at it, and goes on by itself.
        """
        ...

    def collect(self, change: DeviceChange) -> None:
        """Remove the objects of a generation that is no longer attached."""
        ...

    def soften(self, change: DeviceChange) -> None:
        """Have the device decide again on what it has learnt (soft clear)."""
        ...

    def report(self, trial: str, change: DeviceChange) -> TrialReport:
        """How the trial stands."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...
