"""Taking over a running lab, whichever hosting it has."""

from foreshadow.errors import ConfigError
from shadow.emulation.containers import ContainersLab
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.netns import NetnsLab
from shadow.emulation.note import LabNote


def adopted_lab(*, run_id: str, name: str) -> FrrLab:
    """The running lab of that name, taken over from a process that is gone.

    Raises:
        ConfigError: There is none, or it was made by another version of ours.
        EmulationFailed: Part of it is gone.
    """
    kind, _ = LabNote(f"{run_id}-{name}").read()
    match kind:
        case "netns":
            return NetnsLab.adopted(run_id=run_id, name=name)
        case "containers":
            return ContainersLab.adopted(run_id=run_id, name=name)
        case _:
            raise ConfigError(
                f"the lab {run_id}-{name} runs in {kind!r}, which this version does not know; "
                "remove it with `foreshadow clean`"
            )
