"""`foreshadow design compare`: each variant of a network as a lab, the same drills, one answer."""

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from rich.console import Console

from console.clean import remove_run
from console.configuration import wish as host_wish
from console.doctor import require_lab
from console.drill_view import DrillView
from console.ground import ground_of, read_network, say_traffic
from console.interruption import interruptible
from console.ownership import claim_run
from foreshadow.clock import SystemClock
from foreshadow.design_variant import Variant, parse_variants, varied
from foreshadow.errors import ConfigError
from foreshadow.experiment import Verdict
from foreshadow.network_file import NetworkFile
from foreshadow.settings import Settings
from scenarios.designs.design_comparison import (
    AS_IS,
    Course,
    Design,
    DesignOutcome,
    compare_designs,
)
from scenarios.designs.design_drill import design_faults
from shadow.emulation.backends import make_lab

VARIANTS = Path(__file__).parent / "networks" / "variants.yaml"
_UP_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareWish:
    """What the user asks for.

    Attributes:
        network: The network file.
        variants: The variants file.
        only: Names of the variants to try; empty for all.
        cuts: Links that fail, `A-B`; empty for the worst.
        count: How many of the worst.
        traffic: Matrices or a profile; None for assumed traffic.
        at: The interval to take of them.
        growth: Factor on them.
    """

    network: Path
    variants: Path = VARIANTS
    only: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()
    count: int = 3
    traffic: Path | None = None
    at: datetime | None = None
    growth: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A variant that was not tried, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of it.

    Attributes:
        network: Its name.
        traffic: Where the traffic comes from.
        faults: What every design was put to, in order.
        designs: The network's own first.
        left_out: Variants that are no other design of this network, or impossible on it.
    """

    network: str
    traffic: str
    faults: tuple[str, ...]
    designs: tuple[DesignOutcome, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether every figure counts."""
        return max(it.verdict for it in self.designs)


def run_comparison(wish: CompareWish, settings: Settings, console: Console) -> Comparison:
    """Try the network's own design and every variant of it.

    Args:
        wish: What the user asks for.
        settings: Where runs lie, and what labs run on.
        console: For the story.

    Raises:
        ConfigError: A file or value will not do; nothing was started.
        EnvironmentUnfit: The host lacks something; nothing was started.
        Interrupted: Ctrl-C, say; everything is taken down.
    """
    _log_to_stderr()
    network = read_network(wish.network)
    ground = ground_of(network, traffic=wish.traffic, at=wish.at, growth=wish.growth)
    faults = design_faults(network, ground.demand, cuts=wish.cuts, count=wish.count)
    designs, left_out = designs_of(network, _variants(wish))
    require_lab(host_wish(settings))
    clock = SystemClock()
    with interruptible(console.print) as interruption, DrillView(console) as view:
        run = claim_run(settings.run_dir, pid=os.getpid(), command="design compare", clock=clock)
        try:
            course = Course(
                faults=faults,
                demand=ground.demand,
                make=lambda spec: make_lab(
                    spec, run_id=run.run_id, name="design", settings=settings.shadow
                ),
                within_s=_UP_WITHIN_S,
                clock=clock,
                is_over=lambda: interruption.wait(0.0),
            )

            def tell(name: str, what: str) -> None:
                interruption.check()
                view.doing(f"{name}: {what}")

            outcomes = []
            for outcome in compare_designs(designs, course, tell):
                interruption.check()
                outcomes.append(outcome)
                view.say(f"{len(outcomes)} of {len(designs)}  {_line(outcome)}")
        finally:
            remove_run(run, clock=clock)
    return Comparison(
        network=network.name,
        traffic=say_traffic(ground.demand, traffic=wish.traffic, growth=wish.growth),
        faults=tuple(fault.name for fault in faults),
        designs=tuple(outcomes),
        left_out=left_out,
    )


def designs_of(
    network: NetworkFile, variants: Sequence[Variant]
) -> tuple[tuple[Design, ...], tuple[LeftOut, ...]]:
    """The network's own design and those variants that are another one of it."""
    designs, left_out = [Design(name=AS_IS, network=network)], []
    for variant in variants:
        try:
            other = varied(network, variant)
        except ConfigError as error:
            left_out.append(LeftOut(name=variant.name, reason=str(error)))
            continue
        if other == network:
            left_out.append(LeftOut(name=variant.name, reason="the network is designed so already"))
        else:
            changes = variant.changes()
            designs.append(Design(name=variant.name, network=other, changes=changes))
    return tuple(designs), tuple(left_out)


def _log_to_stderr() -> None:
    """Standard output is the result; a bug's traceback goes where the story goes, in short."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _variants(wish: CompareWish) -> tuple[Variant, ...]:
    try:
        text = wish.variants.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such variants file", path=wish.variants) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=wish.variants) from error
    found = parse_variants(text, path=wish.variants)
    names = [variant.name for variant in found]
    if unknown := [name for name in wish.only if name not in names]:
        raise ConfigError(
            f"no variant {unknown[0]!r}; there are {', '.join(names)}", path=wish.variants
        )
    return tuple(it for it in found if not wish.only or it.name in wish.only)


def _line(outcome: DesignOutcome) -> str:
    if outcome.failure:
        return f"{outcome.name}: {outcome.failure}"
    return f"{outcome.name}: {outcome.verdict.name} in {len(outcome.drills)} drills"
