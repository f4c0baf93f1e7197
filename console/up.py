"""`foreshadow up`: the whole house on one machine, until it is stopped."""

import os
from pathlib import Path

from rich.console import Console

from console.clean import remove_run
from console.configuration import load_settings, wish
from console.demo.opening import read_network
from console.doctor import require
from console.house import PROCESSES, WATCHERS, Supervisor
from console.interruption import interruptible
from console.ownership import Run, claim_run
from console.premises import Premises, premises
from console.serve import read_inventory, require_logins
from foreshadow.clock import SystemClock
from foreshadow.network_file import NetworkFile
from foreshadow.settings import Settings
from policy_gen.governance import read_governance
from scenarios.scheduled import read_scenarios

_TEND_EVERY_S = 1.0


def run_up(network_path: Path, *, console: Console, is_sure: bool = False) -> None:
    """Keep every process running until Ctrl-C or SIGTERM.

    Without an inventory in the settings, production is emulated from the network file.

    Args:
        network_path: The network file.
        console: Where it says what it does.
        is_sure: Policies may go onto the devices of an inventory; without it they stop where a
            person would decide. Emulated production is configured in either case.

    Raises:
        ConfigError: The network file or a setting will not do; nothing was started.
        EnvironmentUnfit: The host lacks something; nothing was started.
        Interrupted: It was stopped before it was up.
    """
    settings, clock = load_settings(), SystemClock()
    network = read_network(network_path)
    _require_files(settings)
    wanted = wish(settings)
    require(wanted)
    with interruptible(console.print) as interruption:
        run = claim_run(settings.run_dir, pid=os.getpid(), command="up", clock=clock)
        try:
            with premises(
                run,
                network=network,
                inventory=settings.inventory,
                clock=clock,
                interruption=interruption,
                given_broker=wanted.broker,
                told=_told(settings, network_path, is_sure=is_sure),
            ) as standing:
                console.print(_account(network, run, standing, is_sure=is_sure))
                standing.house.start(*WATCHERS)
                supervisor = Supervisor(standing.house, clock)
                while not interruption.wait(_TEND_EVERY_S):
                    for line in supervisor.tend():
                        console.print(line)
                console.print("Stopping; everything of this run is taken down.")
        finally:
            remove_run(run, clock=clock, security=settings.bus.security)


def _told(settings: Settings, network_path: Path, *, is_sure: bool) -> dict[str, str]:
    may_configure = is_sure or settings.inventory is None
    described = settings.scenarios.network_file or network_path
    return {
        "FORESHADOW_ROLLOUT__MAY_CONFIGURE": str(may_configure).lower(),
        "FORESHADOW_SCENARIOS__NETWORK_FILE": str(described.resolve()),
    }


def _require_files(settings: Settings) -> None:
    """See that what a process would stumble over later is there and well-formed now."""
    if settings.inventory is not None:
        require_logins(read_inventory(settings.inventory), path=settings.inventory)
    if (sources := settings.ingest.sources_file) is not None:
        from ingest.source_file import read_sources  # noqa: PLC0415 - pulls in every decoder

        read_sources(sources)
    policy = settings.policy
    read_governance(policy.governance_file, default_cap=policy.moved_traffic_cap)
    read_scenarios(settings.scenarios.folder)


def _account(network: NetworkFile, run: Run, standing: Premises, *, is_sure: bool) -> str:
    """What is up, and where it is."""
    production = "emulated"
    if standing.production is None:
        production = "yours, by the inventory; "
        production += "policies go out" if is_sure else "dry run, nothing is changed on a device"
    return "\n".join(
        (
            f"[bold]{network.name}[/] is up as run {run.run_id}",
            f"  broker      {standing.broker.description}",
            f"  topics      {run.run_id}.*",
            f"  production  {production}, {len(network.routers)} routers",
            f"  inventory   {standing.inventory}",
            f"  processes   {', '.join(PROCESSES)}",
            f"  logs        {standing.house.log_dir}",
            "Stop with Ctrl-C.",
        )
    )
