"""What an experiment's phases mean: loads from tables, and a verdict with its reasons."""

from collections.abc import Iterable, Sequence

from foreshadow.demand import DemandMatrix
from foreshadow.experiment import CheckFinding, Experiment, LinkLoad, Phase, Purpose, Verdict
from foreshadow.routing import Fibs
from foreshadow.topology import Topology
from foreshadow.walk import walk

_NEGLIGIBLE_BPS = 1.0
_TAKEN_BACK = frozenset({"undone", "reverted"})


def loads(
    topology: Topology, fibs: Fibs, demand: DemandMatrix
) -> tuple[tuple[LinkLoad, ...], float]:
    """The load of every link direction, fullest first, and the traffic that does not arrive.

    Args:
        topology: Links that are up.
        fibs: Forwarding tables of the internal routers.
        demand: What enters where, bits per second.
    """
    matrix = walk(topology, fibs, demand.keys)
    carried = matrix.loads_bps(demand)
    ratios = matrix.load_ratios(demand)
    fullest = sorted(carried, key=lambda direction: (-ratios[direction], direction))
    return (
        tuple(
            LinkLoad(link=str(each), load_bps=carried[each], load_ratio=ratios[each])
            for each in fullest
        ),
        matrix.lost_bps(demand),
    )


def judge(
    experiment: Experiment,
    phases: Sequence[Phase],
    doubts: Sequence[str],
    *,
    is_irreversible: bool = False,
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict of an experiment and its reasons, one sentence each.

    What could not be verified voids everything that was measured, good or bad: INCONCLUSIVE.

    Args:
        experiment: What was asked.
        phases: What was measured.
        doubts: What could not be verified.
        is_irreversible: The treatments were taken back and the tables did not come back.
    """
    judged = [phase for phase in phases if _is_judged(experiment, phase)]
    doubts = (*doubts, *_blindness(experiment, judged))
    findings = [*_findings(experiment, judged)]
    if is_irreversible:
        findings.append("taking the change back did not restore the routers' tables")
    if doubts or (experiment.cut and not any(phase.name == "failed" for phase in phases)):
        missing = [] if doubts else ["the network under the failure was not measured"]
        return Verdict.INCONCLUSIVE, (*doubts, *missing, *findings)
    if findings:
        return Verdict.FAILED, tuple(findings)
    return Verdict.PASSED, tuple(_all_well(experiment, judged))


def judge_drill(
    experiment: Experiment,
    findings: Sequence[CheckFinding],
    phases: Sequence[Phase],
    doubts: Sequence[str],
    *,
    is_irreversible: bool = False,
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict of a planned drill and its reasons, from its checks.

    Args:
        experiment: What was asked.
        findings: How the checks of its plan came out.
        phases: What was measured; those with a treatment in force keep the load limit too.
        doubts: What could not be verified: it voids what was measured, good or bad.
        is_irreversible: The treatments were taken back and the tables did not come back.
    """
    treated = [phase for phase in phases if phase.name.startswith("treated")]
    failed = [*_findings(experiment, treated)]
    failed += [say_finding(each) for each in findings if each.verdict is Verdict.FAILED]
    open_ = [say_finding(each) for each in findings if each.verdict is Verdict.INCONCLUSIVE]
    if is_irreversible:
        failed.append("taking the change back did not restore the routers' tables")
    if doubts or not findings:
        return Verdict.INCONCLUSIVE, (*doubts, *failed) or ("nothing was checked",)
    if failed:
        return Verdict.FAILED, (*failed, *open_)
    if open_:
        return Verdict.INCONCLUSIVE, tuple(open_)
    return Verdict.PASSED, tuple(map(say_finding, findings))


def say_finding(finding: CheckFinding) -> str:
    """A check's outcome as one line."""
    return f"{finding.moment} {finding.check}: {finding.detail}"


def _blindness(experiment: Experiment, judged: Sequence[Phase]) -> Iterable[str]:
    """Why nothing could be over its limit: no evidence is not a pass."""
    if experiment.demand.total_bps <= 0:
        yield "there was no demand to load the links with"
    if not judged:
        yield "no phase was measured"
    for phase in judged:
        if not phase.loads:
            yield f"no link's load is known {describe(experiment, phase)}"


def _is_judged(experiment: Experiment, phase: Phase) -> bool:
    """A proof is about the network with the change in it, a drill about the network as it is."""
    if phase.name in _TAKEN_BACK:
        return False
    is_untreated = phase.name == "before"
    return not (is_untreated and experiment.purpose is Purpose.PROOF and experiment.treatments)


def _findings(experiment: Experiment, phases: Iterable[Phase]) -> Iterable[str]:
    for phase in phases:
        when = describe(experiment, phase)
        over = [load for load in phase.loads if load.load_ratio > experiment.load_limit]
        for load in over:
            yield (
                f"{load.link} is at {load.load_ratio:.1%} {when}; "
                f"the limit is {experiment.load_limit:.0%}"
            )
        if phase.lost_bps > _NEGLIGIBLE_BPS:
            share = phase.lost_bps / experiment.demand.total_bps
            yield f"{phase.lost_bps / 1e6:.1f} Mbit/s ({share:.1%}) do not arrive {when}"


def _all_well(experiment: Experiment, phases: Iterable[Phase]) -> Iterable[str]:
    for phase in phases:
        if phase.loads:
            yield (
                f"the fullest link {describe(experiment, phase)} is {phase.worst.link} "
                f"at {phase.worst.load_ratio:.1%}; the limit is {experiment.load_limit:.0%}"
            )


def describe(experiment: Experiment, phase: Phase) -> str:
    """When a phase is, as the end of a sentence."""
    match phase.name.partition("-"):
        case ("before", _, _):
            return "with no failure"
        case ("treated", _, number):
            return f"with change {number} of {len(experiment.treatments)} in force and no failure"
        case ("failed", _, _):
            treated = " and the change in force" if experiment.treatments else ""
            return f"with {' and '.join(experiment.cut)} cut{treated}"
        case _:
            return f"in phase {phase.name}"
