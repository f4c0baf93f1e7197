"""How a router takes configuration lines, without a router: for laws over many configurations.

Stands for FRR's command line, as far as these tests go: which statements replace each other, that
`no neighbor X route-map A in` takes off whatever is attached, and that a policy that is referred to
but not there is a moment of "deny all", which is kept in `dangling`. The same laws run on a real
router in `tests/integration/shadow/test_reconcile.py`.
"""

from dataclasses import dataclass, field

Section = dict[str, str]


@dataclass
class ModelRouter:
    """A configuration that changes line by line."""

    sections: dict[str, Section] = field(default_factory=dict)
    dangling: list[str] = field(default_factory=list)

    def enter(self, text: str) -> None:
        """Take lines as a router at its prompt does."""
        path: list[str] = []
        for raw in text.splitlines():
            depth, line = len(raw) - len(raw.lstrip()), raw.strip()
            if line in ("!", "exit", "exit-address-family"):
                path = path[: depth or None] if depth else []
                continue
            path = path[:depth]
            if line.startswith("no router "):
                gone = line.removeprefix("no ")
                self.sections = {
                    name: section
                    for name, section in self.sections.items()
                    if name.partition("/")[0] != gone
                }
            elif line.startswith("no route-map "):
                self.sections.pop(line.removeprefix("no "))
            elif line.startswith(("interface ", "router ", "route-map ", "address-family ")):
                path.append(line)
                self.sections.setdefault("/".join(path), {})
            else:
                self._set("/".join(path), line)
            self._look_for_dangling(line)

    def content(self) -> dict[str, Section]:
        """Everything that is configured; an empty interface or address family is nothing."""
        return {
            name: dict(section)
            for name, section in self.sections.items()
            if section or not (name == "" or name.startswith("interface ") or "/" in name)
        }

    def _set(self, section: str, line: str) -> None:
        values = self.sections.setdefault(section, {})
        if line.startswith("no "):
            del values[_slot(line.removeprefix("no "))]
        else:
            values[_slot(line)] = line

    def _look_for_dangling(self, after: str) -> None:
        maps = {name.split()[1] for name in self.sections if name.startswith("route-map ")}
        for section in self.sections.values():
            for line in section.values():
                words = line.split()
                if "route-map" in words and words[words.index("route-map") + 1] not in maps:
                    self.dangling.append(f"{line} after {after}")


def _slot(line: str) -> str:  # noqa: PLR0911 - one return a form
    match line.split():
        case ["neighbor", peer, "route-map", _, direction]:
            return f"neighbor {peer} route-map {direction}"
        case ["neighbor", peer, "description", *_]:
            return f"neighbor {peer} description"
        case ["hostname", _]:
            return "hostname"
        case ["set", what, *_]:
            return f"set {what}"
        case ["match", "ip", "address", "prefix-list", _]:
            return "match ip address prefix-list"
        case ["ip", "ospf", "cost", _]:
            return "ip ospf cost"
        case ["ip", "prefix-list", name, "seq", number, *_]:
            return f"ip prefix-list {name} seq {number}"
        case _:
            return line
