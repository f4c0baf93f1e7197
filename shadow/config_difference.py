"""The lines that turn one FRR configuration into another.

FRR has no "replace configuration" short of a restart (its own frr-reload does what is done here, at
25 ms a line). Text is compared statement by statement within its section. What was removed is taken
back with `no`, unless a statement that holds one value at a time is set anew: then the new one
alone is sent, so that a policy that is swapped is never absent in between.

What only counts from the start of a daemon is not entered but named by `unchangeable`: such a
router has to be started anew. Names and AS numbers do change in flight: FRR takes a new `hostname`,
and a `router bgp` of another number after the old one is gone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from frr.configuration import Block, parse

Path = tuple[str, ...]
"""Headers of the sections around a statement, outermost first."""

_FIXED = re.compile(r"(frr defaults|vrf|(no )?zebra nexthop kernel)\b")
"""What counts from the start only: defaults, kernel devices, how routes get into the kernel."""

_POLICY = re.compile(r"(route-map|ip(v6)? prefix-list|ip community-list|bgp community-list) ")
"""Objects that others refer to: they come first and go last."""

_LIST_ENTRY = re.compile(r"(ip(?:v6)? prefix-list \S+) seq ")
_OPENING = ("address-family ", "profile ")
_CLOSING = frozenset({"exit-address-family", "exit"})
_RESET = {
    "detect-multiplier": "detect-multiplier 3",
    "receive-interval": "receive-interval 300",
    "transmit-interval": "transmit-interval 300",
}
"""What bfdd has no `no` for, and its defaults."""
_TAKEN_BACK_BARE = re.compile(r"(maximum-paths(?: ibgp)?|description) \S.*$")
"""What ospfd and zebra take back without its value alone."""
_UNSAID = re.compile(r"frr version |(no )?(ip|ipv6) forwarding$")
"""What a router says but is not told; forwarding is the kernel's and not ours to configure."""

