"""The way back: the newest wave first, then those before it, then the proof that nothing is left.

The proof is the RIB digest, not the configuration text: a router that breaks ties by age may keep
the new path under the old policy (RFC 4264). Where the digest is not the old one, the devices are
made to decide again (soft clear) once; after that a person is needed. A broker that is away stops
none of it: the journal keeps every word for later, and only the proof is missing.
"""

from dataclasses import dataclass
from typing import Any

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, DeviceUnreachable, UnsafeRollout
from foreshadow.observed import Stream
from foreshadow.rollout_event import RolloutStep
from foreshadow.routing import rib_digest
from foreshadow.settings import RolloutTimes
from rollout.lookout import STALE_AFTER_S, Lookout
from rollout.passage import Passage
from rollout.preconditions import SETTLE_TRIES
from rollout.reversal import Reversal, StillThere

_log = structlog.get_logger()
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Retreat:
    """Takes a rollout back, as far as it got."""

    lookout: Lookout
    clock: Clock
    times: RolloutTimes

    def carry_out(self, passage: Passage) -> None:
        """Revert every standing wave, verify the digest, clean up, and say how long it took.

        Ends in REVERTED, or in REVERT_FAILED with the reason.
        """
        state = passage.at
        reversal = Reversal(clock=self.clock, times=self.times, wait=self.lookout.glance)
        reversal.begin(passage)
        begun = tuple(range(state.wave, 0, -1))
        try:
            reversal.take_back(passage)
        except StillThere as error:
            self._give_up(passage, str(error), {**passage.found})
            return
        reverted_s = self.clock.monotonic_s()
        facts = self._facts(passage, reverted_s)
        # At once, while telemetry still looks closely: what it knows of the configuration is what
        # the next candidate is made for.
        self._clean_up(passage, begun)
        if not self._is_as_before(passage, begun, reverted_s):
            after = rib_digest(self.lookout.ribs())
            self._give_up(
                passage,
                f"every device took its old policy back, but {self._what_is_wrong(reverted_s)}",
                {**facts, "rib_digest_after": after},
            )
            return
        facts["rib_digest_after"] = rib_digest(self.lookout.ribs())
        facts["verified_after_s"] = round(self.clock.monotonic_s() - reverted_s, 3)
        passage.record(
            RolloutStep.REVERTED,
            f"{passage.because}; {len(state.standing)} waves taken back "
            f"{facts['gate_to_reverted_s']:.2f} s after the decision, the RIB digest is the one "
            "from before",
            wave=0,
            facts=facts,
        )

    def _give_up(self, passage: Passage, because: str, facts: dict[str, Any]) -> None:
        """Call a person. Of wave 0, like every word on the whole change, or nobody hears an end."""
        passage.record(RolloutStep.REVERT_FAILED, because, wave=0, facts=facts)

    def _facts(self, passage: Passage, reverted_s: float) -> dict[str, Any]:
        decided_s = passage.failed_s or reverted_s
        return {
            **passage.found,
            "gate_to_reverted_s": round(reverted_s - decided_s, 3),
            "rib_digest_before": passage.candidate.digest_before,
        }

    def _is_as_before(self, passage: Passage, begun: tuple[int, ...], since_s: float) -> bool:
        if passage.before is None:
            return True  # It never got as far as a device.
        if self._becomes_as_before(passage, since_s):
            return True
        try:
            for number in begun:
                passage.crew.soften(passage.wave_of(number))
        except (ConfigError, DeviceUnreachable) as error:
            _log.warning("soft_clear_failed", txn=passage.txn, error=str(error))
        return self._becomes_as_before(passage, self.clock.monotonic_s())

    def _becomes_as_before(self, passage: Passage, since_s: float) -> bool:
        """Whether every router has spoken since the revert and the digest is the old one."""
        until_s = since_s + max(SETTLE_TRIES * self.times.settle_s, STALE_AFTER_S / 2)
        wanted = passage.candidate.digest_before
        while self.clock.monotonic_s() < until_s:
            if not self.lookout.silent_since(since_s, (Stream.BEST_PATH,)) and (
                rib_digest(self.lookout.ribs()) == wanted
            ):
                return True
            self.lookout.glance(_LOOK_S)
        return False

    def _what_is_wrong(self, since_s: float) -> str:
        silent = self.lookout.silent_since(since_s, (Stream.BEST_PATH,))
        if silent:
            return f"the RIBs of {len(silent)} routers were not heard of since; look at them"
        return "the RIBs are not those from before; look for a path that stayed as it is older"

    def _clean_up(self, passage: Passage, begun: tuple[int, ...]) -> None:
        """Objects that nothing uses any more go; what is left of them does no harm."""
        for number in begun:
            wave = passage.wave_of(number)
            try:
                passage.crew.collect(wave)
                passage.crew.unlock(wave)
            except (ConfigError, DeviceUnreachable, UnsafeRollout) as error:
                _log.warning("clean_up_failed", txn=passage.txn, wave=number, error=str(error))
