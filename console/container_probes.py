"""What this host has of the shadow's `containerlab` backend; all else does without it."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from console.finding import Finding, Standing, Wish, first_line
from foreshadow.errors import EnvironmentUnfit
from shadow.emulation.engine_socket import is_there

_SETUP = "make setup-containerlab"
_CAP_SYS_RESOURCE = 24
"""capabilities(7): going beyond resource limits; the engine asks for it, some hosts withhold it."""


def withholds_sys_resource(status: str) -> bool:
    """Whether a process cannot have CAP_SYS_RESOURCE, by its `/proc/<pid>/status`."""
    bounding = next(
        (line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), "0"
    )
    return not int(bounding, 16) >> _CAP_SYS_RESOURCE & 1


def _without(wish: Wish) -> Standing:
    """How grave it is that routers cannot be containers."""
    return Standing.UNFIT if wish.needs_containers else Standing.LIMITED


def _engine(wish: Wish) -> Finding:
    where = wish.engine.removeprefix("unix://")
    if not is_there(wish.engine):
        return Finding(_without(wish), f"nothing listens at {where}: no containers", _SETUP)
    # The engine's client takes half a second to load, which only those who have one pay.
    from shadow.emulation.engine import Engine  # noqa: PLC0415

    try:
        with closing(Engine(wish.engine)) as engine:
            return Finding(Standing.FIT, f"version {engine.version()} at {where}")
    except EnvironmentUnfit as exc:
        return Finding(_without(wish), str(exc), _SETUP)


def _image(wish: Wish) -> Finding:
    if not is_there(wish.engine):
        return Finding(_without(wish), "not looked for without an engine", _SETUP)
    from shadow.emulation.engine import IMAGE, Engine  # noqa: PLC0415 - see _engine

    try:
        with closing(Engine(wish.engine)) as engine:
            if engine.has_image(IMAGE):
                return Finding(Standing.FIT, f"{IMAGE}, made here of Debian's packages")
    except EnvironmentUnfit as exc:
        return Finding(_without(wish), str(exc), _SETUP)
    return Finding(_without(wish), f"the engine has no {IMAGE}", _SETUP)


def _runtime(wish: Wish) -> Finding:
    if shutil.which("runc") is None:
        return Finding(_without(wish), "no runc", f"{_SETUP} (package runc)")
    if not withholds_sys_resource(Path("/proc/self/status").read_text()):
        return Finding(Standing.FIT, first_line("runc", "--version"))
    if shutil.which("jq") is None:
        found = "this host withholds CAP_SYS_RESOURCE, and without jq no container starts"
        return Finding(_without(wish), found, f"{_SETUP} (package jq)")
    found = "containers start without CAP_SYS_RESOURCE, which this host withholds from root"
    return Finding(Standing.FIT, found)


def _containerlab(_: Wish) -> Finding:
    found = shutil.which("containerlab")
    if found is None:
        return Finding(Standing.FIT, "not here; labs are deployed through the engine itself")
    return Finding(Standing.FIT, f"{found} deploys and destroys")


CONTAINER_PROBES: Mapping[str, Callable[[Wish], Finding]] = {
    "container engine": _engine,
    "routers' image": _image,
    "container runtime": _runtime,
    "containerlab": _containerlab,
}
"""By the name people read; in the order of what needs what."""
