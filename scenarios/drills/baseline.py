"""What a lab was before anything was broken, and what is different from it afterwards."""

import gzip
import hashlib
import os
from dataclasses import dataclass, fields
from difflib import unified_diff
from pathlib import Path

from foreshadow.codec import from_json, to_json
from foreshadow.routing import rib_digest
from foreshadow.topology import NodeId
from shadow.emulation.emulator import Emulator, KernelState

_SHOWN_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterBaseline:
    """One router: what its kernel, its process table and its configuration held."""

    router: NodeId
    kernel: KernelState
    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A whole lab at rest.

    Attributes:
        routers: In the order of the lab; other networks' routers too.
        rib_digest: Over our own routers' best paths.
    """

    routers: tuple[RouterBaseline, ...]
    rib_digest: str

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 per router over its configuration, for evidence."""
        return {
            each.router: hashlib.sha256(each.config.encode()).hexdigest() for each in self.routers
        }


def take(lab: Emulator) -> Baseline:
    """What the lab is now."""
    return Baseline(
        routers=tuple(
            RouterBaseline(
                router=node.id,
                kernel=lab.kernel_state(node.id),
                config=lab.running_config(node.id),
            )
            for node in lab.spec.nodes
        ),
        rib_digest=rib_digest(lab.loc_ribs()),
    )


def differences(before: Baseline, after: Baseline) -> tuple[str, ...]:
    """What is not as it was, one sentence a router and kind; nothing when all is."""
    then = {each.router: each for each in before.routers}
    now = {each.router: each for each in after.routers}
    said = [f"{router} was there before" for router in then.keys() - now.keys()]
    said += [f"{router} was not there before" for router in now.keys() - then.keys()]
    for router, old in then.items():
        if (new := now.get(router)) is None:
            continue
        for part in fields(KernelState):
            lines = getattr(old.kernel, part.name), getattr(new.kernel, part.name)
            if lines[0] != lines[1]:
                said.append(f"{router}'s {part.name} differ: {_changed(*lines)}")
        if old.config != new.config:
            changed = _changed(tuple(old.config.splitlines()), tuple(new.config.splitlines()))
            said.append(f"{router}'s configuration differs: {changed}")
    if before.rib_digest != after.rib_digest:
        said.append("the routers' best paths are not those of before")
    return tuple(said)


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Keep it in a file, whole or not at all, and safely on disk."""
    beside = path.with_name(f".{path.name}")
    with beside.open("wb") as file:
        file.write(gzip.compress(to_json(baseline), mtime=0))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read_baseline(path: Path) -> Baseline:
    """What `write_baseline` kept.

    Raises:
        OSError: The file is not there.
        msgspec.DecodeError: It is not one.
    """
    return from_json(gzip.decompress(path.read_bytes()), Baseline)


def _changed(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    lines = [
        line.rstrip()
        for line in unified_diff(old, new, n=0, lineterm="")
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    more = f" and {len(lines) - _SHOWN_LINES} more" if len(lines) > _SHOWN_LINES else ""
    return "; ".join(lines[:_SHOWN_LINES]) + more
