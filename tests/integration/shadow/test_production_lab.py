"""Emulated production: reached by SSH, tells the truth by vtysh, keeps what was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from netmiko import BaseConnection, ConnectHandler

from console.ownership import Run
from foreshadow.inventory import DeviceEntry, parse_inventory
from foreshadow.topology import NodeId
from frr.namespace import open_socket
from shadow.emulation.lab import LabSpec
from shadow.emulation.production import ProductionLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.device, pytest.mark.slow]

_SW = NodeId("SW")


@pytest.fixture(scope="module")
def production(
    session_run: Run, square_spec: LabSpec, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProductionLab]:
    """Production, up."""
    with ProductionLab(
        square_spec,
        run_id=session_run.run_id,
        network="square",
        directory=tmp_path_factory.mktemp("production") / "devices",
    ) as production:
        production.up(within_s=60)
        yield production


@pytest.fixture
def device(production: ProductionLab) -> DeviceEntry:
    """One router's inventory entry."""
    text = production.inventory.read_text()
    return parse_inventory(text, path=production.inventory).device(_SW)


@pytest.fixture
def shell(device: DeviceEntry) -> Iterator[BaseConnection]:
    """A shell on that router, by netmiko, host key checked."""
    with ConnectHandler(
        device_type="linux",
        host=device.address,
        username=device.username,
        use_keys=True,
        key_file=str(device.ssh_key),
        sock=open_socket(device.namespace, device.address, device.port),
        ssh_strict=True,
        alt_host_keys=True,
        alt_key_file=str(device.known_hosts),
    ) as connection:
        yield connection


def test_inventory_lists_our_routers_and_no_peer(production: ProductionLab) -> None:
    """What can be configured is what is ours; the client key is for its owner's eyes alone."""
    inventory = parse_inventory(production.inventory.read_text(), path=production.inventory)

    assert [device.name for device in inventory.devices] == ["NW", "NE", "SE", "SW"]
    assert inventory.devices[0].ssh_key.stat().st_mode & 0o777 == 0o600


def test_netmiko_reaches_the_router_in_its_own_namespace(
    shell: BaseConnection, device: DeviceEntry
) -> None:
    """The shell sees the router's interfaces and its daemons, not the host's."""
    interfaces = str(shell.send_command("ip -brief link"))
    answer = str(shell.send_command(f"vtysh -N {device.pathspace} -c 'show bgp summary'"))

    assert "to-NW" in interfaces
    assert "eth0" not in interfaces
    assert "PEERSW" in answer


def test_what_was_written_survives_a_restart_and_the_rest_does_not(
    production: ProductionLab, shell: BaseConnection, device: DeviceEntry
) -> None:
    """`write memory` saves to the router's own start-up files; a restart loads just these."""
    production.apply_config(_SW, "ip prefix-list SAVED seq 5 permit 192.0.2.0/24")
    answer = str(shell.send_command(f"vtysh -N {device.pathspace} -c 'write memory'"))
    production.apply_config(_SW, "ip prefix-list TRIED seq 5 permit 192.0.2.0/24")

    production.restart_daemons(_SW)
    running = production.running_config(_SW)

    assert "Configuration saved to" in answer
    assert "SAVED" in running
    assert "TRIED" not in running
    assert eventually(
        lambda: {p.prefix for p in production.loc_rib(_SW)} >= production.spec.announced(),
        within_s=60,
    )


def test_nothing_is_left_when_production_goes(
    run: Run, square_spec: LabSpec, tmp_path: Path
) -> None:
    """Keys, inventory and server files are removed with the lab."""
    directory = tmp_path / "devices"
    with ProductionLab(
        square_spec, run_id=run.run_id, network="square", directory=directory
    ) as production:
        production.up(within_s=60)
        there = production.inventory.exists()

    assert there
    assert not directory.exists()
