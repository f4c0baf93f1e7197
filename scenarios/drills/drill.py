"""One experiment on the bench, from steady state to steady state.

    steady -> before -> each treatment: treated-1, ... -> control -> faults: failed -> undone
           -> treatments taken back: reverted

What fails is a plan: the links of an `Experiment.cut` all at once, or the timeline of its `drill`.
Loads come from the routers' real tables: their FIBs, walked with the experiment's demand. They are
read when no table has changed for a while, since right after a change the routers disagree for some
100 ms. Whatever happens on the way, the faults are undone and the treatments are taken back, and
whatever could not be seen to be so makes the result INCONCLUSIVE.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, EmulationFailed, ForeshadowError, InvariantViolated
from foreshadow.experiment import (
    CheckFinding,
    DeviceChange,
    Experiment,
    ExperimentResult,
    Phase,
    doubt_of,
)
from foreshadow.topology import NodeId
from scenarios.check import Moment
from scenarios.drill_plan import DrillPlan
from scenarios.drills.breakage import Breakage
from scenarios.drills.checks import demanded, findings
from scenarios.drills.conduct import Conductor, faults_of
from scenarios.drills.drill_lock import lab_to_oneself
from scenarios.drills.drill_room import DrillRoom
from scenarios.drills.drill_story import Listen, Step, Story
from scenarios.drills.judgement import judge, judge_drill
from scenarios.drills.measurement import Measurement
from scenarios.drills.notebook import Notebook
from scenarios.drills.pace import BrokenOff, Pace, Patience
from scenarios.drills.planned_cut import plan_of
from scenarios.drills.reading import Reader, fibs_of, is_same
from scenarios.drills.sentinels import watched
from scenarios.drills.steadiness import unsteady
from shadow.bench import Bench
from shadow.convergence import ProbeStream, control_loss
from shadow.host_watch import HostLimits

log = structlog.get_logger(__name__)

_BUSY_HOST = HostLimits(waiting_ratio=1.0)
"""For an experiment without a plan: no check of it is about time, its verdict follows from settled
tables, and the house's own processes keep a small host's cores full. What does harm to its probes
still voids it: frames without room, probes sent late, time taken by the hypervisor."""


def run_experiment(  # noqa: PLR0913 - how it is run, beside what is
    experiment: Experiment,
    bench: Bench,
    clock: Clock,
    *,
    patience: Patience | None = None,
    room: DrillRoom | None = None,
    is_over: Callable[[], bool] = lambda: False,
    listen: Listen | None = None,
) -> ExperimentResult:
    """Carry an experiment out and say what happened; the bench is left as it was found.

    Never raises for what goes wrong on the bench: that is a result, INCONCLUSIVE with its reason.

    Args:
        experiment: What to do.
        bench: Where.
        clock: Time.
        patience: How long to wait for what.
        room: Where journal and evidence go; without one nothing is written, and a lab whose runner
            is killed must be removed.
        is_over: Whether somebody wants it to stop.
        listen: Told every step as it happens.

    Raises:
        LabTaken: Another drill runs on this lab.
        InvariantViolated: Our own bug.
    """
    with ExitStack() as stack:
        if room is not None:
            stack.enter_context(lab_to_oneself(room.lab, place=room.place, drill=experiment.id))
        pace = Pace(clock, patience or Patience(), is_over=is_over)
        story = Story(clock, listen)
        notebook = Notebook(room, experiment, clock)
        run = _Run(experiment, bench, pace=pace, story=story, notebook=notebook)
        try:
            run.carry_out()
        except InvariantViolated:
            raise
        except BrokenOff as stopped:
            story.tell(Step.BROKEN_OFF, str(stopped))
            run.doubts.append(str(stopped))
        except ConfigError as error:
            run.doubts.append(f"this cannot be done here: {error}")
        except ForeshadowError as error:
            run.doubts.append(f"the bench gave up: {error}")
        except Exception as error:
            log.exception("experiment_broke", experiment=experiment.id)
            run.doubts.append(f"the experiment broke: {type(error).__name__}: {error}")
        return run.conclude()


class _Run:
    """One experiment while it goes on."""

    def __init__(
        self,
        experiment: Experiment,
        bench: Bench,
        *,
        pace: Pace,
        story: Story,
        notebook: Notebook,
    ) -> None:
        self._experiment, self._bench, self._lab = experiment, bench, bench.lab
        self._pace, self._story, self._notebook = pace, story, notebook
        self._reader = Reader(bench, pace)
        self._breakage = Breakage(bench.lab, pace, notebook, story)
        self._measurement = Measurement(bench)
        self._plan: DrillPlan | None = None
        self._is_undone = False
        self._is_reverted: bool | None = None
        self._begun: list[DeviceChange] = []
        """Treatments of which something may be on a router."""

    @property
    def doubts(self) -> list[str]:
        """What could not be verified so far."""
        return self._reader.doubts

    def carry_out(self) -> None:
        """The whole way; each step's undoing happens whatever its inside does."""
        if doubt := doubt_of(self._bench.fidelity, self._bench.least_fidelity):
            self.doubts.append(doubt)
        self._plan = plan = plan_of(self._experiment)
        self._notebook.open(plan)
        self._await_steady()
        before = self._read("before", 0.0)
        try:
            for number, change in enumerate(self._experiment.treatments, start=1):
                self._treat(number, change)
            if plan.faults:
                self._fail_and_undo(plan)
        finally:
            if self._begun:
                with self._pace.undisturbed():
                    self._take_back(before)

    def conclude(self) -> ExperimentResult:
        """What can be said at the end, however it came; it is written down."""
        self.doubts.extend(self._breakage.doubts)
        asked, plan = self._experiment, self._plan
        phases = self._phases()
        found: tuple[CheckFinding, ...] = ()
        is_irreversible = self._is_reverted is False
        if asked.drill:
            checks = demanded(plan) if plan is not None else ()
            found = findings(checks, self._measurement.seen, "the drill did not get so far")
            verdict, reasons = judge_drill(
                asked, found, phases, self.doubts, is_irreversible=is_irreversible
            )
        else:
            verdict, reasons = judge(asked, phases, self.doubts, is_irreversible=is_irreversible)
        self._story.tell(Step.JUDGED, verdict.name)
        result = ExperimentResult(
            id=asked.id,
            purpose=asked.purpose,
            cause=asked.cause,
            cut=asked.cut,
            demand=asked.demand,
            load_limit=asked.load_limit,
            verdict=verdict,
            reasons=reasons,
            phases=phases,
            convergence=self._measurement.convergence,
            undo_verified=self._is_undone or not self._breakage.has_begun,
            revert_verified=self._is_reverted,
            fidelity=self._bench.fidelity,
            vector=self._bench.vector,
            took_s=self._pace.now_s() - self._story.began_s,
            findings=found,
        )
        return self._notebook.conclude(
            result,
            plan=plan,
            bench=self._bench,
            story=self._story,
            measurement=self._measurement,
            is_whole=not self._breakage.in_force,
        )

    def _phases(self) -> tuple[Phase, ...]:
        """The phases, the one under the faults as `failed` where there is one alone."""
        under = [phase for phase in self._reader.phases if phase.name.startswith("failed-")]
        return tuple(
            replace(phase, name="failed") if under == [phase] else phase
            for phase in self._reader.phases
        )

    def _await_steady(self) -> None:
        troubles = self._pace.poll(
            lambda: unsteady(self._lab), within_s=self._pace.patience.recover_s
        )
        if troubles:
            raise EmulationFailed(f"the bench is not at rest: {'; '.join(troubles[:3])}")
        self._reader.settle(self._pace.now_s() - self._pace.patience.quiet_s)
        self._story.tell(Step.STEADY, "sessions, adjacencies and tables are at rest")

    def _read(self, name: str, settle_s: float) -> Phase:
        return self._reader.read(name, settle_s, self._experiment.demand)

    def _treat(self, number: int, change: DeviceChange) -> None:
        self._begun.append(change)
        self._lab.apply_config(change.device, change.stage)
        flipped_s = self._pace.now_s()
        self._attach(change.device, change.flip, change.clear)
        settled = self._reader.settle(flipped_s)
        in_force = {line.strip() for line in self._lab.running_config(change.device).splitlines()}
        missing = [line for line in _statements(change.flip) if line not in in_force]
        if missing:
            self.doubts.append(f"{change.device} does not show {missing[0]!r} after the flip")
        self._read(f"treated-{number}", settled.convergence_s)
        self._story.tell(Step.TREATED, f"change {number} on {change.device}")

    def _fail_and_undo(self, plan: DrillPlan) -> None:
        reference = self._reader.phases[-1]
        topology, fibs, faults = self._reader.up(), fibs_of(reference), faults_of(plan)
        self._measurement.begin(plan.demand, topology, fibs)
        ways = watched(plan, topology, fibs, self._lab.spec)
        self._notebook.remember(self._lab, ways)
        full = f"{reference.worst.link} is the fullest link at {reference.worst.load_ratio:.1%}"
        self._story.tell(Step.BEFORE, full if reference.loads else "no link's load is known")
        limits = None if self._experiment.drill else _BUSY_HOST
        with ProbeStream(self._lab, ways, self._pace.clock, limits=limits) as probes:
            clean_s = self._await_clean(probes)
            self._measurement.see_control(probes.trails(), clean_s, self._pace.now_s())
            self._story.tell(Step.CONTROL, f"{len(ways)} pairs watched, no probe lost")
            self._refuse(plan)
            self._pace.break_off_after(plan.limits.longest_s)
            conductor = Conductor(
                plan,
                faults,
                lab=self._lab,
                reader=self._reader,
                breakage=self._breakage,
                pace=self._pace,
                story=self._story,
            )
            try:
                conductor.carry_out(reference)
            finally:
                with self._pace.undisturbed():
                    self._put_back(reference, conductor, probes, clean_s)

    def _put_back(
        self,
        reference: Phase,
        conductor: Conductor,
        probes: ProbeStream,
        clean_s: float,
    ) -> None:
        """Undo everything, see that it is so, and only then look at what was measured."""
        if conductor.injected_s is None and not self._breakage.in_force:
            return
        undoing_s = self._pace.now_s()
        undone_s = self._breakage.undo_all()
        if self._breakage.in_force:
            undone_s = self._breakage.undo_all()
        phase = self._reader.recover("undone", undone_s, reference, self._experiment.demand)
        rested_s = self._pace.now_s()
        self._pace.until(rested_s + self._pace.patience.control_s)
        trails = probes.stop()
        changed = self._notebook.differences(self._lab, self._pace)
        self._is_undone = is_same(phase, reference) and not self._breakage.in_force and not changed
        self.doubts.extend(changed)
        if not is_same(phase, reference):
            self.doubts.append("the tables did not come back after the fault was undone")
        elif self._is_undone:
            self._story.tell(Step.RESTORED, f"after {phase.settle_ms:.0f} ms")
        self._measurement.see_drill(
            conductor,
            trails,
            clean_s=clean_s,
            undoing_s=undoing_s,
            undone_s=undone_s,
            changes=self._lab.fib_changes(conductor.injected_s or undone_s),
        )
        self._measurement.see_after(phase, trails, rested_s)
        if overload := probes.overload(self._measurement.convergence):
            self.doubts.append(f"the host was overloaded: {overload}")
        self.doubts.extend(self._measurement.doubts)

    def _refuse(self, plan: DrillPlan) -> None:
        """Break nothing in a network that does not do what it should before."""
        if not self._experiment.drill:
            return
        early = [check for check in demanded(plan) if check.moment is Moment.BEFORE]
        found = findings(early, self._measurement.seen, "nothing was measured")
        failed = [each for each in found if each.verdict]
        if failed:
            raise BrokenOff(
                f"nothing was broken: before it, {failed[0].check} is {failed[0].detail}"
            )

    def _await_clean(self, probes: ProbeStream) -> float:
        """The start of a control run without loss, which has just ended."""
        lost = 0
        for _ in range(self._pace.patience.control_runs):
            start_s = self._pace.now_s()
            self._pace.until(start_s + self._pace.patience.control_s)
            now_s = self._pace.now_s()
            lost = control_loss(probes.trails(), since_s=start_s, injected_s=now_s)
            if not lost:
                return start_s
        raise EmulationFailed(
            f"{lost} probes were lost before anything was broken; the host is too busy to measure"
        )

    def _take_back(self, before: Phase) -> None:
        """Undo the treatments, the newest first, and clean up."""
        reverted_s = self._pace.now_s()
        changes = self._begun[::-1]
        for change in changes:
            with self._as_far_as_possible(change):
                self._attach(change.device, change.revert, change.clear)
        phase = self._reader.recover("reverted", reverted_s, before, self._experiment.demand)
        self._is_reverted = is_same(phase, before)
        for change in changes:
            with self._as_far_as_possible(change):
                self._lab.apply_config(change.device, change.gc)

    @contextmanager
    def _as_far_as_possible(self, change: DeviceChange) -> Iterator[None]:
        """One router that does not go back is a doubt; the others are taken back all the same."""
        try:
            yield
        except InvariantViolated:
            raise
        except ForeshadowError as error:
            self.doubts.append(f"{change.device} was not taken back: {error}")

    def _attach(self, device: NodeId, text: str, clear: str) -> None:
        self._lab.apply_config(device, text)
        for command in clear.splitlines():
            self._lab.execute(device, command)


def _statements(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line.startswith("neighbor ")]
