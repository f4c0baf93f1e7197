"""The same drill once more, from its evidence alone, beside what it said the first time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from foreshadow.codec import to_json
from foreshadow.experiment import CheckFinding, Experiment, ExperimentResult, Verdict
from scenarios.check import CheckKind
from scenarios.drill_plan import decode_plan, encode_plan
from scenarios.drills.checks import say
from scenarios.drills.evidence import Bundle

_EXACT = frozenset(
    {
        CheckKind.UTILISATION,
        CheckKind.REACHABILITY,
        CheckKind.NO_LOOP,
        CheckKind.NO_BLACKHOLE,
        CheckKind.FIDELITY,
    }
)
"""What settled tables say is the same every time; what is timed depends on the host too."""
_SAME_RATIO = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure, then and now.

    Attributes:
        must_agree: It follows from the settled tables, so a difference is one of the network.
    """

    name: str
    then: str
    now: str
    is_same: bool
    must_agree: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Two runs of one drill, side by side."""

    drill: str
    again: str
    rows: tuple[Compared, ...]
    is_conclusive: bool = True
    """Both runs came to a verdict; otherwise there is nothing to compare."""

    @property
    def is_reproduced(self) -> bool:
        """Whether the verdict and all that must agree did."""
        return all(row.is_same for row in self.rows if row.must_agree)


def experiment_of(bundle: Bundle, *, name: str) -> Experiment:
    """What was asked then, to be asked again under a name of its own."""
    asked = bundle.experiment
    drill = encode_plan(replace(decode_plan(asked.drill), id=name)) if asked.drill else ""
    return replace(asked, id=name, cause=asked.id, drill=drill)


def compare(then: ExperimentResult, now: ExperimentResult) -> Replay:
    """Verdict, checks, tables and both meters of two runs."""
    return Replay(
        drill=then.id,
        again=now.id,
        rows=tuple(_rows(then, now)),
        is_conclusive=Verdict.INCONCLUSIVE not in (then.verdict, now.verdict),
    )


def _rows(then: ExperimentResult, now: ExperimentResult) -> Iterator[Compared]:
    yield _row("verdict", then.verdict.name, now.verdict.name, must_agree=True)
    later = {(each.moment, each.check): each for each in now.findings}
    for finding in then.findings:
        yield _finding(finding, later.get((finding.moment, finding.check)))
    for phase in then.phases:
        other = now.phase(phase.name)
        yield _row(
            f"best paths {phase.name}",
            phase.rib_digest[:12],
            other.rib_digest[:12] if other else "-",
            must_agree=True,
        )
        yield _row(
            f"loads {phase.name}",
            f"{phase.worst.load_ratio:.1%} {phase.worst.link}" if phase.loads else "-",
            f"{other.worst.load_ratio:.1%} {other.worst.link}" if other and other.loads else "-",
            must_agree=True,
            is_same=other is not None and to_json(phase.loads) == to_json(other.loads),
        )
    before, after = then.convergence, now.convergence
    if before is not None and after is not None:
        for name, once, again in (
            ("outage by packets", before.outage_ms, after.outage_ms),
            ("last table change", before.last_fib_change_ms, after.last_fib_change_ms),
        ):
            yield _row(name, f"{once:.0f} ms", f"{again:.0f} ms", must_agree=False)
    yield _row("took", f"{then.took_s:.1f} s", f"{now.took_s:.1f} s", must_agree=False)


def _finding(then: CheckFinding, now: CheckFinding | None) -> Compared:
    kind = CheckKind(then.check)
    values = [
        "not measured" if each is None or each.measured is None else say(kind, each.measured)
        for each in (then, now)
    ]
    is_same = now is not None and then.verdict is now.verdict
    if is_same and now is not None and kind in _EXACT and then.measured is not None:
        is_same = now.measured is not None and abs(then.measured - now.measured) <= _SAME_RATIO
    return _row(
        f"{then.moment} {then.check}",
        f"{then.verdict.name} {values[0]}",
        f"{now.verdict.name if now else '-'} {values[1]}",
        must_agree=True,
        is_same=is_same,
    )


def _row(
    name: str, then: str, now: str, *, must_agree: bool, is_same: bool | None = None
) -> Compared:
    return Compared(
        name=name,
        then=then,
        now=now,
        is_same=then == now if is_same is None else is_same,
        must_agree=must_agree,
    )
