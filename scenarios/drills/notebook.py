"""What a drill writes down while it goes on, and the evidence it leaves."""

import os
from collections.abc import Sequence
from dataclasses import replace

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ForeshadowError
from foreshadow.experiment import Experiment, ExperimentResult
from scenarios.drill_plan import DrillPlan
from scenarios.drills.baseline import Baseline, differences, take, write_baseline
from scenarios.drills.drill_journal import DrillJournal, Intent, Opening
from scenarios.drills.drill_room import DrillRoom
from scenarios.drills.drill_story import Story
from scenarios.drills.evidence import (
    EVIDENCE_VERSION,
    Evidence,
    HostFigures,
    seal,
    version_of,
    write_parts,
)
from scenarios.drills.measurement import Measurement
from scenarios.drills.pace import Pace
from scenarios.faults.fault import Memory
from shadow.bench import Bench
from shadow.convergence import Sentinel
from shadow.emulation.emulator import Emulator
from shadow.host_watch import HostWatch

BASELINE_FILE = "baseline.json.gz"

log = structlog.get_logger(__name__)


class Notebook:
    """Journal, baseline and evidence of one drill; without a room nothing is written."""

    def __init__(self, room: DrillRoom | None, experiment: Experiment, clock: Clock) -> None:
        self._room, self._experiment, self._clock = room, experiment, clock
        self._journal: DrillJournal | None = None
        self._baseline: Baseline | None = None
        self._host = HostWatch(clock)

    def open(self, plan: DrillPlan) -> None:
        """Begin the journal: from here on a killed drill is found.

        Raises:
            ConfigError: The drill's folder cannot be made.
        """
        if self._room is None:
            return
        opening = Opening(
            drill=self._experiment.id,
            scenario=plan.scenario,
            lab=self._room.lab,
            pid=os.getpid(),
            at=self._clock.now(),
            plan_sha256=plan.sha256,
        )
        folder = self._room.folder(self._experiment.id)
        self._journal = DrillJournal.begin(folder, opening, self._clock)

    def note(
        self,
        intent: Intent,
        *,
        number: int = -1,
        fault: str = "",
        memory: Memory = (),
        says: str = "",
    ) -> None:
        """Write one entry of the journal."""
        if self._journal is not None:
            self._journal.note(intent, number=number, fault=fault, memory=memory, says=says)

    def remember(self, lab: Emulator, ways: Sequence[Sentinel]) -> None:
        """Keep what the lab is before anything is done to it, and which ways will be watched."""
        self._baseline = take(lab)
        if self._room is not None:
            path = self._room.folder(self._experiment.id) / BASELINE_FILE
            write_baseline(self._baseline, path)
        watched = tuple((node, str(way.address)) for way in ways for node in way.listeners)
        self.note(Intent.WATCHING, memory=watched)

    def differences(self, lab: Emulator, pace: Pace) -> tuple[str, ...]:
        """What of the lab is not as it was remembered, when patience ends."""
        before = self._baseline
        if before is None:
            return ()
        return pace.poll(lambda: differences(before, take(lab)), within_s=pace.patience.restore_s)

    def conclude(
        self,
        result: ExperimentResult,
        *,
        plan: DrillPlan | None,
        bench: Bench,
        story: Story,
        measurement: Measurement,
        is_whole: bool,
    ) -> ExperimentResult:
        """Close the journal and leave the evidence; the result then names it.

        Args:
            result: What came out.
            plan: What was carried out; None where it could not even be read.
            bench: Where.
            story: Everything that happened.
            measurement: Everything that was measured.
            is_whole: Nothing of the drill is in force any more.
        """
        if self._journal is None or self._room is None or plan is None:
            return result
        if is_whole:
            self._journal.note(Intent.CLOSED, says=result.verdict.name)
        self._journal.close()
        named = replace(result, evidence=result.id)
        folder = self._room.folder(result.id)
        try:
            write_parts(
                folder,
                experiment=self._experiment,
                topology=bench.topology,
                lab=bench.lab.spec,
                result=named,
                timeline=story.events,
                measurement=measurement,
                began_s=story.began_s,
            )
            seal(folder, self._evidence(named, plan, bench, story))
        except OSError as error:
            log.warning("evidence_not_written", drill=result.id, reason=str(error))
            return result
        return named

    def _evidence(
        self, result: ExperimentResult, plan: DrillPlan, bench: Bench, story: Story
    ) -> Evidence:
        return Evidence(
            version=EVIDENCE_VERSION,
            drill=result.id,
            scenario=plan.scenario,
            scenario_sha256=plan.scenario_sha256,
            plan_sha256=plan.sha256,
            seed=plan.seed,
            verdict=result.verdict.name,
            reasons=result.reasons,
            findings=result.findings,
            convergence=result.convergence,
            began_at=story.began_at,
            took_s=result.took_s,
            undo_verified=result.undo_verified,
            topology_version=version_of(bench.topology),
            lab_sha256=version_of(bench.lab.spec),
            vector=bench.vector,
            config_digests=self._baseline.digests if self._baseline is not None else {},
            host=HostFigures(
                kernel=os.uname().release,
                frr=_frr_version(bench.lab),
                cpus=os.cpu_count() or 0,
                during=self._host.load(),
            ),
            files={},
        )


def _frr_version(lab: Emulator) -> str:
    """What the first router says it runs; "" where it does not answer."""
    for node in lab.spec.nodes:
        try:
            return lab.show(node.id, "show version").partition("\n")[0].strip()
        except ForeshadowError:
            return ""
    return ""
