"""What an experiment breaks, as a plan: that of its drill, or its cut links all at once."""

import msgspec

from foreshadow.errors import ConfigError
from foreshadow.experiment import Experiment
from foreshadow.topology import LinkId
from scenarios.drill_plan import DrillLimits, DrillPlan, PlannedFault, decode_plan
from scenarios.faults.catalogue import encode, kind_of
from scenarios.faults.link_down import LinkDown


def plan_of(experiment: Experiment) -> DrillPlan:
    """The plan to carry out.

    Raises:
        ConfigError: The experiment's drill is none that this version knows.
    """
    if experiment.drill:
        try:
            return decode_plan(experiment.drill)
        except msgspec.DecodeError as error:
            raise ConfigError(f"not a drill plan: {error}", field="drill") from error
    return DrillPlan(
        id=experiment.id,
        scenario="",
        scenario_sha256="",
        faults=tuple(_cut(number, link) for number, link in enumerate(experiment.cut)),
        checks=(),
        limits=DrillLimits(),
        demand=experiment.demand,
        load_limit=experiment.load_limit,
        seed=0,
    )


def _cut(number: int, link: LinkId) -> PlannedFault:
    """One link without carrier until the network without it has been read."""
    fault = LinkDown(link=link)
    return PlannedFault(
        number=number,
        kind=kind_of(fault),
        name=fault.name,
        fault=encode(fault),
        inject_at_s=0.0,
        undo_at_s=0.0,
        links=(link,),
    )
