"""The hands of the controller: device calls, each written down before it is made and after."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from foreshadow.candidate import Wave
from foreshadow.clock import Clock
from foreshadow.errors import ForeshadowError, UnsafeRollout
from foreshadow.experiment import DeviceChange
from foreshadow.topology import NodeId
from rollout.devices.session import DeviceSession, Readback, TrialReport
from rollout.journal import CallOutcome, DeviceCall, Journal
from rollout.rules import DRY_RUN

T = TypeVar("T")

_Action = Callable[[DeviceSession, DeviceChange], T]

OpenSession = Callable[[NodeId], DeviceSession]
"""The way into a device, e.g. `rollout.devices.fleet.Fleet.session`."""


class Crew:
    """Carries one rollout's waves to its devices.

    Every method raises what the device raises (`DeviceUnreachable`, `ConfigError`,
    `UnsafeRollout`), and `JournalUnwritable` before any call that could not be written down.
    """

    def __init__(
        self,
        txn: str,
        *,
        journal: Journal,
        open_session: OpenSession,
        clock: Clock,
        may_configure: bool,
    ) -> None:
        """Name the rollout; nothing is opened yet. In a dry run only reads get through."""
        self._may_configure = may_configure
        self._txn, self._journal, self._clock = txn, journal, clock
        self._open = open_session

    def lock(self, wave: Wave) -> None:
        """Take the wave's devices."""
        self._each(wave, "lock", lambda session, _: session.lock(self._txn))

    def unlock(self, wave: Wave) -> None:
        """Give them back."""
        self._each(wave, "unlock", lambda session, _: session.unlock(self._txn))

    def stage(self, wave: Wave) -> None:
        """Bring inert objects and the way back onto the devices."""
        trial = self._trial(wave)
        self._each(wave, "stage", lambda session, change: session.stage(trial, change))

    def arm(self, wave: Wave, revert_after_s: float) -> None:
        """Start the dead-men."""
        trial = self._trial(wave)
        self._each(wave, "arm", lambda session, _: session.arm(trial, revert_after_s))

    def flip(self, wave: Wave) -> None:
        """Attach the new generations."""
        trial = self._trial(wave)
        self._each(wave, "flip", lambda session, _: session.flip(trial))

    def confirm(self, wave: Wave) -> tuple[NodeId, ...]:
        """Keep the wave; return the devices whose dead-man was faster."""
        trial = self._trial(wave)
        won = self._each(wave, "confirm", lambda session, _: session.confirm(trial))
        return tuple(device for device, is_kept in won.items() if not is_kept)

    def revert(self, wave: Wave, change: DeviceChange) -> None:
        """Take one device of a wave back to what was attached before it."""
        trial = self._trial(wave)
        self._call(wave, change, "revert", lambda session, _: session.revert(trial, change))

    def collect(self, wave: Wave) -> None:
        """Remove the wave's objects, which nothing uses any more."""
        self._each(wave, "collect", lambda session, change: session.collect(change))

    def soften(self, wave: Wave) -> None:
        """Have the devices decide again on what they have learnt."""
        self._each(wave, "soften", lambda session, change: session.soften(change))

    def read_back(self, wave: Wave) -> Mapping[NodeId, Readback]:
        """What of the wave is in force (only reads, so it is not written down)."""
        return {c.device: self._open(c.device).read_back(c) for c in wave.changes}

    def reports(self, wave: Wave) -> tuple[TrialReport, ...]:
        """How the wave stands on its devices (only reads)."""
        trial = self._trial(wave)
        return tuple(self._open(c.device).report(trial, c) for c in wave.changes)

    def config_sha256(self, device: NodeId) -> str:
        """Fingerprint of a device's running configuration (only reads)."""
        return self._open(device).config_sha256()

    def _trial(self, wave: Wave) -> str:
        return f"{self._txn}.w{wave.number}"

    def _each(self, wave: Wave, verb: str, action: _Action[T]) -> dict[NodeId, T]:
        return {c.device: self._call(wave, c, verb, action) for c in wave.changes}

    def _call(self, wave: Wave, change: DeviceChange, verb: str, action: _Action[T]) -> T:
        if not self._may_configure:
            raise UnsafeRollout(DRY_RUN)
        began_s = self._clock.monotonic_s()
        call = DeviceCall(
            txn=self._txn,
            wave=wave.number,
            device=change.device,
            verb=verb,
            at=self._clock.now(),
        )
        self._journal.intend(call)
        try:
            result = action(self._open(change.device), change)
        except ForeshadowError as error:
            self._journal.conclude(self._outcome(call, began_s, error=str(error)))
            raise
        says = "" if result is None else str(result)
        self._journal.conclude(self._outcome(call, began_s, says=says))
        return result

    def _outcome(
        self, call: DeviceCall, began_s: float, *, says: str = "", error: str = ""
    ) -> CallOutcome:
        return CallOutcome(
            call=call,
            at=self._clock.now(),
            took_s=self._clock.monotonic_s() - began_s,
            says=says,
            error=error,
        )
