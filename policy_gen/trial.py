"""One finalist before the bench: what is asked, and what the answer says about it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from foreshadow.candidate import CandidateScore, LocalPreferenceShift
from foreshadow.codec import to_json
from foreshadow.experiment import (
    DeviceChange,
    Experiment,
    ExperimentResult,
    Priority,
    Purpose,
    Verdict,
)
from foreshadow.topology import Prefix
from policy_gen.candidates import Estimate
from policy_gen.hook import Hook
from policy_gen.render import generations, render

Answers = Mapping[str, ExperimentResult]
"""What the bench has answered so far, by experiment id."""

_TRIES = 2
"""A proof that the bench could not complete is asked for once more: hosts have bad moments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """A candidate worth measuring, with the hook its text attaches to."""

    estimate: Estimate
    shift: LocalPreferenceShift
    hook: Hook

    def changes(self, steps: tuple[tuple[Prefix, ...], ...]) -> tuple[DeviceChange, ...]:
        """One generation a step; prefixes that an earlier policy moves stay in each of them."""
        lists = (tuple({*step, *self.hook.listed}) for step in steps)
        made = generations(self.hook, lists, local_preference=self.shift.local_preference)
        return tuple(render(generation) for generation in made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A finalist applied in some steps, under the failure of the drill that called for it.

    Attributes:
        steps: The prefixes moved after each step, cumulative; one step for the whole at once.
    """

    drill: ExperimentResult
    finalist: Finalist
    steps: tuple[tuple[Prefix, ...], ...]

    def question(self, answers: Answers) -> Experiment | None:
        """What the bench has still to be asked; None when it has said what it can."""
        for asked in self._attempts():
            answer = answers.get(asked.id)
            if answer is None:
                return asked
            if answer.verdict is not Verdict.INCONCLUSIVE:
                return None
        return None

    def answer(self, answers: Answers) -> ExperimentResult | None:
        """The last word of the bench."""
        said = [answers[asked.id] for asked in self._attempts() if asked.id in answers]
        return said[-1] if said else None

    def has_passed(self, answers: Answers) -> bool:
        """Whether every link stays under the limit in every state, and the way back is shown."""
        answer = self.answer(answers)
        return (
            answer is not None
            and answer.verdict is Verdict.PASSED
            and answer.revert_verified is True
        )

    def score(self, answers: Answers) -> CandidateScore:
        """The estimate's score with what was measured instead, where something was."""
        estimated = self.finalist.estimate.score
        answer = self.answer(answers)
        calm = answer.phase(f"treated-{len(self.steps)}") if answer else None
        failed = answer.phase("failed") if answer else None
        if answer is None or calm is None or (failed is None and answer.cut):
            because = "; ".join(answer.reasons) if answer else "not measured"
            return replace(estimated, rejected_because=because)
        worst = (failed or calm).worst
        return replace(
            estimated,
            worst_no_failure=calm.worst.link,
            worst_no_failure_ratio=calm.worst.load_ratio,
            worst_failure=worst.link,
            worst_failure_ratio=worst.load_ratio,
            is_measured=True,
            rejected_because="" if self.has_passed(answers) else "; ".join(answer.reasons),
        )

    def _attempts(self) -> tuple[Experiment, ...]:
        """The same question under several names, which follow from what is asked."""
        changes = self.finalist.changes(self.steps)
        content = hashlib.sha256(to_json((changes, self.drill.demand, self.drill.cut)))
        stem = f"{self.drill.id}.{len(changes)}.{content.hexdigest()[:8]}"
        return tuple(
            Experiment(
                id=f"{stem}.{number}",
                purpose=Purpose.PROOF,
                cause=self.drill.id,
                cut=self.drill.cut,
                demand=self.drill.demand,
                load_limit=self.drill.load_limit,
                treatments=changes,
                priority=Priority.ROLLOUT if len(self.steps) > 1 else None,
            )
            for number in range(1, _TRIES + 1)
        )
