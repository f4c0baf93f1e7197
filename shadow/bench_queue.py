"""Experiments that wait for the bench: those that hold somebody up go first."""

import itertools
import queue
from dataclasses import dataclass, field

from foreshadow.experiment import Experiment, Priority


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    rank: Priority
    number: int
    experiment: Experiment = field(compare=False)


class BenchQueue:
    """By `Experiment.rank`, then in the order in which they were asked; from any thread."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: queue.PriorityQueue[_Waiting] = queue.PriorityQueue()
        self._numbers = itertools.count()

    def put(self, experiment: Experiment) -> None:
        """Let one wait."""
        self._waiting.put(_Waiting(experiment.rank, next(self._numbers), experiment))

    def get(self, *, within_s: float) -> Experiment | None:
        """The one whose turn it is; None where none comes in time."""
        try:
            return self._waiting.get(timeout=within_s).experiment
        except queue.Empty:
            return None
