"""`foreshadow run NAME`: what it refuses before it touches the bus, and who is at which post."""

import importlib
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.house import PROCESSES
from console.posts.post import Post
from console.serve import read_inventory, require_logins, serve
from foreshadow.errors import ConfigError
from foreshadow.inventory import parse_inventory
from foreshadow.settings import Settings
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock

CLOCK = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))


def test_an_unknown_process_is_refused_with_those_there_are() -> None:
    """The remedy is in the message."""
    with pytest.raises(ConfigError, match="no process 'nonsense'; there are ingest, forecast, "):
        serve("nonsense", Settings(), CLOCK)


@pytest.mark.parametrize("name", PROCESSES)
def test_without_an_inventory_nothing_starts(name: str) -> None:
    """Which devices? No process guesses; the setting to mend is named."""
    with pytest.raises(ConfigError, match="FORESHADOW_INVENTORY: which devices"):
        serve(name, Settings(inventory=None), CLOCK)


def test_an_inventory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: .*No such file"):
        read_inventory(tmp_path / "none.yaml")


def test_an_inventory_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    """File, line and field, as for every file."""
    path = tmp_path / "inventory.yaml"
    path.write_text("version: 1\nnetwork: square\ndevices: 7\n")

    with pytest.raises(ConfigError) as caught:
        read_inventory(path)
    assert (caught.value.path, caught.value.line, caught.value.field) == (path, 3, "devices")


def test_a_login_without_its_key_is_refused_before_a_device_is_called(tmp_path: Path) -> None:
    """The device and the field are named, beside the inventory's path."""
    path = tmp_path / "inventory.yaml"
    (tmp_path / "hosts").touch()
    device = f"{{name: NE, ssh_key: {tmp_path}/key, known_hosts: {tmp_path}/hosts}}"
    inventory = parse_inventory(f"version: 1\nnetwork: x\ndevices: [{device}]\n", path=path)

    with pytest.raises(ConfigError, match="key is no file; the login to NE needs it") as caught:
        require_logins(inventory, path=path)
    assert caught.value.field == "devices.NE.ssh_key"
    (tmp_path / "key").touch()
    require_logins(inventory, path=path)


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_has_its_post(name: str) -> None:
    """A module of its name that serves."""
    assert callable(importlib.import_module(f"console.posts.{name}").serve)


def test_a_post_knows_its_routers_in_the_inventorys_order() -> None:
    """Names, as every room calls them."""
    listed = "\n".join(
        f"  - {{name: {name}, ssh_key: key, known_hosts: hosts}}" for name in ("SE", "NE")
    )
    inventory = parse_inventory(
        f"version: 1\nnetwork: square\ndevices:\n{listed}\n", path=Path("inventory.yaml")
    )
    post = Post(
        bus=MemoryBus(),
        settings=Settings(),
        inventory=inventory,
        clock=CLOCK,
        stop=threading.Event(),
    )

    assert post.routers == ("SE", "NE")


def test_only_the_shadow_has_a_dry_run() -> None:
    """Any other process would do what it does."""
    with pytest.raises(ConfigError, match="ingest has no dry run; shadow has"):
        serve("ingest", Settings(), FakeClock(datetime(2026, 1, 1, tzinfo=UTC)), is_dry_run=True)
