"""The script of one run: which network, which traffic, which failure, which moments and times."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foreshadow.demand import DemandMatrix
from foreshadow.network_file import NetworkFile
from foreshadow.settings import RolloutTimes
from foreshadow.topology import LinkId
from ingest.sources.traffic import DemandSeries, Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that was decided before the curtain rises.

    Attributes:
        cut: The link that really fails in production at `story.failure_at`.
        step_wall_s: Wall-clock seconds a live step takes at least.
        governance: File that raises the cap on moved traffic, by name and reason.
    """

    network: NetworkFile
    network_path: Path
    demand: DemandSeries
    growth: float
    story: Story
    cut: LinkId
    times: RolloutTimes
    load_limit: float
    governance: Path
    step_wall_s: float = 0.2

    def history(self) -> Iterator[DemandMatrix]:
        """Every interval before the live ones, oldest first."""
        return (self.demand.matrix(i) for i in range(self.demand.index(self.story.live_from)))

    @property
    def history_steps(self) -> int:
        """How many intervals history has."""
        return self.demand.index(self.story.live_from)

    def live(self) -> Iterator[DemandMatrix]:
        """The live intervals up to and with the one in which the failure comes."""
        first = self.demand.index(self.story.live_from)
        last = self.demand.index(self.story.failure_at)
        return (self.demand.matrix(i) for i in range(first, last + 1))
