"""Inventories: which devices there are, and what is wrong with a list that will not do."""

from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from foreshadow.inventory import parse_inventory

PATH = Path("inventory.yaml")
TEXT = """\
version: 1
network: square
devices:
  - {name: NE, address: 192.0.2.1, ssh_key: key, known_hosts: hosts}
  - {name: SE, ssh_key: key, known_hosts: hosts, port: 2222}
"""


def test_devices_are_found_by_name() -> None:
    """With the defaults of what the list leaves out."""
    inventory = parse_inventory(TEXT, path=PATH)

    assert inventory.device("NE").port == 22
    assert inventory.device("SE").port == 2222
    with pytest.raises(KeyError, match="NW"):
        inventory.device("NW")


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        ("port: 2222", "port: 99999", 5, "devices.1.port"),
        ("name: NE, ", "", 4, "devices.0.name"),
        ("known_hosts: hosts}", "known_hosts: hosts, password: x}", 4, "devices.0.password"),
        ("version: 1", "version: 9", 1, "version"),
    ],
)
def test_what_will_not_do_is_named_with_its_line(
    before: str, after: str, *, line: int, field: str
) -> None:
    """A missing field points at its device; a password has no place here at all."""
    with pytest.raises(ConfigError) as caught:
        parse_inventory(TEXT.replace(before, after, 1), path=PATH)

    assert (caught.value.line, caught.value.field) == (line, field)


def test_a_list_of_no_devices_is_refused() -> None:
    """There would be nothing to read."""
    with pytest.raises(ConfigError, match="devices"):
        parse_inventory("version: 1\nnetwork: square\ndevices: []\n", path=PATH)
