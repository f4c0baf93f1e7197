"""A link that goes silent under BFD three times 100 ms: what both meters say, side by side."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks._labs import REPOSITORY, lab_of
from benchmarks._report import NotMeasured, Row, median_row
from foreshadow.clock import SystemClock
from foreshadow.experiment import Convergence
from foreshadow.network_file import parse_network
from foreshadow.topology import LinkId, NodeId
from shadow.convergence import ProbeStream, Sentinel, control_loss, measure
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab

_NETWORK: Path = REPOSITORY / "tests" / "networks" / "square.yaml"
_BFD = "bfd: {interval_ms: 100, multiplier: 3}\n"
_LINK, _NE, _SE = LinkId("NE-SE"), NodeId("NE"), NodeId("SE")
_PAIRS = (
    Sentinel(src=_SE, address=IPv4Address("10.2.0.1"), listeners=(_NE,)),
    Sentinel(src=_NE, address=IPv4Address("10.3.0.1"), listeners=(_SE,)),
)
_WANTED, _ATTEMPTS = 5, 15
_CONTROL_S = 0.4
_WHOLE_WITHIN_S, _POLL_S = 60.0, 0.1
_ADJACENCIES, _WATCHED = 8, 2
_LONGEST_MS, _APART_MS = 400.0, 30.0


def silent_failure() -> Iterator[Row]:
    """Outage by packets and by netlink, and how far apart they are."""
    _, spec = design(parse_network(_NETWORK.read_text() + _BFD, path=_NETWORK))
    found: list[Convergence] = []
    with lab_of(spec) as lab:
        for _ in range(_ATTEMPTS):
            if len(found) < _WANTED and (seen := _measured(lab)) is not None:
                found.append(seen)
    if not found:
        raise NotMeasured("the host was too busy in every attempt to measure convergence")
    packets = [each.outage_ms for each in found]
    netlink = [each.last_fib_change_ms for each in found]
    apart = [abs(each.outage_ms - each.last_fib_change_ms) for each in found]
    name = "silent failure under BFD 3 x 100 ms"
    yield median_row(f"{name}, by packets", packets, "ms", _LONGEST_MS)
    yield median_row(f"{name}, by netlink", netlink, "ms", _LONGEST_MS)
    yield Row(
        name=f"{name}, meters apart at most",
        value=max(apart),
        unit="ms",
        target=_APART_MS,
        repetitions=len(apart),
    )


def _measured(lab: NetnsLab) -> Convergence | None:
    """One failure; None where the host or the control run voids it."""
    clock = SystemClock()
    _await_whole(lab)
    lab.wait_settled(quiet_s=1.0, within_s=_WHOLE_WITHIN_S)
    with ProbeStream(lab, _PAIRS, clock) as probes:
        began_s = clock.monotonic_s()
        clock.sleep(_CONTROL_S)
        injected_s = lab.silence_link(_LINK, is_silent=True)
        try:
            settled = lab.wait_settled(quiet_s=1.0, within_s=_WHOLE_WITHIN_S, since_s=injected_s)
            trails = probes.stop()
        finally:
            lab.silence_link(_LINK, is_silent=False)
    seen = measure(
        trails,
        injected_s=injected_s,
        last_fib_change_s=settled.convergence_s,
        changes=lab.fib_changes(injected_s),
    )
    is_void = control_loss(trails, since_s=began_s, injected_s=injected_s) > 0
    return None if is_void or probes.overload(seen) else seen


def _await_whole(lab: NetnsLab) -> None:
    """Every adjacency full and every BFD session up: what the next failure is to find."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + _WHOLE_WITHIN_S
    while clock.monotonic_s() < until_s:
        full = [it for them in lab.adjacencies().values() for it in them if it.is_full]
        peers = [it for node in (_NE, _SE) for it in lab.show_json(node, "show bfd peers json")]
        up = [it for it in peers if it["status"] == "up"]
        if len(full) == _ADJACENCIES and len(up) == 2 * _WATCHED:
            return
        clock.sleep(_POLL_S)
    raise RuntimeError("the lab did not become whole again")
