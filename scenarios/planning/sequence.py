"""A sequence of steps laid out on a time line."""

from dataclasses import dataclass

from scenarios.scenario import Injection, Parallel, Repeat, Sequence, Serial


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An injection with its place in time.

    Attributes:
        start_s: From the beginning of the drill.
        turn: Its number in the file, from 0; repeated ones share it.
    """

    injection: Injection
    start_s: float
    turn: int

    @property
    def end_s(self) -> float:
        """When it is undone."""
        return self.start_s + self.injection.lasts_s


def lay_out(steps: tuple[Sequence, ...]) -> tuple[Placed, ...]:
    """Every injection that will happen, repeated ones each time, in the order of the file."""
    placed, _, _ = _serial(steps, 0.0, 0)
    return placed


def length_s(steps: tuple[Sequence, ...]) -> float:
    """From the first injection to the last undoing."""
    return max((each.end_s for each in lay_out(steps)), default=0.0)


_Laid = tuple[tuple[Placed, ...], float, int]
"""What is placed, when it ends, and the number of the next injection."""


def _lay(step: Sequence, start_s: float, turn: int) -> _Laid:
    match step:
        case Injection():
            begin_s = start_s + step.after_s
            placed = Placed(injection=step, start_s=begin_s, turn=turn)
            return (placed,), placed.end_s, turn + 1
        case Serial(steps=steps):
            return _serial(steps, start_s, turn)
        case Parallel(steps=steps):
            return _parallel(steps, start_s, turn)
        case Repeat():
            return _repeat(step, start_s, turn)


def _serial(steps: tuple[Sequence, ...], start_s: float, turn: int) -> _Laid:
    found: tuple[Placed, ...] = ()
    end_s = start_s
    for step in steps:
        placed, end_s, turn = _lay(step, end_s, turn)
        found += placed
    return found, end_s, turn


def _parallel(steps: tuple[Sequence, ...], start_s: float, turn: int) -> _Laid:
    found: tuple[Placed, ...] = ()
    last_s = start_s
    for step in steps:
        placed, end_s, turn = _lay(step, start_s, turn)
        found, last_s = found + placed, max(last_s, end_s)
    return found, last_s, turn


def _repeat(step: Repeat, start_s: float, turn: int) -> _Laid:
    found: tuple[Placed, ...] = ()
    begin_s = end_s = start_s
    after = turn
    for number in range(step.times):
        begin_s = start_s + number * step.every_s if step.every_s else end_s
        placed, end_s, after = _serial(step.steps, begin_s, turn)
        found += placed
    return found, end_s, after
