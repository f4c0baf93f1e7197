"""By which means this host gives emulated links their rate, delay and loss."""

from collections.abc import Callable, Mapping

from console.finding import Finding, Standing, Wish
from foreshadow.errors import EmulationFailed
from shadow.emulation.shaping_ways import Way, ways


def _shaping(_: Wish) -> Finding:
    try:
        means = ways()
    except EmulationFailed as error:
        return Finding(Standing.LIMITED, f"not tried: {error}", "run it as root")
    if means.has_netem:
        return Finding(Standing.FIT, "rate, delay and loss by netem")
    by = {"rate": means.rate, "delay": means.delay, "loss": means.loss}
    found = ", ".join(
        f"no {name}" if way is Way.NONE else f"{name} by {way}" for name, way in by.items()
    )
    if Way.NONE not in by.values():
        return Finding(Standing.FIT, found)
    remedy = f"a kernel with sch_netem ({'; '.join(means.lacks)})"
    return Finding(Standing.LIMITED, found, remedy)


LINK_PROBES: Mapping[str, Callable[[Wish], Finding]] = {"link properties": _shaping}
"""By the name people read."""
