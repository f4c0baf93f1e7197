"""Taking over a running lab, whichever hosting it has."""

from foreshadow.errors import ConfigError
from shadow.emulation.engine_socket import OWN_ENGINE
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.netns import NetnsLab
from shadow.emulation.note import LabNote


def adopted_lab(*, run_id: str, name: str, engine: str = OWN_ENGINE) -> FrrLab:
    """The running lab of that name, taken over from a process that is gone.

    Args:
        run_id: The run it belongs to.
        name: Its own name.
        engine: Where the engine listens that has its containers, if it runs in such.

    Raises:
        ConfigError: There is none, or it was made by another version of ours.
        EmulationFailed: Part of it is gone.
    """
    kind, _ = LabNote(f"{run_id}-{name}").read()
    match kind:
        case "netns":
            return NetnsLab.adopted(run_id=run_id, name=name)
        case "containerlab":
            # The engine's client takes half a second to load, which most labs do not need.
            from shadow.emulation.containers import ContainersLab  # noqa: PLC0415

            return ContainersLab.adopted(run_id=run_id, name=name, url=engine)
        case _:
            raise ConfigError(
                f"the lab {run_id}-{name} runs in {kind!r}, which this version does not know; "
                "remove it with `foreshadow clean`"
            )
