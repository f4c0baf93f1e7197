"""Drills that nobody asks for by hand: the calendar's and the forecast's, put on the bus.

The request goes out before the note that it went out: dying in between repeats it under the same
id, and the shadow answers an id once.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from foreshadow.bus import Publisher
from foreshadow.calendar_note import CalendarNote, Decision
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.demand import DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.experiment import Experiment, ExperimentResult, Priority, Purpose
from foreshadow.network_file import LinkEntry, NetworkFile
from foreshadow.present import Present
from foreshadow.topics import Topic
from foreshadow.topology import Link, Node, NodeId, SrlgId, Topology
from foreshadow.warning import SpikeWarning
from foreshadow.whatif import WhatIf
from scenarios.agenda import Agenda
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import files_of
from scenarios.calendar_trigger import Calendar
from scenarios.drill_plan import encode_plan
from scenarios.planning.ground import Ground
from scenarios.planning.planner import plan
from scenarios.scenario import Scenario

_LOOK_S = 1.0
"""The calendar counts in minutes: to look at it once a second is often enough."""

_LEAST_LEAD = timedelta(seconds=60)

log = structlog.get_logger(__name__)


def read_scenarios(folder: Path | None) -> tuple[Scenario, ...]:
    """The scenarios of a folder; none for no folder.

    Raises:
        ConfigError: A file cannot be used, or two scenarios have one name.
    """
    if folder is None:
        return ()
    found: dict[str, Path] = {}
    scenarios = []
    for path in files_of(folder):
        scenario = read_scenario(path)
        if scenario.name in found:
            raise ConfigError(
                f"{found[scenario.name]} has a scenario {scenario.name!r} too; rename one",
                path=path,
                field="name",
            )
        found[scenario.name] = path
        scenarios.append(scenario)
    return tuple(scenarios)


class ScheduledDrills:
    """Keeps the agenda on the bus."""

    def __init__(
        self,
        scenarios: tuple[Scenario, ...],
        publisher: Publisher,
        clock: Clock,
        *,
        load_limit: float,
        network_file: NetworkFile | None = None,
    ) -> None:
        """Begin with what the topics have not told yet.

        Args:
            scenarios: With a calendar or a forecast as trigger; others are left to people.
            publisher: Takes requests and notes; flushing is left to the caller.
            clock: What the calendar goes by.
            load_limit: Load ratio no link may exceed where no check says otherwise.
            network_file: Says which router has which role and which link is in which risk group.
        """
        self._agenda, self._publisher, self._clock = Agenda(scenarios), publisher, clock
        self._has_calendar = any(isinstance(it.trigger, Calendar) for it in scenarios)
        self._load_limit, self._file = load_limit, network_file
        self._look_at_s = float("-inf")
        self._described: tuple[Present, Present] | None = None

    @property
    def has_calendar(self) -> bool:
        """Whether any scenario is due by the calendar."""
        return self._has_calendar

    def remember(self, note: CalendarNote) -> None:
        """A decision, this process's or a predecessor's, as it comes from the bus."""
        self._agenda.remember(note)

    def judge(self, result: ExperimentResult) -> None:
        """A verdict."""
        self._agenda.judged(result.id, took_s=result.took_s)

    def look(self, network: Present, demand: DemandMatrix) -> None:
        """Ask for what is due; called as often as one likes."""
        now_s = self._clock.monotonic_s()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + _LOOK_S
        ground = Ground(network=self.with_descriptions(network), demand=demand)
        for note in self._agenda.due(self._clock.now()):
            self._carry_out(note, ground, cause=f"calendar {note.occasion}")

    def heed(self, warning: SpikeWarning, network: Present, *, event_now: datetime) -> None:
        """Ask for what a warning sets off, at the demand it forecasts.

        Args:
            warning: Of the forecast.
            network: As it stands.
            event_now: Event time of the latest interval known.
        """
        if event_now >= warning.window_end:
            return
        for note in self._agenda.warned(warning, now=self._clock.now()):
            if note.decision is Decision.ASKED and event_now + _LEAST_LEAD > warning.window_start:
                late = f"the window opens at {warning.window_start:%H:%M}, too soon for a drill"
                self._say(_skipped(note, late))
                continue
            ground = Ground(
                network=self.with_descriptions(network),
                demand=warning.demand,
                forecast=warning.demand,
            )
            self._carry_out(note, ground, cause=warning.id, deadline=warning.window_start)

    def _carry_out(
        self, note: CalendarNote, ground: Ground, *, cause: str, deadline: datetime | None = None
    ) -> None:
        if note.decision is Decision.ASKED:
            scenario = self._agenda.scenario(note.scenario)
            try:
                drill = plan(scenario, ground, drill_id=note.drill, load_limit=self._load_limit)
            except ConfigError as error:
                note = _skipped(note, str(error))
            else:
                experiment = Experiment(
                    id=drill.id,
                    purpose=Purpose.DRILL,
                    cause=cause,
                    cut=(),
                    demand=drill.demand,
                    load_limit=drill.load_limit,
                    deadline=deadline,
                    drill=encode_plan(drill),
                    priority=Priority.CALENDAR if deadline is None else None,
                )
                self._publisher.publish(Topic.DRILL, drill.id, to_json(experiment))
        self._say(note)

    def _say(self, note: CalendarNote) -> None:
        self._agenda.remember(note)
        self._publisher.publish(Topic.CONTROL, note.scenario, to_json(note))
        log.info(
            "scenario_decided",
            scenario=note.scenario,
            occasion=note.occasion,
            decision=note.decision.value,
            drill=note.drill,
            because=note.because,
        )

    def with_descriptions(self, network: Present) -> Present:
        """The network with the roles and risk groups of its file."""
        if self._file is None:
            return network
        if self._described is None or self._described[0] is not network:
            self._described = (network, described(network, self._file))
        return self._described[1]


def described(network: Present, file: NetworkFile) -> Present:
    """A network as telemetry shows it, with what only its file says: roles, risk groups."""
    roles = {NodeId(router.name): frozenset(router.roles) for router in file.routers}
    entries: dict[frozenset[str], list[LinkEntry]] = {}
    for entry in file.links:
        entries.setdefault(frozenset((entry.a, entry.b)), []).append(entry)

    def node(each: Node) -> Node:
        return replace(each, roles=each.roles | roles.get(each.id, frozenset()))

    def link(each: Link) -> Link:
        between = entries.get(frozenset((str(each.a.node), str(each.b.node))), [])
        # Of parallel links each is known by its own name, a single one by its ends.
        meant = [known for known in between if len(between) == 1 or known.id == each.id]
        if not meant:
            return each
        (entry,) = meant
        return replace(
            each,
            srlgs=each.srlgs | frozenset(map(SrlgId, entry.srlgs)),
            delay_s=each.delay_s or entry.delay_ms / 1e3,
        )

    old = network.what_if
    topology = Topology(
        nodes=tuple(map(node, old.topology.nodes)), links=tuple(map(link, old.topology.links))
    )
    what_if = WhatIf(topology, old.exits, reflectors=old.reflectors)
    return Present(what_if=what_if, down=network.down)


def _skipped(note: CalendarNote, because: str) -> CalendarNote:
    return CalendarNote(
        scenario=note.scenario,
        occasion=note.occasion,
        decision=Decision.SKIPPED,
        made_at=note.made_at,
        because=because,
    )
