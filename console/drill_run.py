"""`foreshadow scenario run` and `foreshadow drill replay`: a lab, one drill on it, its answer."""

import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from console.configuration import wish as host_wish
from console.doctor import require_lab
from console.drill_folders import DRILLS
from console.drill_junit import write_junit
from console.drill_lab import DrillLab, kept_lab, network_of, own_lab
from console.drill_report import write_drill_html
from console.drill_view import DrillView
from console.ground import ground_of, read_network
from console.interruption import Interruption, interruptible
from console.lab_keeping import find_lab
from foreshadow.clock import Clock, SystemClock
from foreshadow.errors import ConfigError
from foreshadow.experiment import Experiment, ExperimentResult, Purpose
from foreshadow.settings import Settings
from foreshadow.topology import Topology
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import find
from scenarios.drill_plan import encode_plan
from scenarios.drills.drill import run_experiment
from scenarios.drills.drill_journal import find_records, lab_name
from scenarios.drills.drill_lock import lab_to_oneself
from scenarios.drills.drill_room import DrillRoom
from scenarios.drills.evidence import read_bundle
from scenarios.drills.recovery import Recovery, recover
from scenarios.drills.replay import Replay, compare, experiment_of
from scenarios.planning.planner import plan
from shadow.bench import Bench
from shadow.emulation.design import design

_CAUSE = "a person"
_LOAD_LIMIT = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillWish:
    """What the user asks for.

    Attributes:
        scenario: The scenario file, or a name of the library.
        network: The network file; None for that of the kept lab.
        lab: A lab that an earlier drill kept; None for one of the drill's own.
        traffic: Matrices or a profile; None for assumed traffic.
        at: The interval to take of them.
        growth: Factor on them.
        load_limit: Load ratio no link may exceed where no check says otherwise.
        seed: For everything that is drawn.
        report: Folder to copy the evidence and the reports to.
        keeps: Leave the lab running.
    """

    scenario: str
    network: Path | None = None
    lab: str | None = None
    traffic: Path | None = None
    at: datetime | None = None
    growth: float = 1.0
    load_limit: float = _LOAD_LIMIT
    seed: int = 0
    report: Path | None = None
    keeps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillAnswer:
    """What came of it.

    Attributes:
        folder: The drill's evidence.
        kept_lab: The lab that was left running; "" for none.
    """

    result: ExperimentResult
    folder: Path
    kept_lab: str

    def brief(self) -> dict[str, object]:
        """For a program: the answer without the routers' tables, which the evidence has."""
        phases = tuple(replace(phase, tables=()) for phase in self.result.phases)
        return {
            "result": replace(self.result, phases=phases),
            "evidence": str(self.folder),
            "kept_lab": self.kept_lab,
        }


def run_drill(wish: DrillWish, settings: Settings, console: Console) -> DrillAnswer:
    """Run a scenario once.

    Args:
        wish: What the user asks for.
        settings: Where runs lie, and what labs run on.
        console: For the story.

    Raises:
        ConfigError: A file or value will not do, or the lab is taken; nothing was injected.
        EnvironmentUnfit: The host lacks something; nothing was started.
        Interrupted: Ctrl-C, say; everything injected is undone, and the evidence says so.
    """
    if wish.network is None and wish.lab is None:
        raise ConfigError("name the network with --network, or a kept lab with --lab")
    scenario = read_scenario(find(wish.scenario))
    require_lab(host_wish(settings))
    root, clock = settings.run_dir, SystemClock()
    with interruptible(console.print) as interruption, DrillView(console) as view:
        with ExitStack() as stack:
            kept = (
                stack.enter_context(kept_lab(_lab_called(wish.lab, root), settings, clock))
                if wish.lab
                else None
            )
            path = wish.network or (network_of(kept) if kept else Path())
            network = read_network(path)
            ground = ground_of(network, traffic=wish.traffic, at=wish.at, growth=wish.growth)
            topology, spec = design(network)
            name = _name(scenario.name, clock)
            drill = plan(
                scenario, ground, drill_id=name, load_limit=wish.load_limit, seed=wish.seed
            )
            view.say(f"{name}: {', '.join(fault.name for fault in drill.faults)}")
            if kept is None:
                view.doing(f"bringing up a lab of {len(spec.nodes)} routers")
                kept = stack.enter_context(
                    own_lab(spec, settings, clock, network=path.read_text(), keeps=wish.keeps)
                )
                view.say(f"lab {kept.name} is up")
            else:
                _mend(kept, root, clock, view)
            interruption.check()
            experiment = Experiment(
                id=name,
                purpose=Purpose.DRILL,
                cause=_CAUSE,
                cut=(),
                demand=drill.demand,
                load_limit=drill.load_limit,
                drill=encode_plan(drill),
            )
            answer = _carry_out(
                experiment, kept, topology, root=root, view=view, interruption=interruption
            )
        if wish.report is not None:
            answer = replace(answer, folder=_copy(answer.folder, wish.report))
        interruption.check()
    kept_name = str(kept.name) if wish.keeps or wish.lab else ""
    return replace(answer, kept_lab=kept_name)


