"""What to change in a lab for it to be what it should be: level-triggered, from two values.

Deltas only wake the reconciler. It looks at what is and at what should be, so a delta that was
missed, doubled or overtaken by the next leaves nothing behind. The plan is total: any lab leads to
any other that shares a router with it, and no router that stays is restarted, but for what FRR
itself cannot change while it runs:

* `frr defaults` says what is meant where nothing is written, and is read at the start;
* `vrf` needs a device of the kernel's, made before;
* `zebra nexthop kernel enable` holds for routes installed after it.

Such a router alone is removed, started anew and plugged in again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from foreshadow.topology import NodeId
from shadow.config_difference import difference, unchangeable
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import PLAIN, LabLink, LabNode, LabSpec
from shadow.lab_change import (
    AddLink,
    AddNode,
    Configure,
    LabChange,
    LiveChange,
    Rebuild,
    RemoveLink,
    RemoveNode,
    SetLink,
    ShapeLink,
    SilenceLink,
)


def plan(actual: LabSpec, wanted: LabSpec) -> tuple[LabChange, ...]:
    """The changes that lead from one lab to another; none where they are the same.

    Links go down first. Then what stands in the way is removed, routers are started and joined, and
    links come up: link state before metrics and policy. What only takes up room is removed last.
    """
    if actual.nodes and not _ids(actual) & _ids(wanted):
        return (Rebuild(wanted=wanted, reason="no router of it stays"),)
    anew = _to_start_anew(actual, wanted)
    cables = _compared(actual, wanted, anew)
    coming = [it for it in wanted.nodes if it.id in anew or it.id not in _ids(actual)]
    leaving = [it.id for it in actual.nodes if it.id not in _ids(wanted)]
    return (
        *_switched(cables, is_up=False),
        *(RemoveNode(node=node, reason=reason) for node, reason in anew.items()),
        *(RemoveLink(link=link.id) for link in cables.in_the_way),
        *(AddNode(node=node) for node in coming),
        *(AddLink(link=link) for link in cables.added),
        *_switched(cables, is_up=True),
        *_treated(cables),
        *_configured(actual, wanted, anew),
        *(RemoveLink(link=link.id) for link in cables.left_over),
        *(RemoveNode(node=node) for node in leaving),
    )


def plan_anew(spec: LabSpec, node: NodeId, reason: str) -> tuple[LiveChange, ...]:
    """The changes that start one router of a lab afresh and plug it in again as it was."""
    cables = (link for link in spec.links if node in (link.a.node, link.b.node))
    return (
        RemoveNode(node=node, reason=reason),
        AddNode(node=spec.node(node)),
        *(AddLink(link=link) for link in cables),
    )


def carry_out(lab: Emulator, change: LiveChange) -> None:  # noqa: C901 - one branch a change
    """Make one change in a running lab.

    Raises:
        ConfigError: The router refuses a line.
        EmulationFailed: The lab does not follow.
        DeviceUnreachable: A router does not answer.
    """
    match change:
        case SetLink(link=link, is_up=is_up):
            lab.set_link(link, is_up)
        case SilenceLink(link=link, is_silent=is_silent):
            lab.silence_link(link, is_silent)
        case ShapeLink(link=link, shape=shape):
            lab.shape_link(link, shape)
        case AddLink(link=added):
            lab.add_link(added)
        case RemoveLink(link=link):
            lab.remove_link(link)
        case AddNode(node=node):
            lab.add_node(node)
        case RemoveNode(node=gone):
            lab.remove_node(gone)
        case Configure():
            for part in change.parts:
                lab.apply_config(change.node, part)
            if change.touches_policy:
                lab.execute(change.node, "clear bgp ipv4 unicast * soft")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cables:
    """The links of two labs side by side.

    Attributes:
        kept: Those that stay plugged in where they are: (as they are, as they should be).
        added: Those to lay.
        in_the_way: Those to take away because a new one needs their name or an interface of theirs.
        left_over: Those to take away that do not go with a router.
    """

    kept: tuple[tuple[LabLink, LabLink], ...]
    added: tuple[LabLink, ...]
    in_the_way: tuple[LabLink, ...]
    left_over: tuple[LabLink, ...]


def _compared(actual: LabSpec, wanted: LabSpec, anew: Mapping[NodeId, str]) -> _Cables:
    laid = {
        _cable(link): link for link in actual.links if not {link.a.node, link.b.node} & anew.keys()
    }
    asked = {_cable(link) for link in wanted.links}
    added = tuple(link for link in wanted.links if _cable(link) not in laid)
    gone = [link for cable, link in laid.items() if cable not in asked]
    names, ends = {link.id for link in added}, {end for link in added for end in (link.a, link.b)}
    in_the_way = [link for link in gone if link.id in names or {link.a, link.b} & ends]
    return _Cables(
        kept=tuple((laid[_cable(it)], it) for it in wanted.links if _cable(it) in laid),
        added=added,
        in_the_way=tuple(in_the_way),
        left_over=tuple(
            link
            for link in gone
            if link not in in_the_way and {link.a.node, link.b.node} <= _ids(wanted)
        ),
    )


def _cable(link: LabLink) -> LabLink:
    """What of a link cannot change while it is plugged in."""
    return replace(link, is_up=True, is_silent=False, shape=PLAIN)


def _to_start_anew(actual: LabSpec, wanted: LabSpec) -> dict[NodeId, str]:
    """Routers that stay, but cannot become what they should be while they run, and why."""
    running = {node.id: node for node in actual.nodes}
    reasons = {
        node.id: _obstacle(running[node.id], node)
        for node in wanted.nodes
        if node.id in running and running[node.id] != node
    }
    return {node: reason for node, reason in reasons.items() if reason}


def _obstacle(actual: LabNode, wanted: LabNode) -> str:
    if replace(actual, config=wanted.config) != wanted:
        return "it becomes another kind of router"
    line = unchangeable(actual.config, wanted.config)
    return f"{line!r} counts from the start only" if line else ""


def _switched(cables: _Cables, *, is_up: bool) -> Iterator[SetLink]:
    for was, link in cables.kept:
        if link.is_up is is_up is not was.is_up:
            yield SetLink(link=link.id, is_up=is_up)


def _treated(cables: _Cables) -> Iterator[LiveChange]:
    for was, link in cables.kept:
        if link.is_silent is not was.is_silent:
            yield SilenceLink(link=link.id, is_silent=link.is_silent)
        if link.shape != was.shape:
            yield ShapeLink(link=link.id, shape=link.shape)


def _configured(
    actual: LabSpec, wanted: LabSpec, anew: Mapping[NodeId, str]
) -> Iterator[Configure]:
    running = {node.id: node.config for node in actual.nodes if node.id not in anew}
    for node in wanted.nodes:
        if running.get(node.id, node.config) == node.config:
            continue
        steps = difference(running[node.id], node.config)
        if steps.parts:
            yield Configure(
                node=node.id,
                parts=steps.parts,
                wanted=node.config,
                touches_policy=steps.touches_policy,
            )


def _ids(spec: LabSpec) -> set[NodeId]:
    return {node.id for node in spec.nodes}
