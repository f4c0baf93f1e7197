"""`ip`, `tc` and `nft`, for what we do not say to the kernel ourselves."""

import os
import subprocess

from foreshadow.errors import EmulationFailed
from frr.namespace import inside

_WITHIN_S = 20.0
_SYSTEM_PATHS = "/usr/sbin:/sbin"
"""Where they are, which not every shell knows."""


def run_tool(*command: str, script: str = "") -> str:
    """What a tool prints, in the network namespace of the calling thread.

    Args:
        command: Its name and arguments.
        script: What it reads from its standard input.

    Raises:
        EmulationFailed: It is missing, refused or does not end; with its complaint.
    """
    try:
        outcome = subprocess.run(
            command,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{_SYSTEM_PATHS}"},
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmulationFailed(f"{command[0]}: {error}") from error
    if outcome.returncode != 0:
        complaint = outcome.stderr.strip().partition("\n")[0]
        raise EmulationFailed(f"{command[0]}: {complaint or f'ended with {outcome.returncode}'}")
    return outcome.stdout


def run_tool_at(netns: str, *command: str, script: str = "") -> str:
    """What a tool prints in a network namespace; see `run_tool`.

    Raises:
        EmulationFailed: It is missing, refused or does not end.
        DeviceUnreachable: There is no namespace of that name.
    """
    with inside(netns):
        try:
            return run_tool(*command, script=script)
        except EmulationFailed as error:
            raise EmulationFailed(f"{netns}: {error}") from error
