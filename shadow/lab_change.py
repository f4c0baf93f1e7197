"""One thing that is changed in a lab, as a value: what a plan consists of.

Each prints as the line of a plan that a person reads, and says what a lab is after it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from foreshadow.topology import LinkId, NodeId
from shadow.emulation.lab import PLAIN, LabLink, LabNode, LabSpec, LinkShape


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLink:
    """Cut or restore a link."""

    link: LinkId
    is_up: bool

    def __str__(self) -> str:
        return f"{self.link} {'restored' if self.is_up else 'cut'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLink:
    """Let a link drop everything, or carry again."""

    link: LinkId
    is_silent: bool

    def __str__(self) -> str:
        return f"{self.link} {'silenced' if self.is_silent else 'heard again'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeLink:
    """Give a link its rate, delay and loss."""

    link: LinkId
    shape: LinkShape

    def __str__(self) -> str:
        return f"{self.link} {_described(self.shape)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLink:
    """Lay a cable."""

    link: LabLink

    def __str__(self) -> str:
        a, b = self.link.a, self.link.b
        return f"{self.link.id} laid, {a.node} {a.interface} to {b.node} {b.interface}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveLink:
    """Take a cable away."""

    link: LinkId

    def __str__(self) -> str:
        return f"{self.link} taken away"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNode:
    """Start a router, not yet joined to anything."""

    node: LabNode

    def __str__(self) -> str:
        return f"{self.node.id} started"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveNode:
    """Remove a router and the cables plugged into it.

    Attributes:
        reason: Why, where it is started again right after: what FRR cannot change while it runs.
    """

    node: NodeId
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.node} removed" + (f" to be started anew: {self.reason}" * bool(self.reason))


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
        lines = [line.strip() for part in self.parts for line in part.splitlines()]
        said = [line for line in lines if line and line not in _CLOSING]
        return f"{self.node} configured: " + "; ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """Take the lab down and bring it up as `wanted`."""

    wanted: LabSpec
    reason: str

    def __str__(self) -> str:
        return f"the lab built anew: {self.reason}"


LiveChange = (
    SetLink | SilenceLink | ShapeLink | AddLink | RemoveLink | AddNode | RemoveNode | Configure
)
"""What a running lab can be given."""

LabChange = LiveChange | Rebuild

_CLOSING = frozenset({"exit", "exit-address-family", "!"})


def applied(spec: LabSpec, change: LabChange) -> LabSpec:  # noqa: PLR0911 - one a change
    """What a lab is after a change."""
    match change:
        case SetLink(link=link, is_up=is_up):
            return _with_link(spec, link, lambda it: replace(it, is_up=is_up))
        case SilenceLink(link=link, is_silent=is_silent):
            return _with_link(spec, link, lambda it: replace(it, is_silent=is_silent))
        case ShapeLink(link=link, shape=shape):
            return _with_link(spec, link, lambda it: replace(it, shape=shape))
        case AddLink(link=link):
            return replace(spec, links=(*spec.links, link))
        case RemoveLink(link=gone):
            return replace(spec, links=tuple(it for it in spec.links if it.id != gone))
        case AddNode(node=node):
            return replace(spec, nodes=(*spec.nodes, node))
        case RemoveNode(node=gone):
            return _without_node(spec, gone)
        case Configure():
            nodes = (
                replace(it, config=change.wanted) if it.id == change.node else it
                for it in spec.nodes
            )
            return replace(spec, nodes=tuple(nodes))
        case Rebuild(wanted=wanted):
            return wanted


def _with_link(spec: LabSpec, link: LinkId, change: Callable[[LabLink], LabLink]) -> LabSpec:
    links = (change(it) if it.id == link else it for it in spec.links)
    return replace(spec, links=tuple(links))


def _without_node(spec: LabSpec, gone: NodeId) -> LabSpec:
    return LabSpec(
        nodes=tuple(it for it in spec.nodes if it.id != gone),
        links=tuple(it for it in spec.links if gone not in (it.a.node, it.b.node)),
    )


def _described(shape: LinkShape) -> str:
    if shape == PLAIN:
        return "as fast as the host"
    said = [
        f"{shape.rate_bps / 1e6:g} Mbit/s" if shape.rate_bps is not None else "",
        f"{shape.delay_s * 1e3:g} ms" if shape.delay_s else "",
        f"{shape.loss_ratio:.1%} loss" if shape.loss_ratio else "",
    ]
    return "at " + ", ".join(it for it in said if it)
