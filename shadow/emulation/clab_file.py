"""Reading `*.clab.yml`, also those that others wrote: kind `linux` in full, the rest by its name.

Everything a node inherits is worked out, most specific first: node, group, kind, defaults. What
would make the lab another one than its author meant is refused with its line; what has no
counterpart here and changes nothing inside the nodes is left out and listed in `ClabLab.ignored`.
Source: containerlab.dev/manual/topo-def-file, /manual/nodes and /manual/kinds/linux.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from foreshadow.document import parse_document, refusal
from foreshadow.errors import ConfigError
from shadow.emulation.clab import LINUX, ClabEnd, ClabLab, ClabLink, ClabNode
from shadow.emulation.clab_variables import Place, expand

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Scalar = str | int | float | bool

_IGNORED = {
    "aliases": "names in the management network",
    "auto-remove": "our containers are always removed",
    "certificate": "no node's certificate is made",
    "config": "for containerlab's configuration engine",
    "cap-add": "every node is privileged",
    "cpu": "no limits",
    "cpu-set": "no limits",
    "credentials": "nobody logs in",
    "dns": "there is no management network",
    "healthcheck": "not asked for",
    "image-pull-policy": "images are never fetched",
    "memory": "no limits",
    "mgmt-ipv4": "there is no management network",
    "mgmt-ipv6": "there is no management network",
    "ports": "there is no management network",
    "restart-policy": "a node that ends is not started again",
    "startup-delay": "all start together",
}
"""What changes nothing inside a node, or nothing that a lab here has."""

_IMPORT = "__IMPORT_ENVS"
"""In a node's `env`: take over whatever the author's shell had."""

_ONLY_CABLES = "only veth cables between two nodes are laid here"
_SPECIAL = {
    "host": "a cable to the host",
    "mgmt-net": "a cable to the management network",
    "macvlan": "a cable to an interface of the host's",
    "vxlan": "a tunnel to elsewhere",
    "vxlan-stitch": "a tunnel to elsewhere",
    "dummy": "an interface without another end",
    "veth-stitch": "a cable through the host",
}


def _dashed(field: str) -> str:
    return field.replace("_", "-")


class _Settings(BaseModel):
    """What can be said of a node at any of the four levels."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=_dashed)

    kind: str | None = None
    group: str | None = None
    image: str | None = None
    startup_config: str | None = None
    binds: tuple[str, ...] = ()
    env: dict[str, Scalar] = {}
    exec_commands: tuple[str, ...] = Field(default=(), alias="exec")
    cmd: str | None = None
    entrypoint: str | None = None
    user: str | int | None = None
    sysctls: dict[str, Scalar] = {}
    labels: dict[str, Scalar] = {}
    network_mode: str | None = None
    privileged: Literal[True] | None = None


