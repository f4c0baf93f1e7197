"""Letting a candidate in: are the facts as it says (VERIFIED), and is it allowed (APPROVED)."""

from dataclasses import dataclass
from threading import Event

from foreshadow.clock import Clock
from foreshadow.errors import UnsafeRollout
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import RolloutTimes
from rollout.lookout import Lookout
from rollout.observation import Observation
from rollout.passage import Passage
from rollout.preconditions import (
    SETTLE_TRIES,
    Standing,
    governance_objections,
    moved_share,
    objections,
)
from rollout.rules import Rules

S = RolloutStep
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Decides on candidates; reads devices, changes nothing."""

    lookout: Lookout
    clock: Clock
    times: RolloutTimes
    rules: Rules
    stop: Event

    def verify(self, passage: Passage) -> None:
        """Check the facts, and keep what production is now.

        Raises:
            UnsafeRollout: It must not begin.
        """
        before = self._checked(passage)
        passage.before = before
        passage.journal.keep_before(passage.txn, before)
        passage.record(
            S.VERIFIED,
            "configurations and RIBs are those it was measured on, and it will be done in time",
            facts={"rib_digest_before": before.digest, "override": passage.candidate.override},
        )

    def approve(self, passage: Passage) -> None:
        """Check who allowed how much.

        Raises:
            UnsafeRollout: Nobody did.
        """
        candidate, governance = passage.candidate, passage.candidate.governance
        moved = self._allowed(passage)
        says = f"moves {moved:.1%} of all traffic, {self.rules.traffic_cap(candidate):.0%} "
        says += "is the cap"
        if governance.raised_by:
            says += f", raised by {governance.raised_by}: {governance.reason}"
        if candidate.override:
            says += f"; overridden: {candidate.override}"
        passage.record(S.APPROVED, says, facts={"moved_share": moved})

    def still_holds(self, passage: Passage) -> None:
        """Check again right before the first device is changed: there may have been a long hold.

        Raises:
            UnsafeRollout: It must not begin any more.
        """
        self._checked(passage)
        self._allowed(passage)

    def _checked(self, passage: Passage) -> Observation:
        """Production now; what only needs to arrive on the bus is given three settle times."""
        until_s = self.clock.monotonic_s() + SETTLE_TRIES * self.times.settle_s
        while True:
            before = self.lookout.observe()
            found = objections(passage.candidate, self._standing(passage, before))
            if not found:
                return before
            if self.clock.monotonic_s() >= until_s or self.stop.is_set():
                raise UnsafeRollout("; ".join(found))
            self.lookout.poll(_LOOK_S)

    def _allowed(self, passage: Passage) -> float:
        demand = self.lookout.observe().demand
        found = governance_objections(passage.candidate, demand, self.rules)
        if found:
            raise UnsafeRollout("; ".join(found))
        return moved_share(passage.candidate, demand)

    def _standing(self, passage: Passage, before: Observation) -> Standing:
        configs = {
            device: passage.crew.config_sha256(device)
            for device, _ in passage.candidate.precondition
        }
        return Standing(
            before=before,
            configs=configs,
            untrusted=self.lookout.untrusted(),
            now=self.lookout.now,
            times=self.times,
            proofs=self.lookout.proofs,
            rules=self.rules,
        )
