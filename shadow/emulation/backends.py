"""Which hosting a lab gets: the one place that knows them all."""

from foreshadow.settings import ShadowSettings
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab


def make_lab(spec: LabSpec, *, run_id: str, name: str, settings: ShadowSettings) -> FrrLab:
    """A lab on the backend the operator chose; nothing of it is made yet.

    Args:
        spec: What to build.
        run_id: `fs3fa9c1`; everything the lab makes is called `<run_id>-<name>-<node>`.
        name: The lab's own name within the run: `prod`, `mirror`, `bench`.
        settings: The operator's.
    """
    match settings.backend:
        case "netns":
            return NetnsLab(spec, run_id=run_id, name=name)
        case "containerlab":
            # The engine's client takes half a second to load, which most labs do not need.
            from shadow.emulation.containers import ContainersLab  # noqa: PLC0415

            return ContainersLab(spec, run_id=run_id, name=name, url=settings.engine)