class _Endpoint(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    node: Name
    interface: str
    vars: dict[str, Any] = {}


class _Link(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    type: str = "veth"
    endpoints: tuple[str | _Endpoint, ...] = ()
    mtu: int | None = Field(default=None, ge=68, le=65535)


class _Topology(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    defaults: _Settings = _Settings()
    kinds: dict[str, _Settings | None] = {}
    groups: dict[str, _Settings | None] = {}
    nodes: dict[Name, _Settings | None] = Field(min_length=1)
    links: tuple[_Link, ...] = ()


class _ClabFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Name
    prefix: str | None = None
    mgmt: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    debug: dict[str, Any] | None = None
    topology: _Topology


class _Said(NamedTuple):
    """Settings of one level and where in the file they are."""

    where: tuple[str, ...]
    settings: _Settings


class _Document(NamedTuple):
    """The file, for errors that point into it."""

    text: str
    path: Path

    def refuse(self, location: Sequence[str | int], reason: str) -> ConfigError:
        return refusal(self.text, location, reason, path=self.path)


def read_lab(path: Path, *, environment: Mapping[str, str]) -> ClabLab:
    """The lab a file describes.

    Args:
        path: The `*.clab.yml`.
        environment: What `${VARIABLE}` in it stands for.

    Raises:
        ConfigError: It cannot be read, is none, or has what cannot be run here; names the line.
    """
    try:
        raw = path.read_text()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not text; a lab file is YAML in UTF-8", path=path) from error
    text = expand(raw, environment)
    file = parse_document(text, _ClabFile, path=path)
    document = _Document(text, path)
    ignored: list[str] = []
    nodes = tuple(_node(document, file, name, ignored) for name in file.topology.nodes)
    links = tuple(_links(document, file.topology, ignored))
    return ClabLab(
        name=file.name, prefix=file.prefix, nodes=nodes, links=links, ignored=tuple(ignored)
    )


def _node(document: _Document, file: _ClabFile, name: str, ignored: list[str]) -> ClabNode:
    levels = _levels(document, file.topology, name)
    kind = next((it.settings.kind for it in levels if it.settings.kind), None)
    if kind != LINUX:
        where = next((it.where for it in levels if it.settings.kind), ("topology", "nodes", name))
        location = (*where, "kind") if kind else where
        said = f"is of kind {kind}" if kind else "has no kind"
        raise document.refuse(location, f"node {name} {said}: only kind {LINUX} runs here")
    image = next((it.settings.image for it in levels if it.settings.image), None)
    if image is None:
        raise document.refuse(("topology", "nodes", name), f"node {name} has no image; add one")
    for level in levels:
        ignored.extend(_strange(document, name, level))
    first = {
        field: next((said for it in levels if (said := getattr(it.settings, field))), None)
        for field in ("cmd", "entrypoint", "user", "network_mode", "startup_config")
    }
    if first["network_mode"] not in (None, "none"):
        where = next(it.where for it in levels if it.settings.network_mode)
        reason = f"node {name} shares the network of {first['network_mode']}: only `none` runs here"
        raise document.refuse((*where, "network-mode"), reason)
    place = Place(document.path.absolute().parent, lab=file.name, node=name)
    general_first = tuple(reversed(levels))
    return ClabNode(
        name=name,
        image=image,
        binds=_binds(place, general_first),
        environment=_merged(general_first, "env"),
        exec_commands=tuple(
            dict.fromkeys(
                place.filled(command)
                for it in general_first
                for command in it.settings.exec_commands
            )
        ),
        command=first["cmd"],
        entrypoint=first["entrypoint"],
        user=None if first["user"] is None else str(first["user"]),
        sysctls=_merged(general_first, "sysctls"),
        labels=_merged(general_first, "labels"),
        startup_config=_startup(document, place, levels),
        network_mode=first["network_mode"],
    )


def _levels(document: _Document, topology: _Topology, name: str) -> tuple[_Said, ...]:
    """What applies to a node, the most specific first."""
    own = _Said(("topology", "nodes", name), topology.nodes[name] or _Settings())
    found = [own]
    group = own.settings.group
    if group is not None:
        if group not in topology.groups:
            raise document.refuse((*own.where, "group"), f"there is no group {group!r}")
        found.append(_Said(("topology", "groups", group), topology.groups[group] or _Settings()))
    general = _Said(("topology", "defaults"), topology.defaults)
    kind = next((it.settings.kind for it in (*found, general) if it.settings.kind), None)
    if kind in topology.kinds:
        found.append(_Said(("topology", "kinds", kind), topology.kinds[kind] or _Settings()))
    return (*found, general)


def _strange(document: _Document, name: str, level: _Said) -> list[str]:
    """Settings we do not carry out: those that matter are refused, the others named."""
    left_out: list[str] = []
    if _IMPORT in level.settings.env:
        raise document.refuse((*level.where, "env"), f"node {name}: {_IMPORT} is not carried out")
    for key, value in (level.settings.model_extra or {}).items():
        if key not in _IGNORED:
            reason = f"node {name}: {key} ({value!r}) is not carried out here; remove it"
            raise document.refuse((*level.where, key), reason)
        left_out.append(f"{name}: {key}: {_IGNORED[key]}")
    return left_out


def _commands(place: Place, levels: Sequence[_Said]) -> tuple[str, ...]:
    """Every level's, each once."""
    commands = (command for it in levels for command in it.settings.exec_commands)
    return tuple(dict.fromkeys(map(place.filled, commands)))


def _merged(levels: Sequence[_Said], field: str) -> dict[str, str]:
    said: dict[str, str] = {}
    for level in levels:
        said |= {name: _text(value) for name, value in getattr(level.settings, field).items()}
    return said


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _binds(place: Place, levels: Sequence[_Said]) -> tuple[str, ...]:
    """Each destination once, the most specific level's."""
    found: dict[str, str] = {}
    for level in levels:
        for bind in level.settings.binds:
            source, _, rest = bind.partition(":")
            target = rest.partition(":")[0] or source
            found[target] = f"{place.path(source)}:{place.filled(rest or source)}"
    return tuple(found.values())


def _startup(document: _Document, place: Place, levels: Sequence[_Said]) -> Path | None:
    level = next((it for it in levels if it.settings.startup_config), None)
    if level is None or level.settings.startup_config is None:
        return None
    said = level.settings.startup_config
    path = place.path(said)
    if "\n" in said or not path.is_file():
        what = "an embedded configuration" if "\n" in said else f"{said!r}, which is no file here,"
        reason = f"node {place.node}: {what} cannot be its startup-config; put it into a file"
        raise document.refuse((*level.where, "startup-config"), reason)
    return path


def _links(document: _Document, topology: _Topology, ignored: list[str]) -> Iterator[ClabLink]:
    taken: set[ClabEnd] = set()
    for number, link in enumerate(topology.links):
        where = ("topology", "links", number)
        if link.type != "veth":
            reason = (
                f"a link of type {link.type} is {_SPECIAL.get(link.type, 'unknown')}: only veth"
            )
            raise document.refuse((*where, "type"), f"{reason} cables between two nodes are laid")
        if len(link.endpoints) != len(("a", "b")):
            reason = f"a link has two endpoints, this one {len(link.endpoints)}"
            raise document.refuse((*where, "endpoints"), reason)
        ends = [
            _end(document, (*where, "endpoints", place), said, topology)
            for place, said in enumerate(link.endpoints)
        ]
        for place, end in enumerate(ends):
            if end in taken:
                raise document.refuse((*where, "endpoints", place), f"{end} is taken")
            taken.add(end)
        for key in link.model_extra or {}:
            if key not in ("vars", "labels"):
                raise document.refuse(
                    (*where, key), f"{key} of a link is not carried out here; remove it"
                )
            ignored.append(f"{ends[0]} - {ends[1]}: {key}: for templates and listings")
        yield ClabLink(a=ends[0], b=ends[1], mtu_bytes=link.mtu)


def _end(
    document: _Document, where: Sequence[str | int], said: str | _Endpoint, topology: _Topology
) -> ClabEnd:
    if isinstance(said, str):
        node, colon, interface = said.partition(":")
        if not colon:
            raise document.refuse(where, f"{said!r} is no endpoint; expected NODE:INTERFACE")
    else:
        node, interface = said.node, said.interface
        for key in said.model_extra or {}:
            reason = f"{key} of an endpoint is not carried out here; remove it"
            raise document.refuse((*where, key), reason)
    if node in _SPECIAL and node not in topology.nodes:
        reason = f"{node} makes {_SPECIAL[node]}: {_ONLY_CABLES}"
        raise document.refuse(where, reason)
    if node not in topology.nodes:
        raise document.refuse(where, f"there is no node {node!r}")
    if not _INTERFACE.fullmatch(interface):
        reason = f"{interface!r} cannot name an interface (1 to 15 characters, no space, no slash)"
        raise document.refuse(where, reason)
    return ClabEnd(node=node, interface=interface)


_INTERFACE = re.compile(r"[^\s/:]{1,15}")
