"""How BMP sessions are doing, by router, over all its sessions."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from foreshadow import meter as metrics
from foreshadow.meter import Meter
from foreshadow.topology import NodeId


@dataclass(slots=True)
class BmpAccount:
    """Counts by device.

    Attributes:
        messages: Taken, of any type.
        unused: What said nothing in the vocabulary, by what it is; of sessions that ended.
        cut_off: Sessions that the server ended.
    """

    messages: Counter[NodeId] = field(default_factory=Counter)
    unused: defaultdict[NodeId, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cut_off: int = 0

    def measure(self, meter: Meter, present: dict[NodeId, Counter[str]]) -> None:
        """Say it to a meter.

        Args:
            meter: Takes the counts.
            present: What the sessions that stand have not used, by device.
        """
        meter.level(metrics.BMP_ROUTERS, len(present))
        meter.total(metrics.BMP_CUT_OFF, self.cut_off)
        for device, count in self.messages.items():
            meter.total(metrics.BMP_MESSAGES, count, device=device)
        for device in self.unused.keys() | present.keys():
            counts = self.unused[device] + present.get(device, Counter())
            for reason, count in counts.items():
                meter.total(metrics.BMP_UNUSED, count, device=device, reason=reason)
