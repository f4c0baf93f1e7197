"""How a drill waits: patiently, watching its deadline, and never in the way of an undo."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from foreshadow.clock import Clock
from foreshadow.errors import ForeshadowError
from shadow.emulation.emulator import Emulator, Settled

_LONGEST_NAP_S = 0.25
"""So soon does a drill notice that it should stop."""


class BrokenOff(ForeshadowError):
    """A drill ends before its time: told to, or beyond a limit. What it injected is undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an experiment watches and waits, in seconds.

    Attributes:
        quiet_s: No FIB may have changed for this long before anything is read.
        settle_s: Longest wait for that.
        control_s: Probes run this long without loss before the fault.
        control_runs: So many times this is tried.
        verify_s: Longest wait for a fault to be seen in the lab.
        agree_s: Longest wait for zebra's tables to be the kernel's.
        recover_s: Longest wait for a network to be as it was before.
        restore_s: Longest wait for kernels, processes and configurations to be as before.
        poll_s: Between two looks.
    """

    quiet_s: float = 0.4
    settle_s: float = 20.0
    control_s: float = 0.3
    control_runs: int = 5
    verify_s: float = 5.0
    agree_s: float = 2.0
    recover_s: float = 30.0
    restore_s: float = 10.0
    poll_s: float = 0.05


class Pace:
    """The waiting of one drill."""

    def __init__(
        self, clock: Clock, patience: Patience, *, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """Nothing is waited for yet.

        Args:
            clock: Time.
            patience: How long.
            is_over: Whether somebody wants the drill to stop; asked between two looks.
        """
        self.clock, self.patience = clock, patience
        self._is_over = is_over
        self._ends_s = float("inf")
        self._is_undisturbed = False

    def now_s(self) -> float:
        """The monotonic clock."""
        return self.clock.monotonic_s()

    def break_off_after(self, longest_s: float) -> None:
        """From now on no more than so long."""
        self._ends_s = self.now_s() + longest_s

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Nothing breaks off what happens inside: an undo is finished whoever wants it to stop."""
        before, self._is_undisturbed = self._is_undisturbed, True
        try:
            yield
        finally:
            self._is_undisturbed = before

    def check(self) -> None:
        """Go no further if the drill is to stop.

        Raises:
            BrokenOff: It is.
        """
        if self._is_undisturbed:
            return
        if self._is_over():
            raise BrokenOff("the drill was told to stop")
        if self.now_s() > self._ends_s:
            raise BrokenOff("the drill took longer than its limit")

    def until(self, at_s: float) -> None:
        """Let time pass until a moment, monotonic.

        Raises:
            BrokenOff: The drill is to stop before it.
        """
        while (left_s := at_s - self.now_s()) > 0:
            self.check()
            self.clock.sleep(min(left_s, _LONGEST_NAP_S))

    def poll(self, probe: Callable[[], Sequence[str]], *, within_s: float) -> tuple[str, ...]:
        """What a probe still complains about when patience ends; nothing is what it waits for.

        Raises:
            BrokenOff: The drill is to stop before that.
        """
        deadline_s = self.now_s() + within_s
        while (said := tuple(probe())) and self.now_s() < deadline_s:
            self.check()
            self.clock.sleep(self.patience.poll_s)
        return said

    def settle(self, lab: Emulator, since_s: float, *, within_s: float | None = None) -> Settled:
        """Wait until no table has changed for the quiet time, at most `within_s`.

        Raises:
            BrokenOff: The drill is to stop before that.
        """
        longest_s = self.patience.settle_s if within_s is None else within_s
        deadline_s = self.now_s() + longest_s
        while True:
            settled = lab.wait_settled(
                quiet_s=self.patience.quiet_s,
                within_s=max(0.0, min(deadline_s - self.now_s(), 2 * self.patience.quiet_s)),
                since_s=since_s,
            )
            if settled.is_settled or self.now_s() >= deadline_s:
                return settled
            self.check()
