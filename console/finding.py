"""What a probe of the host answers, and how commands are tried."""

import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from foreshadow.settings import BusSettings
from shadow.emulation.engine_socket import OWN_ENGINE

_PROBE_S = 20.0


class Standing(StrEnum):
    """How one thing stands."""

    FIT = "fit"
    LIMITED = "limited"
    """Missing, and the product does without; the remedy says how to have it."""
    UNFIT = "unfit"
    """Missing, and nothing runs without."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found, and what helps."""

    standing: Standing
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator asked for, as far as it decides what is needed.

    Attributes:
        broker: The user's own broker, if one is given.
        must_be_kafka: Whether the embedded broker will not do.
        run_root: Where runs keep their files.
        engine: Where the container engine listens.
        needs_containers: Whether routers are to run as containers.
    """

    broker: BusSettings | None = None
    must_be_kafka: bool = False
    run_root: Path = Path(".run")
    engine: str = OWN_ENGINE
    needs_containers: bool = False


def complaint(*command: str) -> str:
    """What a command said when it failed; empty where it did not fail."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PROBE_S
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    if result.returncode == 0:
        return ""
    lines = result.stderr.strip().splitlines()
    return lines[-1] if lines else f"{command[0]} ended with {result.returncode}"


def first_line(*command: str) -> str:
    """What a command prints first, e.g. its version; why not, where it does not run."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PROBE_S
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"does not say its version ({exc})"
    return (result.stdout or result.stderr).strip().partition("\n")[0]
