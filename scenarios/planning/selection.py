"""Which links, routers, sessions... a selector picks in one network."""

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase

from foreshadow.topology import LinkId
from scenarios.planning.ground import Ground
from scenarios.planning.targets import candidates, is_called, routers_of
from scenarios.planning.weights import weigh
from scenarios.scenario import Ranking, Scenario, Selector, TargetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """Targets by name.

    Attributes:
        names: Links `A-B`, sessions `ROUTER:PEER`, demands `INGRESS>PREFIX`, everything else as the
            network calls it; in the selector's order.
    """

    kind: TargetKind
    names: tuple[str, ...]


class UnknownTarget(ValueError):
    """A name stands for no selector and for nothing in the network."""

    def __init__(self, name: str, kinds: tuple[TargetKind, ...]) -> None:
        """Keep what was looked for."""
        self.name, self.kinds = name, kinds
        wanted = " or ".join(kind.one for kind in kinds)
        super().__init__(f"{name!r} is no selector, and no {wanted} of the network has that name")


class Selection:
    """The selectors of one scenario on one ground."""

    def __init__(self, scenario: Scenario, ground: Ground, *, seed: int) -> None:
        """Nothing is picked yet.

        Args:
            scenario: Whose selectors.
            ground: The network.
            seed: For selectors that draw.
        """
        self._scenario, self.ground, self._seed = scenario, ground, seed

    def picked(self, words: tuple[str, ...], kinds: tuple[TargetKind, ...]) -> Picked:
        """What some words of a step stand for: selectors of the scenario, names, or globs.

        Raises:
            UnknownTarget: A word is neither.
        """
        found: list[Picked] = []
        for word in words:
            selector = self._scenario.selector(word)
            found.append(self.of(word, selector) if selector else self._named(word, kinds))
        kind = found[0].kind
        names = dict.fromkeys(n for each in found if each.kind is kind for n in each.names)
        return Picked(kind=kind, names=tuple(names))

    def of(self, name: str, selector: Selector) -> Picked:
        """What a selector picks; nothing is an answer."""
        known = candidates(self.ground, selector.kind, is_external=selector.is_external)
        left = [each for each in known if self._counts(each, selector)]
        ordered = self._ordered(left, name, selector)
        first = selector.rank - 1
        end = None if selector.count is None else first + selector.count
        names = tuple(ordered[first:end])
        fallback = self._scenario.selector(selector.otherwise)
        if not names and fallback is not None:
            return self.of(selector.otherwise, fallback)
        return Picked(kind=selector.kind, names=names)

    def _named(self, word: str, kinds: tuple[TargetKind, ...]) -> Picked:
        for kind in kinds:
            known = candidates(self.ground, kind, is_external=None, is_all=True)
            names = tuple(each for each in known if is_called(each, word, kind))
            if names:
                return Picked(kind=kind, names=names)
        raise UnknownTarget(word, kinds)

    def _counts(self, name: str, selector: Selector) -> bool:
        kind = selector.kind
        if not any(is_called(name, each, kind) for each in selector.names):
            return False
        if any(self._is_meant(name, each, kind) for each in selector.excluded):
            return False
        among = self._scenario.selector(selector.among)
        if among is not None and name not in self.of(selector.among, among).names:
            return False
        return self._has_role(name, selector) and self._has_srlg(name, selector)

    def _is_meant(self, name: str, word: str, kind: TargetKind) -> bool:
        selector = self._scenario.selector(word)
        if selector is None:
            return is_called(name, word, kind)
        return name in self.of(word, selector).names

    def _has_role(self, name: str, selector: Selector) -> bool:
        if not selector.roles:
            return True
        ends = routers_of(self.ground, selector.kind, name)
        wanted = set(selector.roles)
        return bool(ends) and all(wanted & self.ground.roles.get(end, set()) for end in ends)

    def _has_srlg(self, name: str, selector: Selector) -> bool:
        if not selector.srlgs:
            return True
        if selector.kind is TargetKind.SRLGS:
            groups: frozenset[str] = frozenset({name})
        elif selector.kind is TargetKind.LINKS:
            groups = frozenset(self.ground.links[LinkId(name)].srlgs)
        else:
            groups = frozenset()
        return any(fnmatchcase(group, glob) for group in groups for glob in selector.srlgs)

    def _ordered(self, names: list[str], selector_name: str, selector: Selector) -> list[str]:
        match selector.by:
            case None:
                return names
            case Ranking.RANDOM:
                shuffled = sorted(names)
                random.Random(f"{self._seed} {selector_name}").shuffle(shuffled)
                return shuffled
            case Ranking.LOWEST_LOAD:
                weights = weigh(self.ground, selector.kind, selector.by)
                return sorted(names, key=lambda name: (weights[name], name))
            case _:
                weights = weigh(self.ground, selector.kind, selector.by)
                return sorted(names, key=lambda name: (-weights[name], name))
