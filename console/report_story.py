"""What a report says in sentences: shared by the screen and `report.html`, so both say the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from console.report_model import STAGE_NAMES, Report, Stage

_COUNTING = {10: "ten", 11: "eleven", 12: "twelve"}


class StageState(StrEnum):
    """How a stage ended."""

    HELD = "held"
    BROKEN = "not held"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One of the eleven stages, reached or not."""

    number: int
    name: str
    state: StageState
    summary: str
    took_s: float
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number worth reading first."""

    label: str
    value: str
    says: str
    tone: str = "plain"
    """`good`, `bad` or `plain`."""


def stage_rows(report: Report) -> tuple[StageRow, ...]:
    """Which of the eleven stages held, which did not, and which the run never reached."""
    reported = {stage.name: stage for stage in report.stages}
    extra = [stage.name for stage in report.stages if stage.name not in STAGE_NAMES]
    return tuple(
        _stage_row(number, name, reported.get(name))
        for number, name in enumerate([*STAGE_NAMES, *extra], start=1)
    )


def _stage_row(number: int, name: str, stage: Stage | None) -> StageRow:
    if stage is None:
        return StageRow(
            number=number,
            name=name,
            state=StageState.NOT_REACHED,
            summary="The run ended before this stage.",
            took_s=0.0,
            evidence={},
        )
    return StageRow(
        number=number,
        name=name,
        state=StageState.HELD if stage.held else StageState.BROKEN,
        summary=stage.summary,
        took_s=stage.took_s,
        evidence=stage.evidence,
    )


def verdict(report: Report) -> str:
    """Whether the run held, in one sentence."""
    rows = stage_rows(report)
    if report.held:
        return f"All {_COUNTING.get(len(rows), len(rows))} stages held."
    held = sum(row.state is StageState.HELD for row in rows)
    broken = [row.name for row in rows if row.state is StageState.BROKEN]
    sentence = f"{held} of {len(rows)} stages held"
    if broken:
        sentence += f"; {enumerate_words(broken)} did not"
    unreached = sum(row.state is StageState.NOT_REACHED for row in rows)
    if unreached:
        sentence += f", {unreached} not reached" if broken else f"; {unreached} not reached"
    return sentence + "."


def story(report: Report) -> str:
    """What the run showed, in two sentences a stranger understands."""
    worst = report.worst_link
    if worst is None:
        return (
            "The run ended before the failure came in production, "
            "so there is no load with and without the policy to compare."
        )
    cut = report.cut or "the link"
    return (
        f"At {when(worst.at)} {cut} failed in production. Without the policy "
        f"{arrow(worst.name)} would have carried {pct(worst.load_pct_failure)} of its capacity; "
        f"with it the fullest link carried {pct(worst.load_pct_failure_with_policy)} "
        f"(limit {report.limit_pct:g} %)."
    )


def reasons(report: Report) -> tuple[str, ...]:
    """Why the run did not hold: what each stage that broke says."""
    return tuple(
        f"{row.name}: {row.summary}" for row in stage_rows(report) if row.state is StageState.BROKEN
    )


def missing(report: Report) -> tuple[str, ...]:
    """What this report cannot show because the run did not get that far, one sentence each."""
    parts: tuple[tuple[object, str], ...] = (
        (report.sync, "No figures of the differential synchronisation."),
        (report.fidelity_pct is not None, "The shadow's fidelity was not measured."),
        (report.forecast is not None and report.forecast.points, "No forecast series."),
        (report.triage, "No triage of single failures."),
        (report.candidates, "No candidate policy was considered."),
        (report.waves, "Nothing was rolled out."),
        (report.worst_link, "The failure did not come in production."),
        (report.rollback, "No rollback was shown."),
        (report.dead_man, "The dead-man was not put to the test."),
        (report.feedback, "No forecast was compared with what came."),
        (report.routers and report.links, "No loads on the map."),
    )
    return tuple(sentence for present, sentence in parts if not present)


def worst_figures(report: Report) -> tuple[Figure, ...]:
    """The three loads that are the point of the run, empty if the failure never came."""
    worst = report.worst_link
    if worst is None:
        return ()
    return (
        Figure(
            label="No failure",
            value=pct(worst.load_pct_no_failure),
            says="fullest link",
        ),
        Figure(
            label="Failure, no policy",
            value=pct(worst.load_pct_failure),
            says=arrow(worst.name),
            tone=_tone(worst.load_pct_failure, report.limit_pct),
        ),
        Figure(
            label="Failure, with policy",
            value=pct(worst.load_pct_failure_with_policy),
            says="fullest link in production",
            tone=_tone(worst.load_pct_failure_with_policy, report.limit_pct),
        ),
    )


def run_figures(report: Report) -> tuple[Figure, ...]:
    """How well the machinery did its work: sync, fidelity, rollback, dead-man, cost."""
    return tuple(_run_figures(report))


def _run_figures(report: Report) -> Iterator[Figure]:
    if report.sync is not None:
        sync = report.sync
        yield Figure(
            label="Differential sync",
            value=size(sync.bytes),
            says=f"{sync.messages:,} messages; full state: {size(sync.full_state_bytes)}"
            + (f"; {sync.rejected} rejected" if sync.rejected else ""),
        )
    if report.fidelity_pct is not None:
        yield Figure(
            label="Shadow fidelity",
            value=pct(report.fidelity_pct),
            says="adjacencies and best next hops that agree",
        )
    if report.rollback is not None:
        same = report.rollback.rib_digest_before == report.rollback.rib_digest_after
        yield Figure(
            label="Rollback",
            value=seconds(report.rollback.gate_to_reverted_s),
            says="failed gate to last router reverted; RIB digest "
            + ("as before" if same else "differs"),
            tone="good" if same else "bad",
        )
    if report.dead_man is not None:
        yield Figure(
            label="Dead-man",
            value=seconds(report.dead_man.reverted_after_s),
            says=f"armed for {seconds(report.dead_man.armed_s)}; router reverted alone",
        )
    yield Figure(
        label="Cost of the run",
        value=duration(report.wall_s),
        says=f"{report.peak_memory_mb / 1000:.1f} GB of memory at most, broker included",
    )


def sync_saving(report: Report) -> str:
    """How many times less was sent than full state would have cost."""
    if report.sync is None or report.sync.bytes <= 0:
        return "not measured"
    return f"{report.sync.full_state_bytes / report.sync.bytes:,.0f} times less than full state"


def enumerate_words(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def arrow(link: str) -> str:
    """`A->B` as it is read."""
    return link.replace("->", " → ")


def pct(value: float | None) -> str:
    """A load in percent, or a dash where there is none."""
    return "–" if value is None else f"{value:.1f} %"  # noqa: RUF001 - a dash, not a minus.


def seconds(value: float) -> str:
    """A duration as people read it, precise where it is short."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 100:
        return f"{value:.1f} s" if value % 1 else f"{value:.0f} s"
    return duration(value)


def duration(value: float) -> str:
    """Minutes and seconds; whole seconds where it is short."""
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(count: int) -> str:
    """A number of bytes in decimal units."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def when(iso: str) -> str:
    """An ISO 8601 time to the minute in UTC; left as it is where it is not one."""
    at = moment(iso)
    return iso if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def moment(iso: str) -> datetime | None:
    """The time an ISO 8601 text names, in UTC; None where it names none."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _tone(load_pct: float, limit_pct: float) -> str:
    return "bad" if load_pct >= limit_pct else "good"
