"""What the probes of a drill say of a stretch of it."""

from collections.abc import Iterable

from scenarios.check import CheckKind
from scenarios.checks import Measured, Sight
from shadow.convergence import ProbeTrail


def between(trails: Iterable[ProbeTrail], from_s: float, to_s: float) -> tuple[ProbeTrail, ...]:
    """The probes that were sent from one moment until another, monotonic."""
    cut = []
    for trail in trails:
        kept = [
            (sent, came)
            for sent, came in zip(trail.sent_s, trail.arrived, strict=True)
            if from_s <= sent < to_s
        ]
        cut.append(
            ProbeTrail(
                sentinel=trail.sentinel,
                sent_s=tuple(sent for sent, _ in kept),
                arrived=tuple(came for _, came in kept),
            )
        )
    return tuple(cut)


def packets_sight(trails: Iterable[ProbeTrail]) -> Sight:
    """Loss over all watched pairs, and the outage of the one that had the longest."""
    sent = [trail for trail in trails if trail.sent_s]
    if not sent:
        return {}
    lost = sum(not came for trail in sent for came in trail.arrived)
    total = sum(len(trail.sent_s) for trail in sent)
    longest = max(sent, key=lambda trail: trail.outage_s(trail.sent_s[0]))
    way = f"{longest.sentinel.src} to {longest.sentinel.address}"
    return {
        CheckKind.LOSS: Measured(value=lost / total, where=f"{lost} of {total} probes"),
        CheckKind.OUTAGE: Measured(value=longest.outage_s(longest.sent_s[0]), where=way),
    }
