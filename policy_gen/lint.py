"""The safety rules that rendered policy must keep, checked on the text itself.

The check reads what a router would read and knows nothing of the templates, so a mistake in a
template is found like any other.

    S0  only FS-* objects are made, and one neighbor line changes
    S1  no route-map without its entries, no empty list, an explicit permit at the end: FRR treats a
        missing or emptied map as "deny all", which took 201 of 201 prefixes away when tried
    S2  no default route, none of our own loopbacks, next hops or management prefixes, no ranges
    S6  not more prefixes than the cap
    R   the way back exists, differs from the way there, and outlives the clean-up
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from foreshadow.experiment import DeviceChange
from foreshadow.topology import Prefix
from frr.configuration import Block, parse

PREFIX_CAP = 200
_ENTRY = re.compile(r"route-map (?P<name>\S+) (?P<action>permit|deny) (?P<seq>\d+)")
_LIST = re.compile(r"ip prefix-list (?P<name>\S+) seq \d+ permit (?P<prefix>\S+)(?P<range>.*)")
_HOOK = re.compile(r"(?P<no>no )?neighbor \S+ route-map (?P<name>\S+) in")
_OWN = "FS-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule that the text breaks."""

    rule: str
    says: str


def lint(
    change: DeviceChange,
    *,
    known_maps: Iterable[str],
    protected: Iterable[Prefix],
    prefix_cap: int = PREFIX_CAP,
) -> tuple[Finding, ...]:
    """What is wrong with a rendered change; nothing is what a rollout needs to hear.

    Args:
        change: The rendered generation.
        known_maps: Route-maps that exist on the device already.
        protected: Prefixes no policy of ours may touch: loopbacks, links, management.
        prefix_cap: How many prefixes one generation may list.
    """
    stage = parse(change.stage)
    known = frozenset(known_maps)
    return (
        *_ownership(change, stage),
        *_entries(change, stage, known),
        *_prefixes(stage, tuple(protected), prefix_cap),
        *_way_back(change, known),
    )


def _ownership(change: DeviceChange, stage: tuple[Block, ...]) -> Iterator[Finding]:
    for block in stage:
        found = _ENTRY.fullmatch(block.header) or _LIST.fullmatch(block.header)
        if found is None or not found["name"].startswith(_OWN):
            yield Finding(rule="S0", says=f"stage touches what is not ours: {block.header!r}")
    for part, text in (("flip", change.flip), ("revert", change.revert)):
        if len(_hooks(text)) != 1 or len(parse(text)) != 1:
            yield Finding(rule="S0", says=f"{part} must change exactly one neighbor line")


def _entries(
    change: DeviceChange, stage: tuple[Block, ...], known: frozenset[str]
) -> Iterator[Finding]:
    lists = {found["name"] for block in stage if (found := _LIST.fullmatch(block.header))}
    entries = [(found, block) for block in stage if (found := _ENTRY.fullmatch(block.header))]
    for name in _hooks(change.flip):
        own = [(found, block) for found, block in entries if found["name"] == name]
        if not own:
            yield Finding(rule="S1", says=f"flip attaches {name}, which stage does not define")
            continue
        last, block = max(own, key=lambda entry: int(entry[0]["seq"]))
        if last["action"] != "permit" or block.body:
            yield Finding(rule="S1", says=f"{name} does not end in a plain permit")
    for found, block in entries:
        for line in block.body:
            match line.split():
                case ["match", "ip", "address", "prefix-list", name] if name not in lists:
                    yield Finding(rule="S1", says=f"{found['name']} matches the empty list {name}")
                case ["call", name] if name not in known:
                    yield Finding(rule="S1", says=f"{found['name']} calls {name}, which is missing")
                case ["match" | "call" | "on-match", *_] | ["set", "local-preference", _]:
                    pass
                case _:
                    yield Finding(rule="S6", says=f"one knob only, not {line.strip()!r}")


def _prefixes(
    stage: tuple[Block, ...], protected: tuple[Prefix, ...], prefix_cap: int
) -> Iterator[Finding]:
    listed = [found for block in stage if (found := _LIST.fullmatch(block.header))]
    if len(listed) > prefix_cap:
        yield Finding(rule="S6", says=f"{len(listed)} prefixes, {prefix_cap} are allowed")
    for found in listed:
        prefix = Prefix(found["prefix"])
        if found["range"]:
            yield Finding(rule="S2", says=f"{prefix}{found['range']} matches more than one prefix")
        if prefix.prefixlen == 0:
            yield Finding(rule="S2", says="the default route must not be moved")
        for own in protected:
            if prefix.overlaps(own) and prefix.prefixlen > 0:
                yield Finding(rule="S2", says=f"{prefix} overlaps {own}, which is protected")


def _way_back(change: DeviceChange, known: frozenset[str]) -> Iterator[Finding]:
    removed = set(re.findall(r"^no route-map (\S+)$", change.gc, re.MULTILINE))
    for found in map(_HOOK.fullmatch, _lines(change.revert)):
        if found is None or found["no"]:
            continue
        if found["name"] in _hooks(change.flip):
            yield Finding(rule="R", says="revert attaches what flip attached")
        if found["name"] in removed:
            yield Finding(rule="R", says=f"gc removes {found['name']}, which revert attaches")
        if found["name"] not in known:
            yield Finding(rule="R", says=f"revert attaches {found['name']}, which is missing")


def _hooks(text: str) -> list[str]:
    return [found["name"] for line in _lines(text) if (found := _HOOK.fullmatch(line))]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]
