"""From what the user typed to a script, everything checked before anything starts."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from console.demo.script import Script
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.settings import DEMO_TIMES, ForecastSettings, PolicySettings, RolloutTimes
from foreshadow.topology import LinkId
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DEFAULT_GROWTH, DemandSeries, Story, demands, read_matrices
from policy_gen.governance import read_governance

NETWORKS = Path(__file__).parent.parent / "networks"
DEMO_NETWORK = NETWORKS / "abilene.yaml"
DEMO_PROFILE = NETWORKS / "abilene_profile.yaml"
DEMO_GOVERNANCE = NETWORKS / "demo_governance.yaml"
DEMO_CUT = "CHINng-NYCMng"
DEMO_LIMIT = 0.85


def read_network(path: Path) -> NetworkFile:
    """The network of a file.

    Raises:
        ConfigError: Missing or malformed; names file, line, column and field.
    """
    try:
        return parse_network(path.read_text(), path=path)
    except FileNotFoundError as error:
        raise ConfigError("no such network file", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user may choose.

    Attributes:
        network: The network file.
        traffic: A matrix file; None for the built-in profile.
        profile: The built-in profile's parameters.
        growth: Factor on every rate.
        day: The story's day, at the story's times of day; None for the story's own.
        cut: The link that fails, `A-B`.
        load_limit: Load ratio no link may exceed.
        times: How long waves wait and watch.
    """

    network: Path = DEMO_NETWORK
    traffic: Path | None = None
    profile: Path = DEMO_PROFILE
    growth: float = DEFAULT_GROWTH
    day: date | None = None
    cut: str = DEMO_CUT
    load_limit: float = DEMO_LIMIT
    times: RolloutTimes = DEMO_TIMES


def write_script(wishes: Wishes) -> Script:
    """The script of the demo for these wishes.

    Raises:
        ConfigError: A file or value will not do; nothing was started.
    """
    network = read_network(wishes.network)
    cut = _link(wishes.cut, network, wishes.network)
    story = _on(wishes.day, Story())
    if wishes.traffic is None:
        matrices = profile_matrices(wishes.profile, network, until=story.until)
    else:
        matrices = read_matrices(wishes.traffic, (router.name for router in network.routers))
    series = demands(matrices, network, growth=wishes.growth)
    for moment in (story.live_from, story.failure_at):
        series.index(moment)
    _require_history(series, story)
    read_governance(DEMO_GOVERNANCE, default_cap=PolicySettings().moved_traffic_cap)
    return Script(
        network=network,
        network_path=wishes.network,
        demand=series,
        growth=wishes.growth,
        story=story,
        cut=cut,
        times=wishes.times,
        load_limit=wishes.load_limit,
        governance=DEMO_GOVERNANCE,
    )


def _link(name: str, network: NetworkFile, path: Path) -> LinkId:
    """The link of that name, written either way round, as the file writes it."""
    for link in network.links:
        if name in {f"{link.a}-{link.b}", f"{link.b}-{link.a}"}:
            return LinkId(f"{link.a}-{link.b}")
    known = ", ".join(f"{link.a}-{link.b}" for link in network.links)
    raise ConfigError(f"no link {name!r} in the network; there are {known}", path=path)


def _require_history(series: DemandSeries, story: Story) -> None:
    """See that the forecast has learnt enough to warn when the story goes live."""
    needed = ForecastSettings().warm_up_steps
    found = series.index(story.live_from)
    if found < needed:
        raise ConfigError(
            f"{series.name} has {found} intervals before {story.live_from:%Y-%m-%d %H:%M}, and the "
            f"forecast learns from {needed} before it warns; choose a later day",
            field="day",
        )


def _on(day: date | None, story: Story) -> Story:
    if day is None:
        return story

    def moved(moment: datetime) -> datetime:
        return moment.replace(year=day.year, month=day.month, day=day.day)

    return replace(
        story,
        live_from=moved(story.live_from),
        failure_at=moved(story.failure_at),
        until=moved(story.until),
    )
