"""Two real bgpds in one namespace: R1, which tells its routes by BMP, and R2, which sends them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from frr.vty import RUN_DIR, Router
from shadow.emulation import namespaces
from shadow.emulation.namespaces import Namespace
from tests.eventually import eventually

BGPD = "/usr/lib/frr/bgpd"
BMP_PORT = 11019
"""The namespace is the test's own, and so are its ports."""
R1, R2, NOBODY = "192.0.2.1", "192.0.2.2", "192.0.2.3"

_R1 = f"""\
frr defaults traditional
hostname R1
router bgp 65001
 bgp router-id {R1}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor {R2} remote-as 65002
 neighbor {R2} disable-connected-check
 neighbor {R2} update-source {R1}
 neighbor {R2} timers connect 1
 neighbor {NOBODY} remote-as 65003
 neighbor {NOBODY} disable-connected-check
 address-family ipv4 unicast
  neighbor {R2} soft-reconfiguration inbound
 exit-address-family
 bmp targets foreshadow
  bmp stats interval 1000
  bmp monitor ipv4 unicast pre-policy
  bmp connect 127.0.0.1 port {BMP_PORT} min-retry 100 max-retry 500
 exit
"""

_R2 = f"""\
frr defaults traditional
hostname R2
router bgp 65002
 bgp router-id {R2}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor {R1} remote-as 65001
 neighbor {R1} disable-connected-check
 neighbor {R1} update-source {R2}
 neighbor {R1} timers connect 1
 address-family ipv4 unicast
  network 203.0.113.0/24
  network 198.51.100.0/25 route-map DETAILED
 exit-address-family
route-map DETAILED permit 10
 set community 65002:77 no-peer
 set metric 50
 set as-path prepend 65002 65010
"""


@dataclass(frozen=True)
class BmpPair:
    """The running pair."""

    netns: str
    r1: Router
    r2: Router

    def announce(self, *prefixes: str) -> None:
        """R2 announces these too."""
        self._networks(f"network {prefix}" for prefix in prefixes)

    def withdraw(self, *prefixes: str) -> None:
        """R2 announces these no more."""
        self._networks(f"no network {prefix}" for prefix in prefixes)

    def _networks(self, lines: Iterator[str]) -> None:
        inner = "".join(f"  {line}\n" for line in lines)
        self.r2.configure(f"router bgp 65002\n address-family ipv4 unicast\n{inner}")


@contextmanager
def bmp_pair(run_id: str) -> Iterator[BmpPair]:
    """The pair, its session established; gone afterwards, whatever happens."""
    netns = f"{run_id}-t-bmp"
    with ExitStack() as stack:
        namespaces.create([netns])
        stack.callback(namespaces.remove, netns)
        namespace = Namespace(netns)
        stack.callback(namespace.close)
        namespace.make_router(has_ipv6=False)
        for address in (R1, R2):
            _ip(netns, "address", "add", f"{address}/32", "dev", "lo")
        r1 = stack.enter_context(_bgpd(netns, f"{netns}1", _R1, R1, "-M", "bmp"))
        r2 = stack.enter_context(_bgpd(netns, f"{netns}2", _R2, R2))
        yield BmpPair(netns, r1, r2)


@contextmanager
def _bgpd(netns: str, name: str, config: str, address: str, *options: str) -> Iterator[Router]:
    directory = RUN_DIR / name
    directory.mkdir(parents=True)
    try:
        (directory / "bgpd.conf").write_text(config)
        for path in (directory, directory / "bgpd.conf"):
            shutil.chown(path, "frr", "frr")
        inside = ("ip", "netns", "exec", netns)
        files = ("-f", str(directory / "bgpd.conf"), "-i", str(directory / "bgpd.pid"))
        process = subprocess.Popen(
            [*inside, BGPD, "-Z", "-N", name, "-l", address, *files, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually((directory / "bgpd.vty").exists, within_s=30)
            with Router(name) as router:
                yield router
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(directory)


def _ip(netns: str, *arguments: str) -> None:
    subprocess.run(["ip", "-n", netns, *arguments], check=True)
