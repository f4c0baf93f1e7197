"""What to change in a lab for it to be what it should be: level-triggered, from two values.

Deltas only wake the reconciler. It looks at what is and at what should be, so a delta that was
missed, doubled or overtaken by the next leaves nothing behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from foreshadow.topology import LinkId, NodeId
from shadow.config_difference import difference
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink, LabSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLink:
    """Cut or restore a link."""

    link: LinkId
    is_up: bool

    def __str__(self) -> str:
        return f"{self.link} {'restored' if self.is_up else 'cut'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure:
    """Enter configuration on a router, part by part.

    Attributes:
        parts: The lines, in the order in which they must take effect.
        wanted: The whole configuration they lead to.
        touches_policy: Routes have to be judged again.
    """

    node: NodeId
    parts: tuple[str, ...]
    wanted: str
    touches_policy: bool

    def __str__(self) -> str:
        return f"{self.node} configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """Take the lab down and bring it up as `wanted`: for what a running router cannot become."""

    wanted: LabSpec
    reason: str


LabChange = SetLink | Configure | Rebuild


def plan(actual: LabSpec, wanted: LabSpec) -> tuple[LabChange, ...]:
    """The changes that lead from one lab to another, links first; none where they are the same."""
    reason = _unlike(actual, wanted)
    if reason:
        return (Rebuild(wanted=wanted, reason=reason),)
    changes: list[LabChange] = [*_links(actual, wanted)]
    for node in wanted.nodes:
        running = actual.node(node.id).config
        if running == node.config:
            continue
        steps = difference(running, node.config)
        if steps is None:
            reason = f"{node.id} cannot take its new configuration while it runs"
            return (Rebuild(wanted=wanted, reason=reason),)
        if steps.parts:
            changes.append(
                Configure(
                    node=node.id,
                    parts=steps.parts,
                    wanted=node.config,
                    touches_policy=steps.touches_policy,
                )
            )
    return tuple(changes)


def applied(spec: LabSpec, change: LabChange) -> LabSpec:
    """What a lab is after a change."""
    match change:
        case SetLink():
            links = (
                replace(it, is_up=change.is_up) if it.id == change.link else it for it in spec.links
            )
            return replace(spec, links=tuple(links))
        case Configure():
            nodes = (
                replace(it, config=change.wanted) if it.id == change.node else it
                for it in spec.nodes
            )
            return replace(spec, nodes=tuple(nodes))
        case Rebuild():
            return change.wanted


def carry_out(lab: Emulator, change: SetLink | Configure) -> None:
    """Make one change in a running lab.

    Raises:
        ConfigError: The router refuses a line; the lab has to be rebuilt.
        EmulationFailed: The lab does not follow; likewise.
        DeviceUnreachable: A router does not answer; likewise.
    """
    match change:
        case SetLink():
            lab.set_link(change.link, change.is_up)
        case Configure():
            for part in change.parts:
                lab.apply_config(change.node, part)
            if change.touches_policy:
                lab.execute(change.node, "clear bgp ipv4 unicast * soft")


def _unlike(actual: LabSpec, wanted: LabSpec) -> str:
    """Why one lab cannot become the other while it runs; empty if it can."""
    if {node.id for node in actual.nodes} != {node.id for node in wanted.nodes}:
        return "there are other routers"
    if {_cable(link) for link in actual.links} != {_cable(link) for link in wanted.links}:
        return "there are other links"
    return ""


def _cable(link: LabLink) -> tuple[object, ...]:
    return link.id, link.a, link.b


def _links(actual: LabSpec, wanted: LabSpec) -> Iterator[SetLink]:
    up = {link.id: link.is_up for link in actual.links}
    for link in wanted.links:
        if up[link.id] != link.is_up:
            yield SetLink(link=link.id, is_up=link.is_up)
