"""What a person sees while a drill runs: the step it is at on a terminal, its story elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from scenarios.drills.drill_story import Event, Step

_NEXT = {
    Step.STEADY: "reading tables, kernels and configurations",
    Step.BEFORE: "control run: probes with nothing broken",
    Step.CONTROL: "injecting",
    Step.TREATED: "measuring with the change in force",
    Step.INJECTED: "looking for the fault in the lab",
    Step.VERIFIED: "waiting for the tables to come to rest",
    Step.SETTLED: "the fault is in force; measuring",
    Step.UNDOING: "waiting for the network to take it back",
    Step.UNDONE: "waiting for everything to be as before",
    Step.BROKEN_OFF: "undoing what is in force",
    Step.RESTORED: "judging",
}
_MARKS = {
    Step.INJECTED: ("✱", "yellow"),
    Step.VERIFIED: ("✔", "yellow"),
    Step.UNDOING: ("↩", "cyan"),
    Step.UNDONE: ("✔", "cyan"),
    Step.RESTORED: ("✔", "green"),
    Step.BROKEN_OFF: ("✘", "bold red"),
}


class DrillView:
    """The story of one drill, line by line; on a terminal with what is going on below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # FORCE_COLOR makes rich call a pipe a terminal: ask the file itself.
        is_live = console.is_interactive and console.file.isatty()
        self._status: Status | None = console.status("", spinner="dots") if is_live else None

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def doing(self, what: str) -> None:
        """Say what is going on now; told anew by the next event."""
        if self._status is not None:
            self._status.update(Text(what, style="dim"))
        else:
            self.say(what)

    def say(self, line: str) -> None:
        """Say something that stays."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def listen(self, event: Event) -> None:
        """Tell one step of the drill."""
        mark, style = _MARKS.get(event.step, ("·", "dim"))
        line = Text.assemble(
            (f"{event.at_s:8.2f} s  ", "dim"), (mark, style), f" {event.step:<10} ", event.says
        )
        self._console.print(line, soft_wrap=True)
        if self._status is not None and event.step in _NEXT:
            self._status.update(Text(_NEXT[event.step], style="dim"))
