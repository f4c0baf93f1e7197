"""Whether the selectors a scenario names are there and pick what their user can take.

Looks at the file as it is written, so that it has something to say also where other parts of the
file cannot be understood yet.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.authoring.injection_entry import KINDS
from scenarios.authoring.scenario_document import Document, Problem, Way
from scenarios.scenario import TargetKind

_SELECTOR = re.compile(r"[a-z0-9][a-z0-9-]*")
_NODES_ONLY = (TargetKind.NODES,)


def reference_problems(document: Document) -> Iterator[Problem]:
    """What is wrong with who names whom."""
    selectors = document.content.get("select")
    entries = selectors.items() if isinstance(selectors, dict) else ()
    known = {str(name): entry for name, entry in entries}
    used: set[str] = set()
    for use in _uses(document.content):
        if use.word in known:
            used.add(use.word)
            yield from _misaimed(document, use, known[use.word])
        else:
            yield from _unknown(document, use, known)
    yield from _between(document, known, used)
    yield from _circles(document, known)
    for name in known:
        if name not in used:
            yield document.problem(
                ("select", name), f"nothing uses the selector {name!r}", "remove it", at_key=True
            ).as_warning()


def injection_ways(document: Document) -> tuple[Way, ...]:
    """The way to every injection of a file, in its order."""
    return tuple(way for way, _ in _injections(document.content.get("steps"), ("steps",)))


@dataclass(frozen=True, slots=True)
class _Use:
    """A place where something is aimed: the word there, and the kinds it may stand for."""

    way: Way
    word: str
    kinds: tuple[TargetKind, ...]


def _uses(content: Mapping[str, Any]) -> Iterator[_Use]:
    for way, step in _injections(content.get("steps"), ("steps",)):
        takes = KINDS.get(str(step.get("inject")))
        for field, kinds in (
            ("on", takes.targets if takes else tuple(TargetKind)),
            ("by", _NODES_ONLY),
            ("from", _NODES_ONLY),
        ):
            for place, word in _words(step.get(field), (*way, field)):
                yield _Use(place, word, kinds)
    limits = content.get("limits")
    if isinstance(limits, dict):
        for place, word in _words(limits.get("never"), ("limits", "never")):
            yield _Use(place, word, _NODES_ONLY)


def _injections(steps: Any, way: Way) -> Iterator[tuple[Way, Mapping[str, Any]]]:
    if not isinstance(steps, list):
        return
    for index, step in enumerate(steps):
        here = (*way, index)
        if not isinstance(step, dict):
            continue
        for form in ("serial", "parallel"):
            yield from _injections(step.get(form), (*here, form))
        body = step.get("repeat")
        if isinstance(body, dict):
            yield from _injections(body.get("steps"), (*here, "repeat", "steps"))
        if "inject" in step:
            yield here, step


def _words(raw: Any, way: Way) -> Iterator[tuple[Way, str]]:
    if isinstance(raw, str):
        yield way, raw
    elif isinstance(raw, list):
        yield from (((*way, i), word) for i, word in enumerate(raw) if isinstance(word, str))


def _misaimed(document: Document, use: _Use, selector: Any) -> Iterator[Problem]:
    picks = _kind(selector)
    if picks is not None and picks not in use.kinds:
        wanted = " or ".join(use.kinds)
        where = use.way[-2] if isinstance(use.way[-1], int) else use.way[-1]
        yield document.problem(
            use.way,
            f"{use.word!r} picks {picks}, but {where} takes {wanted} here",
            f"aim it at a selector of {wanted}, or choose a fault for {picks}",
        )


def _unknown(document: Document, use: _Use, known: Mapping[str, Any]) -> Iterator[Problem]:
    if not _SELECTOR.fullmatch(use.word):
        return
    said = f"there is no selector {use.word!r}"
    near = difflib.get_close_matches(use.word, list(known), n=1, cutoff=0.6)
    if near:
        yield document.problem(use.way, said, f"did you mean {near[0]!r}?")
    else:
        yield document.problem(
            use.way,
            f"{said}, so it is taken for a name in the network",
            "check it with --network, or add the selector under `select`",
        ).as_warning()


def _between(document: Document, known: Mapping[str, Any], used: set[str]) -> Iterator[Problem]:
    """What selectors say of each other."""
    for name, entry in known.items():
        if not isinstance(entry, dict):
            continue
        for field in ("among", "otherwise", "not"):
            for way, word in _words(entry.get(field), ("select", name, field)):
                if word in known:
                    used.add(word)
                    if field != "otherwise" and _kind(known[word]) is not _kind(entry):
                        yield document.problem(
                            way,
                            f"{word!r} picks {_kind(known[word])}, {name!r} picks {_kind(entry)}",
                            "both must pick the same",
                        )
                elif field != "not":
                    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
                    fix = f"did you mean {near[0]!r}?" if near else "add it under `select`"
                    yield document.problem(way, f"there is no selector {word!r}", fix)


def _circles(document: Document, known: Mapping[str, Any]) -> Iterator[Problem]:
    """Selectors that ask each other for ever."""
    asks = {
        name: [
            word
            for field in ("among", "otherwise", "not")
            for _, word in _words(entry.get(field), ())
            if word in known
        ]
        for name, entry in known.items()
        if isinstance(entry, dict)
    }
    for name, asked in asks.items():
        seen: set[str] = set()
        ahead = list(asked)
        while ahead:
            word = ahead.pop()
            if word not in seen:
                seen.add(word)
                ahead += asks.get(word, [])
        if name in seen:
            yield document.problem(
                ("select", name),
                f"{name!r} asks itself in the end",
                "break the circle",
                at_key=True,
            )


def _kind(selector: Any) -> TargetKind | None:
    if not isinstance(selector, dict):
        return None
    return next((kind for kind in TargetKind if selector.get(kind.value) is not None), None)
