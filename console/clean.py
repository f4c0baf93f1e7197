"""Removing what a run left on the host, by its id alone, so that it works after SIGKILL too.

A run leaves six kinds of things, and every one carries its id:

    containers   <run_id>-<lab>-<node>, where routers run in them
    processes    in one of its namespaces, or with FORESHADOW_RUN_ID in their environment
    namespaces   /run/netns/<run_id>-<lab>-<node>
    interfaces   of the host itself, where a lab was killed between making a cable and laying it
    topics       <run_id>.*, on a broker that the user gave; any other broker is a process
    files        the run's directory, FRR's sockets and log buffers, per-namespace settings
"""

import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from console import topics
from console.broker import BROKER_FILE, BrokerKind, BrokerRecord
from console.ownership import REGISTRY, Run, find_runs, is_run_id, release_run
from console.processes import end, others, processes_of
from foreshadow.clock import Clock
from foreshadow.codec import from_json
from foreshadow.errors import BrokerUnreachable, ConfigError
from foreshadow.settings import BrokerSecurity, BusSettings
from frr.log_buffer import remove_log_buffers
from shadow.emulation.cleanup import remove_run as remove_labs
from shadow.emulation.engine_socket import OWN_ENGINE, is_there

_NAMESPACES = Path("/run/netns")
_INTERFACES = Path("/sys/class/net")
_PER_NAMESPACE_FILES = (Path("/etc/frr"), Path("/etc/netns"))
_PLAIN = BrokerSecurity()
_ENGINE_SCRIPT = Path(__file__).resolve().parents[1] / "containerlab" / "engine.sh"
_OWNER_STOPS_S = 20.0
"""What a live owner gets to clear up by itself before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What was removed of one run."""

    run_id: str
    containers: int = 0
    processes: int = 0
    namespaces: int = 0
    interfaces: int = 0
    topics: int = 0
    files: int = 0
    complaint: str = ""
    """What could not be removed, and why."""

    def __str__(self) -> str:
        """`fs3fa9c1: 12 namespaces, 49 processes removed`."""
        counts = {
            "containers": self.containers,
            "processes": self.processes,
            "namespaces": self.namespaces,
            "interfaces": self.interfaces,
            "topics": self.topics,
            "files and directories": self.files,
        }
        parts = [f"{count} {name}" for name, count in counts.items() if count]
        return f"{self.run_id}: {', '.join(parts) or 'nothing'} removed" + (
            f"; {self.complaint}" if self.complaint else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What one `foreshadow clean` did and what it left alone."""

    removed: tuple[Removal, ...] = ()
    live: tuple[str, ...] = ()
    """Runs whose owner still runs."""
    kept: tuple[str, ...] = ()
    """Labs that stay until they are taken down."""
    unclaimed: tuple[str, ...] = ()
    """Ids seen on namespaces that no owner's record belongs to."""
    is_engine_stopped: bool = False
    """The container engine of `make setup-containerlab` was ended."""

    def __str__(self) -> str:
        """One line for each run, and how to remove what was left alone."""
        lines = [str(removal) for removal in self.removed]
        lines += [f"{run_id}: live, left alone" for run_id in self.live]
        lines += [
            f"{run_id}: a lab that stays, left alone; `foreshadow lab down` removes it"
            for run_id in self.kept
        ]
        lines += [
            f"{run_id}: its owner is not known, left alone; `foreshadow clean {run_id}` removes it"
            for run_id in self.unclaimed
        ]
        if self.is_engine_stopped:
            lines.append("the container engine: stopped; `make setup-containerlab` starts it again")
        return "\n".join(lines or ["nothing to clean"])


def clean(  # noqa: PLR0913 - each says how one kind of thing is reached
    root: Path,
    *,
    clock: Clock,
    run_id: str | None = None,
    is_everything: bool = False,
    registry: Path = REGISTRY,
    engine: str = OWN_ENGINE,
    security: BrokerSecurity = _PLAIN,
) -> Cleaning:
    """Remove dead runs; with `run_id` that one alone, with `is_everything` live ones too.

    The container engine that we started ends with everything.

    Raises:
        ConfigError: `run_id` is no run id.
    """
    if run_id is not None and not is_run_id(run_id):
        raise ConfigError(f"{run_id!r} is no run id; one looks like fs3fa9c1", field="RUN_ID")
    known = {run.run_id: run for run in find_runs(root, registry=registry)}
    live = tuple(name for name, run in known.items() if run.is_live())
    kept = tuple(name for name in live if known[name].is_kept())
    unclaimed = tuple(name for name in _ids_on_host() if name not in known)
    doomed = choose(
        known, live=live, unclaimed=unclaimed, run_id=run_id, is_everything=is_everything
    )
    removed = tuple(
        remove_run(
            known.get(name) or Run(run_id=name, directory=root / name),
            clock=clock,
            registry=registry,
            engine=engine,
            security=security,
        )
        for name in sorted(doomed)
    )
    return Cleaning(
        removed=removed,
        live=tuple(name for name in live if name not in doomed and name not in kept),
        kept=tuple(name for name in kept if name not in doomed),
        unclaimed=tuple(name for name in unclaimed if name not in doomed),
        is_engine_stopped=is_everything and _stop_engine(),
    )


def choose(
    known: Iterable[str],
    *,
    live: Iterable[str],
    unclaimed: Iterable[str],
    run_id: str | None,
    is_everything: bool,
) -> frozenset[str]:
    """Which runs to remove: the one that is named, or all, or the dead ones whose owner we know."""
    if run_id is not None:
        return frozenset({run_id})
    if is_everything:
        return frozenset({*known, *unclaimed})
    return frozenset(known) - frozenset(live)


def remove_run(
    run: Run,
    *,
    clock: Clock,
    registry: Path = REGISTRY,
    engine: str = OWN_ENGINE,
    security: BrokerSecurity = _PLAIN,
) -> Removal:
    """Remove everything of one run; the caller itself is spared if it belongs to the run."""
    owner = run.owner()
    stopped = 0
    if owner is not None:
        # Asked first, so that it can take its routers down in order and end its report.
        stopped = end(others([owner.process]), clock=clock, grace_s=_OWNER_STOPS_S)
    deleted_topics, complaint = _delete_topics(run, security)
    # The house before the labs: a process that keeps a lab would otherwise mend it meanwhile.
    housed = processes_of(run.run_id, ())
    stopped += end(housed, clock=clock)
    # Among them are the shadow's daemons, which inherit the id: SIGKILL leaves their log buffers.
    remove_log_buffers(mark.pid for mark in housed)
    labs = remove_labs(run.run_id, engine=engine)
    removal = Removal(
        run_id=run.run_id,
        containers=len(labs.containers),
        processes=stopped + len(labs.processes),
        namespaces=len(labs.namespaces),
        interfaces=_delete_interfaces(run.run_id),
        topics=deleted_topics,
        files=len(labs.directories) + _remove_files(run),
        complaint=complaint,
    )
    release_run(run, registry=registry)
    return removal


def _stop_engine() -> bool:
    """End the engine that `make setup-containerlab` started; whether there was one to end."""
    if not is_there(OWN_ENGINE) or not _ENGINE_SCRIPT.is_file():
        return False
    done = subprocess.run([str(_ENGINE_SCRIPT), "stop"], check=False, capture_output=True)
    return done.returncode == 0


def _delete_topics(run: Run, security: BrokerSecurity) -> tuple[int, str]:
    with suppress(OSError, msgspec.DecodeError):
        record = from_json((run.directory / BROKER_FILE).read_bytes(), BrokerRecord)
        if record.kind is BrokerKind.GIVEN:
            try:
                bus = BusSettings(bootstrap=record.bootstrap, security=security)
                return len(topics.delete_topics(bus, run.run_id)), ""
            except BrokerUnreachable as exc:
                return 0, f"its topics may remain: {exc}"
    return 0, ""


def _delete_interfaces(run_id: str) -> int:
    commands = [("ip", "link", "del", path.name) for path in _named(_INTERFACES, run_id)]
    return sum(
        subprocess.run(command, check=False, capture_output=True).returncode == 0
        for command in commands
    )


def _remove_files(run: Run) -> int:
    found = [path for place in _PER_NAMESPACE_FILES for path in _named(place, run.run_id)]
    if run.directory.is_dir():
        found.append(run.directory)
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return len(found)


def _named(place: Path, run_id: str) -> list[Path]:
    """What has the run's id at the head of its name."""
    return sorted(place.glob(f"{run_id}*")) if place.is_dir() else []


def _ids_on_host() -> list[str]:
    heads = {path.name.partition("-")[0] for path in _NAMESPACES.glob("fs*-*")}
    return sorted(head for head in heads if is_run_id(head))
