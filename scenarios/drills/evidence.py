"""The evidence of a drill: everything its verdict rests on, in one folder, sealed by a hash.

    evidence.json       what it is, and the SHA-256 of each file; its own hash seals both
    experiment.json     what was asked: plan, demand, seed, limits
    lab.json.gz         the lab: every router's configuration, every cable
    topology.json       the network: capacities, metrics, delays, risk groups
    result.json.gz      the answer: verdict, findings, and each phase's tables and loads
    timeline.jsonl      what happened when
    windows.json        which faults were in force when, and how the tables came to rest
    probes.npz          every probe: when it was sent, whether it arrived
    changes.json.gz     every change of any router's forwarding table, and when
    baseline.json.gz    kernels, processes and configurations before anything was broken
    journal.jsonl       intents and outcomes, as a recovery would have read them

Experiment, lab and topology are all that a replay needs.
"""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError
from foreshadow.experiment import CheckFinding, Convergence, Experiment, ExperimentResult
from foreshadow.topology import NodeId, Topology
from scenarios.drills.drill_story import Event
from scenarios.drills.measurement import Measurement
from shadow.emulation.lab import LabSpec
from shadow.host_watch import HostLoad

EVIDENCE_FILE = "evidence.json"
EVIDENCE_VERSION = 1
_EXPERIMENT, _LAB, _TOPOLOGY = "experiment.json", "lab.json.gz", "topology.json"
_RESULT, _TIMELINE, _PROBES = "result.json.gz", "timeline.jsonl", "probes.npz"
_CHANGES, _WINDOWS = "changes.json.gz", "windows.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """One route of a router's forwarding table that came, changed or went."""

    at_s: float
    """Seconds from the drill's beginning."""
    router: NodeId
    prefix: str
    is_removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTold:
    """A stretch with the same faults in force, in seconds from the drill's beginning.

    Attributes:
        phase: Of the result, read in it; "" where the next change came before the tables rested.
    """

    faults: tuple[int, ...]
    from_s: float
    to_s: float
    settled_ms: float
    phase: str
    offered_bps: float
    dead: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFigures:
    """The machine a drill ran on, and how busy it was.

    Attributes:
        kernel: `uname -r`.
        frr: What the routers say they are.
        cpus: Cores.
        during: What the host did while the drill ran.
    """

    kernel: str
    frr: str
    cpus: int
    during: HostLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a bundle is, and what seals it.

    Attributes:
        topology_version: SHA-256 of the network the drill was planned for.
        lab_sha256: SHA-256 of the lab it ran on.
        vector: Production's state the lab was levelled to.
        config_digests: SHA-256 of each router's running configuration before anything was broken.
        convergence: Both meters.
        files: SHA-256 of each file of the bundle.
        sha256: Over everything above.
    """

    version: int
    drill: str
    scenario: str
    scenario_sha256: str
    plan_sha256: str
    seed: int
    verdict: str
    reasons: tuple[str, ...]
    findings: tuple[CheckFinding, ...]
    convergence: Convergence | None
    began_at: datetime
    took_s: float
    undo_verified: bool
    topology_version: str
    lab_sha256: str
    vector: tuple[tuple[NodeId, str, int, int], ...]
    config_digests: Mapping[str, str]
    host: HostFigures
    files: Mapping[str, str]
    sha256: str = ""

    def seal(self) -> str:
        """The hash that the content demands."""
        return hashlib.sha256(to_json(replace(self, sha256=""))).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An evidence folder, read back."""

    folder: Path
    evidence: Evidence
    experiment: Experiment
    topology: Topology
    lab: LabSpec
    result: ExperimentResult
    timeline: tuple[Event, ...]
    trails: Sequence[tuple[str, np.ndarray, np.ndarray]]
    """Per watched way: its name, when each probe was sent (seconds from the beginning), whether
    it arrived."""
    changes: tuple[TableChange, ...]


