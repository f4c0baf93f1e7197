"""What the probes of a drill say of a stretch of it."""

from collections.abc import Iterable

from scenarios.check import CheckKind
from scenarios.drills.checks import Measured, Sight
from shadow.convergence import ProbeTrail


def between(trails: Iterable[ProbeTrail], from_s: float, to_s: float) -> tuple[ProbeTrail, ...]:
    """The probes that were sent from one moment until another, monotonic."""
    return tuple(trail.between(from_s, to_s) for trail in trails)


def packets_sight(trails: Iterable[ProbeTrail]) -> Sight:
    """Loss over all watched pairs, and the outage of the one that had the longest."""
    sent = [trail for trail in trails if trail.sent_s]
    if not sent:
        return {}
    lost = sum(trail.arrived.count(False) for trail in sent)
    total = sum(len(trail.sent_s) for trail in sent)
    longest = max(sent, key=_outage_s)
    return {
        CheckKind.LOSS: Measured(value=lost / total, where=f"{lost} of {total} probes"),
        CheckKind.OUTAGE: Measured(value=_outage_s(longest), where=_way(longest)),
    }


def latency_sight(trails: Iterable[ProbeTrail]) -> Sight:
    """The slowest pair's 95th percentile, of probes sent while the tables were at rest."""
    known = [(latency.p95_ms, trail) for trail in trails if (latency := trail.latency())]
    if not known:
        return {}
    slowest_ms, trail = max(known, key=lambda each: each[0])
    where = f"95th percentile, {_way(trail)}"
    return {CheckKind.LATENCY: Measured(value=slowest_ms / 1e3, where=where)}


def _outage_s(trail: ProbeTrail) -> float:
    return float(trail.outage_s(trail.sent_s[0]))


def _way(trail: ProbeTrail) -> str:
    return f"{trail.sentinel.src} to {trail.sentinel.address}"
