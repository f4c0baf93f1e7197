"""What the doctor says: how this host stands, and the remedy for each thing it lacks."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from console.host import PROBES, Finding, Standing, Wish, examine
from foreshadow.errors import EnvironmentUnfit, InvariantViolated

_LAB_NEEDS = ("root", "FRR", "iproute2", "nftables", "network namespaces")
_CONTAINER_NEEDS = ("container engine", "routers' image", "container runtime")
_MARKS = {
    Standing.FIT: ("✓", "green"),
    Standing.LIMITED: ("!", "yellow"),
    Standing.UNFIT: ("✗", "bold red"),
}


def require(wish: Wish, *names: str) -> None:
    """See that this host can run what is about to start; called before anything is.

    Args:
        wish: What the operator asked for.
        names: Of `console.host.PROBES`; none for all of them.

    Raises:
        EnvironmentUnfit: Something needed is missing; the message names each with its remedy.
    """
    unknown = [name for name in names if name not in PROBES]
    if unknown:
        raise InvariantViolated(f"the doctor has no probe named {', '.join(unknown)}")
    findings = examine(wish, *names)
    if not is_fit(findings):
        lines = [
            f"  {name}: {finding.found}; remedy: {finding.remedy}"
            for name, finding in findings.items()
            if finding.standing is Standing.UNFIT
        ]
        raise EnvironmentUnfit("this host cannot run it yet:\n" + "\n".join(lines))


def require_lab(wish: Wish) -> None:
    """See that this host can run labs, in containers where those are wished for.

    Raises:
        EnvironmentUnfit: Something needed is missing; the message names each with its remedy.
    """
    require(wish, *_LAB_NEEDS, *(_CONTAINER_NEEDS if wish.needs_containers else ()))


def is_fit(findings: Mapping[str, Finding]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(finding.standing is not Standing.UNFIT for finding in findings.values())


def verdict(findings: Mapping[str, Finding]) -> str:
    """One sentence: can this host run Foreshadow."""
    lacking = [name for name, one in findings.items() if one.standing is Standing.UNFIT]
    limited = [name for name, one in findings.items() if one.standing is Standing.LIMITED]
    if lacking:
        return f"This host cannot run Foreshadow yet: {', '.join(lacking)}."
    if limited:
        return f"This host can run Foreshadow; it does without: {', '.join(limited)}."
    return "This host can run everything."


def table(findings: Mapping[str, Finding]) -> Table:
    """The findings for a terminal, one a line, the remedy below what needs one."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, finding in findings.items():
        mark, style = _MARKS[finding.standing]
        said = Text(finding.found)
        if finding.remedy and finding.standing is not Standing.FIT:
            said.append(f"\n→ {finding.remedy}", style=style)
        grid.add_row(Text(mark, style=style), name, said)
    return grid


def as_json(findings: Mapping[str, Finding]) -> dict[str, object]:
    """The findings for a program."""
    return {
        "is_fit": is_fit(findings),
        "findings": [
            {
                "name": name,
                "standing": one.standing.value,
                "found": one.found,
                "remedy": one.remedy,
            }
            for name, one in findings.items()
        ],
    }