def write_parts(  # noqa: PLR0913 - what a bundle consists of
    folder: Path,
    *,
    experiment: Experiment,
    topology: Topology,
    lab: LabSpec,
    result: ExperimentResult,
    timeline: Sequence[Event],
    measurement: Measurement,
    began_s: float,
) -> None:
    """Write everything but the seal."""
    (folder / _EXPERIMENT).write_bytes(to_json(experiment))
    (folder / _LAB).write_bytes(_packed(to_json(lab)))
    (folder / _TOPOLOGY).write_bytes(to_json(topology))
    (folder / _RESULT).write_bytes(_packed(to_json(result)))
    (folder / _TIMELINE).write_bytes(b"".join(to_json(event) + b"\n" for event in timeline))
    arrays: dict[str, np.ndarray] = {}
    for number, trail in enumerate(measurement.trails):
        way = f"{trail.sentinel.src}>{trail.sentinel.address}"
        arrays[f"{number}:{way}:sent_s"] = np.asarray(trail.sent_s) - began_s
        arrays[f"{number}:{way}:arrived"] = np.asarray(trail.arrived, dtype=bool)
    changes = [
        TableChange(
            at_s=round(it.at_s - began_s, 6),
            router=it.node,
            prefix=str(it.prefix),
            is_removed=it.is_removed,
        )
        for it in measurement.changes
    ]
    (folder / _CHANGES).write_bytes(_packed(to_json(changes)))
    windows = [
        WindowTold(
            faults=window.faults,
            from_s=round(window.from_s - began_s, 4),
            to_s=round(window.to_s - began_s, 4),
            settled_ms=round(1e3 * window.settled_s, 3),
            phase=window.phase.name if window.phase else "",
            offered_bps=window.offered.total_bps,
            dead=tuple(sorted(window.dead)),
        )
        for window in measurement.windows
    ]
    (folder / _WINDOWS).write_bytes(to_json(windows))
    with (folder / _PROBES).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def seal(folder: Path, evidence: Evidence) -> Evidence:
    """Hash every file of the folder into the evidence, hash that, and write it last."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != EVIDENCE_FILE
    }
    # As it will be read: a 0 that stands for a time comes back as 0.0, and seals otherwise.
    whole = from_json(to_json(replace(evidence, files=files)), Evidence)
    sealed = replace(whole, sha256=whole.seal())
    beside = folder / f".{EVIDENCE_FILE}"
    beside.write_bytes(to_json(sealed))
    beside.replace(folder / EVIDENCE_FILE)
    return sealed


def read_evidence(folder: Path) -> Evidence:
    """What a bundle is, without its files.

    Raises:
        ConfigError: There is no bundle, or none that this version reads.
    """
    path = folder / EVIDENCE_FILE
    try:
        return from_json(path.read_bytes(), Evidence)
    except OSError as error:
        raise ConfigError(
            "no evidence here: the drill did not come to its end", path=path
        ) from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"not a drill's evidence: {error}", path=path) from error


def read_bundle(folder: Path) -> Bundle:
    """A bundle whose every file is as it was sealed.

    Raises:
        ConfigError: Something is missing, was changed, or cannot be read; names the file.
    """
    evidence = read_evidence(folder)
    if evidence.seal() != evidence.sha256:
        raise ConfigError("was changed after it was sealed", path=folder / EVIDENCE_FILE)
    for name, digest in evidence.files.items():
        path = folder / name
        if not path.is_file():
            raise ConfigError("is missing from the evidence", path=path)
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise ConfigError("was changed after it was sealed", path=path)
    try:
        return Bundle(
            folder=folder,
            evidence=evidence,
            experiment=from_json((folder / _EXPERIMENT).read_bytes(), Experiment),
            topology=from_json((folder / _TOPOLOGY).read_bytes(), Topology),
            lab=from_json(gzip.decompress((folder / _LAB).read_bytes()), LabSpec),
            result=from_json(gzip.decompress((folder / _RESULT).read_bytes()), ExperimentResult),
            timeline=tuple(
                from_json(line, Event) for line in (folder / _TIMELINE).read_bytes().splitlines()
            ),
            trails=_trails(folder / _PROBES),
            changes=from_json(
                gzip.decompress((folder / _CHANGES).read_bytes()), tuple[TableChange, ...]
            ),
        )
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"the evidence cannot be read: {error}", path=folder) from error


def version_of(value: object) -> str:
    """SHA-256 of a value as JSON."""
    return hashlib.sha256(to_json(value)).hexdigest()


def _trails(path: Path) -> tuple[tuple[str, np.ndarray, np.ndarray], ...]:
    with np.load(path) as arrays:
        ways = [name.removesuffix(":sent_s") for name in arrays if name.endswith(":sent_s")]
        return tuple(
            (way.partition(":")[2], arrays[f"{way}:sent_s"], arrays[f"{way}:arrived"])
            for way in ways
        )


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
