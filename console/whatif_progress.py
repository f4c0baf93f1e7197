"""The question put to the engine, with what takes long shown on the way."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from console.whatif_answer import Answer, Question, answer
from console.whatif_ground import Site
from foreshadow.clock import SystemClock
from scenarios.failures.warm_up import warm_up
from scenarios.triage import NamedDemand

_BAR = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())


def answered(
    site: Site, demands: Sequence[NamedDemand], asked: Question, console: Console
) -> Answer:
    """The answer; the first on a host waits for the kernel to be compiled."""
    with Progress(*_BAR, console=console, transient=True) as progress:
        task = progress.add_task("compiling the kernel (once on this host)", total=None)
        warm_up()
        links = sum(not link.is_external for link in site.network.what_if.topology.links)
        total = {"n-1": links, "n-2": links * (links - 1) // 2, "nodes": len(site.file.routers)}
        progress.update(task, description="trying failures", total=total.get(asked.every or ""))
        return answer(
            site,
            demands,
            asked,
            monotonic_s=SystemClock().monotonic_s,
            tell=lambda tried: progress.update(task, completed=tried),
        )
