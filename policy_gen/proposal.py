"""What is proposed against a failed drill: all candidates estimated, the best to be measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from foreshadow.candidate import Governance
from foreshadow.errors import ConfigError, UnsafeRollout
from foreshadow.experiment import DeviceChange, ExperimentResult
from foreshadow.present import Present
from foreshadow.routing import rib_digest
from foreshadow.settings import PolicySettings
from foreshadow.state import NetworkState
from foreshadow.topology import NodeId, Prefix
from frr.configuration import Block, parse
from policy_gen.candidates import Estimate, Situation, estimates, rates_bps
from policy_gen.hook import read_hook
from policy_gen.lint import Finding, lint
from policy_gen.trial import Finalist, Trial
from policy_gen.waves import growing_sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator allows, and how a policy is to go out."""

    settings: PolicySettings
    governance: Governance


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Everything a decision rests on, but for the bench's answers.

    Attributes:
        drill: The failed drill.
        made_at: Event time.
        estimates: Doing nothing first, then best first, those that were ruled out last.
        finalists: Best estimate first.
        configs: SHA-256 of each router's running configuration when this was proposed.
        digest_before: RIB digest of production then.
    """

    drill: ExperimentResult
    made_at: datetime
    rules: Rules
    estimates: tuple[Estimate, ...]
    finalists: tuple[Finalist, ...]
    configs: Mapping[NodeId, str]
    digest_before: str

    def whole(self, finalist: Finalist) -> Trial:
        """The finalist's change at once."""
        return Trial(drill=self.drill, finalist=finalist, steps=(finalist.shift.prefixes,))

    def in_waves(self, finalist: Finalist) -> Trial:
        """The finalist's change as it would go out."""
        return Trial(drill=self.drill, finalist=finalist, steps=_steps(self, finalist))


def propose(
    drill: ExperimentResult,
    state: NetworkState,
    network: Present,
    *,
    rules: Rules,
    made_at: datetime,
) -> Proposal:
    """Estimate every candidate against a failed drill and choose whom to measure.

    Args:
        drill: The failed drill.
        state: Production as synced.
        network: The model of that state.
        rules: Limits, caps and wave steps.
        made_at: Event time of the latest demand known.
    """
    situation = Situation(
        network=network,
        demand=drill.demand,
        cut=frozenset(drill.cut),
        load_limit=drill.load_limit,
        moved_traffic_cap=rules.governance.moved_traffic_cap,
    )
    configs = ((device, state.running_config(device)) for device in state.devices())
    draft = Proposal(
        drill=drill,
        made_at=made_at,
        rules=rules,
        estimates=(),
        finalists=(),
        configs={device: config.sha256 for device, config in configs if config},
        digest_before=rib_digest(state.loc_ribs()),
    )
    protected = tuple(_protected(network))
    tried: list[Estimate] = []
    finalists: list[Finalist] = []
    for estimate in estimates(situation):
        objection = ""
        if estimate.is_feasible and len(finalists) < rules.settings.finalists:
            match _finalist(draft, estimate, state, protected):
                case Finalist() as finalist:
                    finalists.append(finalist)
                case str() as objection:
                    pass
        tried.append(_rejected(estimate, objection) if objection else estimate)
    return replace(draft, estimates=tuple(tried), finalists=tuple(finalists))


def _finalist(
    draft: Proposal, estimate: Estimate, state: NetworkState, protected: tuple[Prefix, ...]
) -> Finalist | str:
    """The candidate with its hook, if its text keeps the rules; otherwise why it does not."""
    shift = estimate.shift
    config = state.running_config(shift.device) if shift else None
    if shift is None or config is None:
        return "the configuration of its router is not known"
    try:
        hook = read_hook(shift.device, shift.neighbor, config.text)
    except (ConfigError, UnsafeRollout) as error:
        return str(error)
    finalist = Finalist(estimate=estimate, shift=shift, hook=hook)
    for trial in (draft.whole(finalist), draft.in_waves(finalist)):
        findings = _findings(finalist.changes(trial.steps), config.text, protected)
        if findings:
            return "; ".join(f"{finding.rule}: {finding.says}" for finding in findings)
    return finalist


def _findings(
    changes: tuple[DeviceChange, ...], config: str, protected: tuple[Prefix, ...]
) -> tuple[Finding, ...]:
    """What is wrong with successive generations on one device."""
    known = {block.header.split()[1] for block in _route_maps(config)}
    found: list[Finding] = []
    for change in changes:
        found += lint(change, known_maps=known, protected=protected)
        known |= {block.header.split()[1] for block in _route_maps(change.stage)}
    return tuple(found)


def _route_maps(config: str) -> Iterator[Block]:
    return (block for block in parse(config) if block.header.startswith("route-map "))


def _protected(network: Present) -> Iterator[Prefix]:
    """Loopbacks, links and our own sites: nothing a policy of ours may touch."""
    topology = network.what_if.topology
    yield from (Prefix(f"{node.loopback}/32") for node in topology.nodes if node.loopback)
    yield from (Prefix(f"{end.address}/32") for link in topology.links for end in (link.a, link.b))
    for prefix, ways in network.what_if.exits.items():
        if any(way.via is None for way in ways):
            yield prefix


def _steps(proposal: Proposal, finalist: Finalist) -> tuple[tuple[Prefix, ...], ...]:
    rates = rates_bps(proposal.drill.demand, finalist.shift.prefixes)
    return growing_sets(rates, proposal.drill.id, proposal.rules.settings.wave_steps)


def _rejected(estimate: Estimate, because: str) -> Estimate:
    return replace(estimate, score=replace(estimate.score, rejected_because=because))
