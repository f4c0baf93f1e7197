"""A candidate that does something else than it says: how the demo shows that gates stop one.

It takes most of a proven policy back under the proven policy's prediction. No process makes it: the
demo forces it into a rollout by an override that the journal names.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from foreshadow.candidate import Candidate, Wave
from foreshadow.errors import UnsafeRollout
from foreshadow.routing import rib_digest
from foreshadow.state import NetworkState
from policy_gen.candidates import rates_bps
from policy_gen.hook import read_hook
from policy_gen.render import generations, render
from policy_gen.waves import growing_sets, share

OVERRIDE = "demo: a harmful change is forced in to show that its gates stop it"
_VALID_FOR = timedelta(hours=1)
_WAVES = 3


def harmful_candidate(
    proven: Candidate, state: NetworkState, *, at: datetime, serial: int
) -> Candidate:
    """A change that keeps only the lightest prefixes of a proven policy, and does not say so.

    Its waves predict what the proven candidate's did, so the first gate that looks at routes must
    fail; its way back leads to the proven policy, which is in force.

    Args:
        proven: The candidate whose rollout is complete.
        state: Production as synced, the proven policy in force.
        at: Event time.
        serial: Tells several such candidates apart.

    Raises:
        UnsafeRollout: The proven policy is not in force.
    """
    knob = proven.knob
    config = state.running_config(knob.device)
    if config is None:
        raise UnsafeRollout(f"the configuration of {knob.device} is not known")
    hook = read_hook(knob.device, knob.neighbor, config.text)
    if frozenset(knob.prefixes) - frozenset(hook.listed):
        raise UnsafeRollout(
            f"{knob.device} does not have {proven.id} in force: its inbound policy for "
            f"{knob.neighbor} is {hook.attached}"
        )
    txn = f"{proven.id}-harm{serial}"
    rates = rates_bps(proven.demand, knob.prefixes)
    lightest = sorted(rates, key=lambda prefix: (rates[prefix], prefix))[:_WAVES]
    kept = tuple(lightest[: max(1, len(rates) - 1)])
    steps = growing_sets({prefix: rates[prefix] for prefix in kept}, txn)
    changes = map(render, generations(hook, steps, local_preference=knob.local_preference))
    said = proven.waves[-1]
    return replace(
        proven,
        id=txn,
        made_at=at,
        expires_at=at + _VALID_FOR,
        knob=replace(knob, prefixes=kept),
        waves=tuple(
            Wave(
                number=number,
                affected_share=share(rates, prefixes),
                prefixes=prefixes,
                changes=(change,),
                path_changes=said.path_changes,
                tables=said.tables,
            )
            for number, (prefixes, change) in enumerate(zip(steps, changes, strict=True), start=1)
        ),
        precondition=((knob.device, config.sha256),),
        digest_before=rib_digest(state.loc_ribs()),
        scores=(),
        override=OVERRIDE,
    )
