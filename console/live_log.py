"""What changed between two pictures, as lines of a log: each thing once, nothing repeated."""

from collections.abc import Iterator

from console.live_model import Picture, StageLine, WaveLine

_HISTORY_STEPS = 4


def changes(before: Picture | None, after: Picture) -> tuple[str, ...]:
    """What `after` says that `before` did not, one line each, stamped with the elapsed time."""
    minutes, seconds = divmod(int(after.elapsed_s), 60)
    earlier = before or Picture(run_id=after.run_id, headline="")
    return tuple(f"[{minutes}:{seconds:02d}] {line}" for line in _changes(earlier, after))


def _changes(before: Picture, after: Picture) -> Iterator[str]:
    if after.headline != before.headline:
        yield after.headline
    if after.is_standing_still != before.is_standing_still:
        at = f" at {after.event_time:%Y-%m-%d %H:%M} UTC" if after.event_time else ""
        yield f"the replay {'stands still' if after.is_standing_still else 'goes on'}{at}"
    yield from _history(before.history_share, after.history_share)
    known = {stage.name: stage.status for stage in before.stages}
    for number, stage in enumerate(after.stages, start=1):
        if stage.status != known.get(stage.name, "waiting"):
            yield _stage(number, stage)
    waves = {(wave.txn, wave.number): wave for wave in before.waves}
    for wave in after.waves:
        yield from _wave(waves.get((wave.txn, wave.number)), wave)
    yield from _new_lines(before.lines, after.lines)


def _history(before: float | None, after: float | None) -> Iterator[str]:
    """Every quarter of the history, so that a log shows it moves."""
    quarter = int((after or 0.0) * _HISTORY_STEPS)
    if after is not None and quarter > int((before or 0.0) * _HISTORY_STEPS):
        yield f"history: {quarter / _HISTORY_STEPS:.0%} fed"


def _stage(number: int, stage: StageLine) -> str:
    says = f": {stage.says}" if stage.says else ""
    return f"stage {number} {stage.name} {stage.status}{says}"


def _wave(before: WaveLine | None, after: WaveLine) -> Iterator[str]:
    name = f"{after.txn} wave {after.number}"
    if before is None or after.step != before.step:
        says = f": {after.says}" if after.says else ""
        yield f"{name} ({after.affected_pct:.0f} % of the affected traffic) {after.step}{says}"
    judged = dict(before.gates) if before else {}
    fresh = [f"{gate} {verdict}" for gate, verdict in after.gates if judged.get(gate) != verdict]
    if fresh:
        yield f"{name} gates: {', '.join(fresh)}"


def _new_lines(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
    """What was added at the end of a window that slides: the longest overlap is what is known."""
    for known in range(min(len(before), len(after)), 0, -1):
        if before[-known:] == after[:known]:
            return after[known:]
    return after
