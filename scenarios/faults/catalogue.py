"""Every fault there is: its name in a scenario, its parameters, its form on paper.

The union is closed: a plan or a journal that names a kind this version does not know is refused.
On paper a fault is one JSON object with its kind and the version of that kind in one word:

    {"kind":"link-down.v1","link":"CHINng-NYCMng"}
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from foreshadow.codec import dec_hook, to_json
from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix, SrlgId
from scenarios.faults.cost_changed import CostChanged
from scenarios.faults.daemon_crash import DaemonCrash
from scenarios.faults.ddos import Ddos
from scenarios.faults.demand_surge import DemandSurge
from scenarios.faults.drained import Drained
from scenarios.faults.link_degrade import LinkDegrade
from scenarios.faults.link_down import LinkDown
from scenarios.faults.link_flap import LinkFlap
from scenarios.faults.link_silent import LinkSilent
from scenarios.faults.max_prefix_hit import MaxPrefixHit
from scenarios.faults.mtu_mismatch import MtuMismatch
from scenarios.faults.node_down import NodeDown
from scenarios.faults.node_frozen import NodeFrozen
from scenarios.faults.node_restart import NodeRestart
from scenarios.faults.overloaded import Overloaded
from scenarios.faults.partition import Partition
from scenarios.faults.prefix_hijacked import PrefixHijacked
from scenarios.faults.prefix_withdrawn import PrefixWithdrawn
from scenarios.faults.route_leaked import RouteLeaked
from scenarios.faults.session_down import SessionDown
from scenarios.faults.session_reset import SessionReset
from scenarios.faults.srlg_cut import SrlgCut
from scenarios.faults.timer_mismatch import TimerMismatch

NetworkFault = (
    LinkDown
    | LinkSilent
    | LinkFlap
    | LinkDegrade
    | NodeDown
    | NodeFrozen
    | DaemonCrash
    | NodeRestart
    | SrlgCut
    | Partition
    | SessionReset
    | SessionDown
    | PrefixWithdrawn
    | PrefixHijacked
    | RouteLeaked
    | MaxPrefixHit
    | CostChanged
    | Overloaded
    | TimerMismatch
    | MtuMismatch
    | Drained
)
"""What breaks something in the lab."""

TrafficFault = DemandSurge | Ddos
"""What changes the traffic offered to it."""

AnyFault = NetworkFault | TrafficFault


class Target(StrEnum):
    """What a parameter names in the network, for those who let it be selected."""

    LINK = "link"
    NODE = "node"
    PREFIX = "prefix"
    SRLG = "srlg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing to say about a fault of a kind.

    Attributes:
        name: As a scenario file has it.
        schema: JSON Schema of its value, with description and default.
        target: What it names in the network; None for a number or a word.
        is_many: It takes a list of them.
        is_required: There is no default.
    """

    name: str
    schema: Mapping[str, Any]
    target: Target | None
    is_many: bool
    is_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One kind of fault.

    Attributes:
        name: As a scenario file has it: `link-down`.
        summary: What happens, one sentence.
        undoing: How it is taken back, as an imperative.
        is_demand: It changes the offered traffic, nothing in the lab.
        parameters: In the order of the fault's fields.
    """

    name: str
    summary: str
    undoing: str
    is_demand: bool
    parameters: tuple[Parameter, ...]


def kinds() -> tuple[FaultKind, ...]:
    """Every kind of fault, in the order of the catalogue."""
    return tuple(_kind(fault_type) for fault_type in _TYPES.values())


def kind_named(name: str) -> FaultKind:
    """The kind of that name.

    Raises:
        ConfigError: There is none; says which is meant.
    """
    return _kind(_type_named(name))


def kind_of(fault: AnyFault) -> str:
    """The name of a fault's kind: `link-down`."""
    return _name(type(fault))


def make(name: str, parameters: Mapping[str, object]) -> AnyFault:
    """The fault of a kind with the parameters a scenario gives.

    Raises:
        ConfigError: An unknown kind or parameter, a missing or unfit one; `field` names it.
    """
    fault_type = _type_named(name)
    known = [field.name for field in msgspec.structs.fields(fault_type)]
    for given in parameters:
        if given not in known:
            raise ConfigError(
                f"{name} has no parameter {given!r}{_meant(given, known)}; "
                f"it has {', '.join(known)}",
                field=given,
            )
    try:
        fault: AnyFault = msgspec.convert(
            {"kind": _tag(fault_type), **parameters}, fault_type, dec_hook=dec_hook
        )
    except (msgspec.ValidationError, ValueError) as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ConfigError(f"{name}: {what}", field=where.rstrip("`") or None) from error
    return fault