def _lab_called(wanted: str, root: Path) -> str:
    """The whole name of a lab that a person may call without its run's id, as `lab` commands do."""
    with suppress(ConfigError):
        return str(lab_name(wanted))
    return find_lab(wanted, root).name


def replay_drill(
    folder: Path, settings: Settings, console: Console, *, report: Path | None = None
) -> tuple[DrillAnswer, Replay]:
    """Run a drill again from its evidence alone: same lab, same plan, same seed, same demand.

    Raises:
        ConfigError: The evidence is incomplete, or was changed.
        EnvironmentUnfit: The host lacks something.
        Interrupted: Ctrl-C, say.
    """
    bundle = read_bundle(folder)
    require_lab(host_wish(settings))
    root, clock = settings.run_dir, SystemClock()
    with interruptible(console.print) as interruption, DrillView(console) as view:
        experiment = experiment_of(bundle, name=_name(f"{bundle.evidence.drill}-replay", clock))
        view.doing(f"bringing up the lab of {len(bundle.lab.nodes)} routers again")
        with own_lab(bundle.lab, settings, clock, network="", keeps=False) as lab:
            view.say(f"lab {lab.name} is up")
            interruption.check()
            answer = _carry_out(
                experiment, lab, bundle.topology, root=root, view=view, interruption=interruption
            )
        if report is not None:
            answer = replace(answer, folder=_copy(answer.folder, report))
        interruption.check()
    return answer, compare(bundle.result, answer.result)


def _carry_out(
    experiment: Experiment,
    lab: DrillLab,
    topology: Topology,
    *,
    root: Path,
    view: DrillView,
    interruption: Interruption,
) -> DrillAnswer:
    room = DrillRoom(drills=root / DRILLS, lab=lab.name, place=lab.run.directory)
    view.doing("waiting for sessions, adjacencies and tables to come to rest")
    result = run_experiment(
        experiment,
        Bench(lab=lab.lab, topology=topology, fidelity=1.0),
        SystemClock(),
        room=room,
        is_over=lambda: interruption.wait(0.0),
        listen=view.listen,
    )
    folder = room.folder(experiment.id)
    if result.evidence:
        bundle = read_bundle(folder)
        write_junit(bundle.result, bundle.evidence, folder / "junit.xml")
        write_drill_html(bundle, folder / "report.html")
    return DrillAnswer(result=result, folder=folder, kept_lab="")


def _mend(lab: DrillLab, root: Path, clock: Clock, view: DrillView) -> None:
    """Undo first what an earlier drill on this lab was killed with."""
    with lab_to_oneself(lab.name, place=lab.run.directory, drill="recovery"):
        for record in find_records(root / DRILLS, lab.run.directory / DRILLS):
            if record.opening.lab == lab.name and not record.is_closed:
                found: Recovery = recover(record, lab.lab, clock)
                view.say(str(found))


def _copy(folder: Path, report: Path) -> Path:
    try:
        report.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copytree(folder, report / folder.name, dirs_exist_ok=True))
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", path=report) from error


def _name(head: str, clock: Clock) -> str:
    """A drill's id: what it was planned from, and when."""
    return f"{head}-{clock.now():%Y%m%dT%H%M%S}"
