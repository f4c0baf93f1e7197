"""`foreshadow up`: the whole house on one machine, until it is stopped."""

import os
import threading
from pathlib import Path

from rich.console import Console

from console.clean import remove_run
from console.configuration import load_settings, wish
from console.demo.opening import read_network
from console.doctor import require
from console.house import PROCESSES, Supervisor
from console.ownership import claim_run
from console.premises import premises
from foreshadow.clock import SystemClock

_TEND_EVERY_S = 1.0


def run_up(network_path: Path, *, console: Console, stop: threading.Event) -> None:
    """Keep every process running until `stop` is set.

    Without an inventory in the settings, production is emulated from the network file.

    Raises:
        ConfigError: The network file or a setting will not do; nothing was started.
        EnvironmentUnfit: The host lacks something; nothing was started.
    """
    settings, clock = load_settings(), SystemClock()
    network = read_network(network_path)
    wanted = wish(settings)
    require(wanted)
    run = claim_run(settings.run_dir, pid=os.getpid(), command="up", clock=clock)
    try:
        with premises(
            run,
            network=network,
            inventory=settings.inventory,
            clock=clock,
            given_broker=wanted.bootstrap,
            told={},
        ) as standing:
            production = "yours, by the inventory" if settings.inventory else "emulated"
            console.print(f"[bold]{network.name}[/] is up as run {run.run_id}")
            console.print(f"  broker      {standing.broker.description}")
            console.print(f"  production  {production}, {len(network.routers)} routers")
            console.print(f"  processes   {', '.join(PROCESSES)}")
            console.print(f"  logs        {standing.house.log_dir}")
            console.print("Stop with Ctrl-C.")
            supervisor = Supervisor(standing.house, clock)
            while not stop.wait(_TEND_EVERY_S):
                for line in supervisor.tend():
                    console.print(line)
            console.print("Stopping; everything of this run is taken down.")
    finally:
        remove_run(run, clock=clock)