def encode(fault: AnyFault) -> str:
    """A fault on paper: one line of JSON."""
    return to_json(fault).decode()


def decode(text: str | bytes) -> AnyFault:
    """The fault that `encode` wrote.

    Raises:
        msgspec.DecodeError: Not JSON.
        msgspec.ValidationError: No fault this version knows.
    """
    fault: AnyFault = _decoder.decode(text)
    return fault


def describe(fault: AnyFault) -> str:
    """A fault in a sentence for people: its name, and what that means."""
    return f"{fault.name}: {_summary(type(fault))}"


def links(fault: AnyFault) -> tuple[LinkId, ...]:
    """The links a fault names."""
    return tuple(LinkId(link) for link in _named(fault, Target.LINK))


def nodes(fault: AnyFault) -> tuple[NodeId, ...]:
    """The routers a fault names."""
    return tuple(NodeId(node) for node in _named(fault, Target.NODE))


def prefixes(fault: AnyFault) -> tuple[Prefix, ...]:
    """The prefixes a fault names."""
    return tuple(Prefix(prefix) for prefix in _named(fault, Target.PREFIX))


_TARGETS: Mapping[object, Target] = {
    LinkId: Target.LINK,
    NodeId: Target.NODE,
    Prefix: Target.PREFIX,
    SrlgId: Target.SRLG,
}


def _tag(fault_type: type[AnyFault]) -> str:
    return str(fault_type.__struct_config__.tag)


def _name(fault_type: type[AnyFault]) -> str:
    return _tag(fault_type).partition(".")[0]


_TYPES: Mapping[str, type[AnyFault]] = {_name(it): it for it in get_args(AnyFault)}
_decoder = msgspec.json.Decoder(AnyFault, dec_hook=dec_hook)


def _type_named(name: str) -> type[AnyFault]:
    if name not in _TYPES:
        raise ConfigError(
            f"there is no fault {name!r}{_meant(name, _TYPES)}; there are {', '.join(_TYPES)}"
        )
    return _TYPES[name]


def _meant(given: str, known: Mapping[str, object] | list[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _summary(fault_type: type[AnyFault]) -> str:
    return (fault_type.__doc__ or "").partition("\n")[0]


def _kind(fault_type: type[AnyFault]) -> FaultKind:
    return FaultKind(
        name=_name(fault_type),
        summary=_summary(fault_type),
        undoing=fault_type.undoing,
        is_demand=fault_type in get_args(TrafficFault),
        parameters=tuple(_parameters(fault_type)),
    )


def _parameters(fault_type: type[AnyFault]) -> Iterator[Parameter]:
    schemas = msgspec.json.schema(fault_type, schema_hook=_prefix_schema)
    properties = schemas["$defs"][fault_type.__name__]["properties"]
    targets = dict(_target_fields(fault_type))
    for field in msgspec.structs.fields(fault_type):
        target, is_many = targets.get(field.name, (None, False))
        yield Parameter(
            name=field.name,
            schema=_inlined(properties[field.name], schemas["$defs"]),
            target=target,
            is_many=is_many,
            is_required=field.required,
        )


def _prefix_schema(wanted: type) -> dict[str, Any]:
    if wanted is Prefix:
        return {"type": "string", "pattern": r"^\d+\.\d+\.\d+\.\d+/\d+$"}
    raise NotImplementedError(f"no schema for {wanted.__name__}")


def _inlined(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that stands alone: a reference replaced by what it refers to."""
    reference = schema.get("$ref") or next(
        (part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), None
    )
    if reference is None:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    return {**definitions[reference.rpartition("/")[2]], **rest}


def _target_fields(fault_type: type[AnyFault]) -> Iterator[tuple[str, tuple[Target, bool]]]:
    for name, hint in get_type_hints(fault_type).items():
        element = get_args(hint)[0] if get_origin(hint) is tuple else hint
        inner = [it for it in (element, *get_args(element)) if it in _TARGETS]
        if inner:
            yield name, (_TARGETS[inner[0]], get_origin(hint) is tuple)


def _named(fault: AnyFault, wanted: Target) -> Iterator[str]:
    for name, (target, is_many) in _target_fields(type(fault)):
        value = getattr(fault, name)
        if target is wanted and value is not None:
            yield from map(str, value if is_many else (value,))
