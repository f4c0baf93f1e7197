"""One rollout on its way: its state, and the only way to change it, which is to write it down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from foreshadow.candidate import Candidate, Wave
from foreshadow.clock import Clock
from foreshadow.errors import InvariantViolated
from foreshadow.experiment import Verdict
from foreshadow.rollout_event import GateResult, RolloutEvent, RolloutStep
from rollout.crew import Crew
from rollout.journal import Journal
from rollout.machine import RolloutState, advance, fold
from rollout.observation import Observation
from rollout.watch import Trial


@dataclass(slots=True)
class Passage:
    """A rollout in the controller's hands.

    Attributes:
        tell: Publishes what the topic has not got. Not called while waves are taken back: a broker
            that is away must not hold that up.
        verdict: On the wave in progress, once there is one.
        gates: What that verdict rests on.
        failed_s: When it was known that the change must go back (monotonic).
        because: Why, in a sentence.
        found: Facts a restarted controller found.
        last_sha256: Each device's configuration after the last confirmed wave.
    """

    candidate: Candidate
    journal: Journal
    crew: Crew
    clock: Clock
    tell: Callable[[], None]
    state: RolloutState | None = None
    before: Observation | None = None
    trial: Trial | None = None
    verdict: Verdict | None = None
    gates: tuple[GateResult, ...] = ()
    failed_s: float = 0.0
    because: str = ""
    found: dict[str, Any] = field(default_factory=dict)
    last_sha256: dict[str, str] = field(default_factory=dict)

    @property
    def txn(self) -> str:
        """Names the rollout everywhere."""
        return self.candidate.id

    @property
    def at(self) -> RolloutState:
        """Where it stands."""
        if self.state is None:
            raise InvariantViolated(f"{self.txn} was never proposed")
        return self.state

    @property
    def wave(self) -> Wave:
        """The wave begun last."""
        return self.wave_of(self.at.wave)

    def wave_of(self, number: int) -> Wave:
        """The wave of that number, from 1."""
        return self.candidate.waves[number - 1]

    def record(
        self,
        step: RolloutStep,
        says: str,
        *,
        wave: int | None = None,
        gates: tuple[GateResult, ...] = (),
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Take one step: checked against the machine, then written down, then true.

        Raises:
            JournalUnwritable: It was not written down, so it did not happen.
            InvariantViolated: It cannot follow.
        """
        number = (self.state.wave if self.state else 0) if wave is None else wave
        devices = self.wave_of(number).changes if number else ()
        event = RolloutEvent(
            txn=self.txn,
            seq=self.state.seq + 1 if self.state else 1,
            at=self.clock.now(),
            step=step,
            wave=number,
            device=",".join(change.device for change in devices),
            says=says,
            gates=gates,
            facts=facts,
        )
        following = advance(self.state, event)
        self.journal.record(event)
        self.state = following
        if following.step is not RolloutStep.REVERTING:
            self.tell()

    def fail(self, because: str, gates: tuple[GateResult, ...] = ()) -> None:
        """Decide that the change goes back; the first reason counts."""
        if self.verdict is not Verdict.FAILED:
            self.verdict, self.because = Verdict.FAILED, because
            self.failed_s = self.clock.monotonic_s()
            self.gates = gates or self.gates

    def restore(self) -> None:
        """Read back from the journal where it stands.

        Raises:
            InvariantViolated: The journal tells a history that cannot be.
        """
        events = self.journal.events(self.txn)
        self.state = fold(events)
        self.before = self.journal.before(self.txn)
        for event in events:
            if event.step is RolloutStep.CONFIRMED and event.facts:
                self.last_sha256 = dict(event.facts.get("config_sha256", {}))

    def obeyed_offset(self) -> int:
        """Place of the last order that was obeyed, -1 for none."""
        facts = (event.facts or {} for event in self.journal.events(self.txn))
        return max((fact.get("order_offset", -1) for fact in facts), default=-1)
