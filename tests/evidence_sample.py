"""A drill's evidence made by hand, for tests of what reads it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

from foreshadow.experiment import (
    CheckFinding,
    Convergence,
    Experiment,
    ExperimentResult,
    LinkLoad,
    Phase,
    Purpose,
    Verdict,
)
from foreshadow.topology import LinkId, NodeId, Prefix
from scenarios.check import Check, CheckKind, Moment
from scenarios.drill_plan import encode_plan
from scenarios.drills.drill_story import Event, Step
from scenarios.drills.evidence import (
    EVIDENCE_VERSION,
    Evidence,
    HostFigures,
    seal,
    version_of,
    write_parts,
)
from scenarios.drills.measurement import Measurement
from scenarios.faults.link_down import LinkDown
from shadow.bench import Bench
from shadow.convergence import ProbeTrail, Sentinel
from shadow.emulation.design import design
from shadow.emulation.emulator import FibChange
from shadow.host_watch import HostLoad
from tests.drill_plans import plan, planned
from tests.fakes.emulator import FakeLab
from tests.square_story import demand, square

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
_BEGAN_S = 1000.0
DRILL = plan(
    planned(0, LinkDown(link=LinkId("NE-SE")), 0.0, 5.0),
    checks=[Check(moment=Moment.DURING, kind=CheckKind.UTILISATION, limit=0.85)],
    name="d-sample",
)
FINDINGS = (
    CheckFinding(
        moment="during",
        check="utilisation",
        verdict=Verdict.FAILED,
        detail="120% (SW->NW); at most 85%",
        measured=1.2,
        limit=0.85,
        unit="ratio",
    ),
    CheckFinding(
        moment="after",
        check="latency",
        verdict=Verdict.INCONCLUSIVE,
        detail="not measured: <nobody> watched",
        limit=0.1,
        unit="s",
    ),
)


def _phase(name: str, ratio: float) -> Phase:
    return Phase(
        name=name,
        loads=(LinkLoad(link="SW->NW", load_bps=2.5e9 * ratio, load_ratio=ratio),),
        lost_bps=0.0,
        rib_digest="d" * 64,
        tables=(),
        settle_ms=83.0,
    )


PHASES = (_phase("before", 0.3), _phase("failed", 1.2), _phase("undone", 0.3))


def write_sample(
    folder: Path | None,
    *,
    at: datetime = AT,
    verdict: Verdict = Verdict.FAILED,
    phases: Sequence[Phase] = PHASES,
    findings: Sequence[CheckFinding] = FINDINGS,
) -> ExperimentResult:
    """A drill's answer; its evidence sealed in a folder, where one is given."""
    topology, spec = design(square())
    result = ExperimentResult(
        id=DRILL.id,
        purpose=Purpose.DRILL,
        cause="a test",
        cut=(),
        demand=demand(),
        load_limit=DRILL.load_limit,
        verdict=verdict,
        reasons=("during utilisation: 120% (SW->NW); at most 85%",),
        phases=tuple(phases),
        convergence=Convergence(
            probes_sent=300,
            probes_lost=83,
            outage_ms=83.0,
            last_fib_change_ms=83.2,
            probe_interval_ms=1.0,
        ),
        undo_verified=True,
        revert_verified=None,
        fidelity=1.0,
        vector=(),
        took_s=8.0,
        findings=tuple(findings),
        evidence=DRILL.id,
    )
    if folder is None:
        return result
    measurement = Measurement(Bench(lab=FakeLab(spec), topology=topology, fidelity=1.0))
    measurement.trails = (_trail(),)
    measurement.changes = (
        FibChange(
            at_s=_BEGAN_S + 1.183,
            node=NodeId("NE"),
            prefix=Prefix("10.3.0.0/16"),
            is_removed=False,
        ),
    )
    write_parts(
        folder,
        experiment=Experiment(
            id=DRILL.id,
            purpose=Purpose.DRILL,
            cause="a test",
            cut=(),
            demand=demand(),
            load_limit=DRILL.load_limit,
            drill=encode_plan(DRILL),
        ),
        topology=topology,
        lab=spec,
        result=result,
        timeline=(
            Event(at_s=0.4, step=Step.STEADY, says="at rest"),
            Event(at_s=1.1, step=Step.INJECTED, says="NE-SE down"),
            Event(at_s=6.1, step=Step.UNDOING, says="NE-SE down"),
        ),
        measurement=measurement,
        began_s=_BEGAN_S,
    )
    seal(
        folder,
        Evidence(
            version=EVIDENCE_VERSION,
            drill=DRILL.id,
            scenario=DRILL.scenario,
            scenario_sha256=DRILL.scenario_sha256,
            plan_sha256=DRILL.sha256,
            seed=DRILL.seed,
            verdict=verdict.name,
            reasons=result.reasons,
            findings=result.findings,
            convergence=result.convergence,
            began_at=at,
            took_s=result.took_s,
            undo_verified=True,
            topology_version=version_of(topology),
            lab_sha256=version_of(spec),
            vector=(),
            config_digests={"NE": "c" * 64},
            host=HostFigures(
                kernel="6.1",
                frr="FRRouting 8.4.4",
                cpus=2,
                during=HostLoad(
                    took_s=8.0,
                    waiting_ratio=0.2,
                    busy_ratio=0.5,
                    stolen_ratio=0.0,
                    dropped_frames=0,
                ),
            ),
            files={},
        ),
    )
    return result


def _trail() -> ProbeTrail:
    """A probe a millisecond from a second on, 83 of them lost from the injection on."""
    lost = range(100, 183)
    return ProbeTrail(
        sentinel=Sentinel(
            src=NodeId("SE"), address=IPv4Address("203.0.113.1"), listeners=(NodeId("PEERNE"),)
        ),
        sent_s=tuple(_BEGAN_S + 1 + number / 1e3 for number in range(300)),
        arrived=tuple(number not in lost for number in range(300)),
    )