_SINGLE_VALUED = tuple(
    re.compile(pattern)
    for pattern in (
        r"(hostname) \S+()$",
        r"(neighbor \S+ remote-as) \S+()$",
        r"(neighbor \S+ route-map) \S+( in| out)$",
        r"(neighbor \S+ prefix-list) \S+( in| out)$",
        r"(neighbor \S+ (?:description|weight|maximum-prefix|timers connect|timers)) .*()$",
        r"(set (?:local-preference|metric|weight|origin|community|as-path prepend)) .*()$",
        r"(set (?:ip next-hop|ipv6 next-hop global)) .*()$",
        r"(match ip(?:v6)? (?:address|next-hop) prefix-list|match community) .*()$",
        r"(call) \S+()$",
        r"(on-match) .*()$",
        r"(description) .*()$",
        r"(bandwidth) \d+()$",
        r"(ip ospf (?:cost|hello-interval|dead-interval|retransmit-interval|network)) \S+()$",
        r"(ipv6 ospf6 (?:cost|hello-interval|dead-interval)) \S+()$",
        r"(isis (?:metric|hello-interval|hello-multiplier)(?: level-[12])?) \d+()$",
        r"((?:ip ospf|isis|neighbor \S+) bfd profile) \S+()$",
        r"(isis circuit-type) \S+()$",
        r"(is-type|net|spf-interval|lsp-gen-interval|metric-style) \S+()$",
        r"(lsp-timers|spf-delay-ietf) .*()$",
        r"(?:bgp )?(router-id|ospf router-id) \S+()$",
        r"(?:bgp )?(cluster-id|graceful-restart restart-time) \S+()$",
        r"(detect-multiplier|receive-interval|transmit-interval) \d+()$",
        r"(maximum-paths(?: ibgp)?) \d+()$",
        r"(coalesce-time) \d+()$",
        r"(timers throttle (?:spf|lsa all)) .*()$",
        r"(timers bgp) .*()$",
        r"(ip(?:v6)? prefix-list \S+ description) .*()$",
    )
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One line and where it stands; `is_section` marks a header of its own."""

    path: Path
    line: str
    is_section: bool = False

    @property
    def slot(self) -> tuple[Path, str]:
        """What the statement sets: two statements for one slot exclude each other."""
        for pattern in _SINGLE_VALUED:
            if found := pattern.match(self.line):
                return self.path, found[1] + found[2]
        return self.path, self.line

    @property
    def is_policy(self) -> bool:
        """Whether it is a policy object, or stands in one."""
        return _POLICY.match((*self.path, self.line)[0] + " ") is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Configuration to enter, part by part: a later part relies on the one before."""

    parts: tuple[str, ...]

    @property
    def touches_policy(self) -> bool:
        """Whether routes must be judged again: FRR waits 5 s before it does so by itself."""
        return any(
            word in part
            for part in self.parts
            for word in ("route-map", "prefix-list", "community")
        )


def unchangeable(actual: str, wanted: str) -> str:
    """A line that only a router started anew can have otherwise; empty where there is none."""
    lines = (
        {block.header for block in parse(text) if _FIXED.match(block.header)}
        for text in (actual, wanted)
    )
    before, after = lines
    return min(before ^ after, default="")


def difference(actual: str, wanted: str) -> Difference:
    """What to enter on a router that runs `actual` for it to run `wanted`.

    Raises:
        ConfigError: One of the texts is no configuration.
    """
    before, after = _statements(actual), _statements(wanted)
    removed = [it for it in before if it not in after and not _FIXED.match(it.line)]
    added = [it for it in after if it not in before and not _FIXED.match(it.line)]
    taken = {it.slot for it in added}
    gone_sections = {(*it.path, it.line) for it in removed if it.is_section}
    withdrawn = [
        it for it in removed if it.slot not in taken and not _lies_in(it.path, gone_sections)
    ]
    lists = {found[1] for it in after if (found := _LIST_ENTRY.match(it.line))}
    # FRR drops an entry whose prefix another one of the list has: the old ones go before.
    edited = [it for it in withdrawn if (on := _LIST_ENTRY.match(it.line)) and on[1] in lists]
    withdrawn = [it for it in withdrawn if it not in edited]
    steps = (
        _withdrawn(edited, only_policy=True),
        _entered(added, only_policy=True),
        # References are dropped before others are set: `no neighbor X route-map A in` in FRR
        # takes off whatever is attached there.
        [*_withdrawn(withdrawn, only_policy=False), *_entered(added, only_policy=False)],
        _withdrawn(withdrawn, only_policy=True),
    )
    return Difference(parts=tuple("".join(f"{it}\n" for it in step) for step in steps if step))


def _statements(text: str) -> dict[Statement, None]:
    """Every statement, in order; an interface is there with or without any in it."""
    found: dict[Statement, None] = {}
    for block in parse(text):
        if not block.header.startswith("interface ") and not _UNSAID.match(block.header):
            found[Statement((), block.header, is_section=block.is_section)] = None
        found.update(dict.fromkeys(_body(block)))
    return found


def _body(block: Block) -> Iterator[Statement]:
    """What stands in a section.

    `address-family` opens one more, which is there if it has lines; so does a BFD profile, which is
    there also without.
    """
    family: str | None = None
    for raw in block.body:
        line = raw.strip()
        if line in _CLOSING:
            family = None
        elif line.startswith(_OPENING):
            family = line
            if line.startswith("profile "):
                yield Statement((block.header,), line, is_section=True)
        else:
            path = (block.header,) if family is None else (block.header, family)
            yield Statement(path, line)


def _lies_in(path: Path, sections: Iterable[Path]) -> bool:
    return any(path[: len(section)] == section for section in sections)


def _entered(statements: Sequence[Statement], *, only_policy: bool) -> list[str]:
    chosen = [it for it in statements if it.is_policy is only_policy]
    return _written({it: it.line for it in chosen})


def _withdrawn(statements: Sequence[Statement], *, only_policy: bool) -> list[str]:
    """Taken back last to first: a neighbor's options before the neighbor."""
    chosen = [it for it in reversed(statements) if it.is_policy is only_policy]
    return _written({it: _negated(it.line) for it in chosen})


def _negated(line: str) -> str:
    if reset := _RESET.get(line.partition(" ")[0]):
        return reset
    if bare := _TAKEN_BACK_BARE.match(line):
        return f"no {bare[1]}"
    return line.removeprefix("no ") if line.startswith("no ") else f"no {line}"


def _written(lines: Mapping[Statement, str]) -> list[str]:
    """The lines as text FRR loads, each in its section, sections opened and closed."""
    text: list[str] = []
    open_path: Path = ()
    for statement, line in lines.items():
        path = statement.path
        is_header = statement.is_section and not line.startswith("no ")
        target = (*path, line) if is_header else path
        text += _moved(open_path, target)
        open_path = target
        if not is_header:
            text.append(" " * len(path) + line)
    return [*text, *_moved(open_path, ())]


def _moved(current: Path, target: Path) -> Iterator[str]:
    """Closing and opening lines that lead from one section to another."""
    shared = 0
    while shared < min(len(current), len(target)) and current[shared] == target[shared]:
        shared += 1
    for depth in range(len(current) - 1, shared - 1, -1):
        is_family = current[depth].startswith("address-family ")
        yield " " * depth + ("exit-address-family" if is_family else "exit")
    for depth in range(shared, len(target)):
        yield " " * depth + target[depth]
