"""The devices' part of the way back: needs no broker, only journal and devices."""

from collections.abc import Callable
from dataclasses import dataclass

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, DeviceUnreachable, UnsafeRollout
from foreshadow.experiment import DeviceChange
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import RolloutTimes
from rollout.devices.session import StillReverting
from rollout.lookout import STALE_AFTER_S
from rollout.passage import Passage

STILL_AT_IT_S = 60.0
"""How long a device that is at its revert is waited for."""
_RETRY_S = 0.5


class StillThere(Exception):
    """A device could not be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Takes standing waves off their devices.

    Attributes:
        wait: Lets so many seconds pass between two tries.
    """

    clock: Clock
    times: RolloutTimes
    wait: Callable[[float], None]

    def begin(self, passage: Passage) -> None:
        """Write down that the rollout goes back, and why."""
        passage.record(
            RolloutStep.REVERTING,
            passage.because or "a person asked for it",
            gates=passage.gates,
            facts={"waves": list(passage.at.standing), **passage.found},
        )

    def take_back(self, passage: Passage) -> None:
        """Revert every standing wave, the newest first.

        Raises:
            StillThere: With the reason; waves before it still stand.
        """
        for number in reversed(passage.at.standing):
            for change in reversed(passage.wave_of(number).changes):
                self._revert(passage, number, change)
            passage.record(
                RolloutStep.REVERTED,
                "what was attached before the wave is attached again",
                wave=number,
            )

    def _revert(self, passage: Passage, number: int, change: DeviceChange) -> None:
        """One device; a device that does not answer has its dead-man, and is asked again."""
        began_s = self.clock.monotonic_s()
        silent_until_s = began_s + self.times.dead_man_s + STALE_AFTER_S
        while True:
            try:
                passage.crew.revert(passage.wave_of(number), change)
            except StillReverting as error:
                self._again(error, number, until_s=began_s + STILL_AT_IT_S)
            except DeviceUnreachable as error:
                self._again(error, number, until_s=silent_until_s)
            except (ConfigError, UnsafeRollout) as error:
                raise StillThere(f"{error}; wave {number} may still be on it") from error
            else:
                return

    def _again(self, error: Exception, number: int, *, until_s: float) -> None:
        if self.clock.monotonic_s() >= until_s:
            raise StillThere(f"{error}; wave {number} may still be on it") from error
        self.wait(_RETRY_S)
