"""Whether mgmtd's part of a configuration goes to mgmtd, and only where one runs."""

from pathlib import Path

from frr.configuration import parse
from frr.management import ManagedDaemon, managers_part, own_part
from frr.vty_socket import VtySocket

_ZEBRAS = """\
hostname NW
no zebra nexthop kernel enable
ip nht resolve-via-default
interface to-NE
 description NW-NE
 ip address 10.254.0.0/31
exit
!
"""


class _Recorded(VtySocket):
    """A socket that notes what it is told; there, or not."""

    def __init__(self, path: Path, *, is_there: bool) -> None:
        super().__init__(path, device="NW")
        self._there = is_there
        self.told: list[str] = []

    def is_there(self) -> bool:
        """As the test wants it."""
        return self._there

    def execute(self, command: str) -> str:
        """Note it; answer by one's name."""
        self.told.append(command)
        return f"! {self._path.stem} answers {command}\n"


def _pair(tmp_path: Path, *, is_managed: bool) -> tuple[_Recorded, _Recorded, ManagedDaemon]:
    own = _Recorded(tmp_path / "zebra.vty", is_there=True)
    manager = _Recorded(tmp_path / "mgmtd.vty", is_there=is_managed)
    return own, manager, ManagedDaemon(own, manager)


def test_a_configuration_is_divided_without_a_statement_lost() -> None:
    """Interfaces and static routes are mgmtd's, switches of zebra's zebra's, the name both's."""
    manager, own = parse(managers_part(_ZEBRAS)), parse(own_part(_ZEBRAS))

    assert [block.header for block in manager] == [
        "hostname NW",
        "ip nht resolve-via-default",
        "interface to-NE",
    ]
    assert [block.header for block in own] == ["hostname NW", "no zebra nexthop kernel enable"]
    assert [block.header for block in parse(managers_part("no ip route 10.0.0.0/8 Null0\n"))] == [
        "no ip route 10.0.0.0/8 Null0"
    ]


def test_where_mgmtd_runs_it_is_told_its_part(tmp_path: Path) -> None:
    """Each line is entered where FRR 10 takes it."""
    own, manager, daemon = _pair(tmp_path, is_managed=True)

    daemon.configure([line for line in _ZEBRAS.splitlines() if line != "!"])

    assert own.told == [
        "configure terminal",
        "hostname NW",
        "no zebra nexthop kernel enable",
        "end",
    ]
    assert manager.told == [
        "configure terminal",
        "hostname NW",
        "ip nht resolve-via-default",
        "interface to-NE",
        "description NW-NE",
        "ip address 10.254.0.0/31",
        "exit",
        "end",
    ]


def test_where_none_runs_the_daemon_is_told_everything(tmp_path: Path) -> None:
    """FRR 8 has no mgmtd: nothing changes."""
    own, manager, daemon = _pair(tmp_path, is_managed=False)

    daemon.configure(["interface to-NE", " ip address 10.254.0.0/31", "exit"])

    assert own.told == [
        "configure terminal",
        "interface to-NE",
        "ip address 10.254.0.0/31",
        "exit",
        "end",
    ]
    assert manager.told == []


def test_the_running_configuration_is_both_parts_and_nothing_else_is_asked_twice(
    tmp_path: Path,
) -> None:
    """What mgmtd keeps is part of what the router runs; tables are the daemon's alone."""
    own, manager, daemon = _pair(tmp_path, is_managed=True)

    assert daemon.execute("show running-config") == (
        "! zebra answers show running-config\n! mgmtd answers show running-config\n"
    )
    daemon.execute("show ip route json")

    assert own.told == ["show running-config", "show ip route json"]
    assert manager.told == ["show running-config"]
