"""What this host can do: one probe per tool, right and kernel feature, each really tried."""

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from console import apache_kafka, topics
from console.container_probes import CONTAINER_PROBES
from console.finding import Finding, Standing, Wish, complaint, first_line
from console.link_probes import LINK_PROBES

_FRR_DAEMONS = Path("/usr/lib/frr")
_NEEDED_DAEMONS = ("zebra", "ospfd", "isisd", "bgpd", "staticd", "bfdd")
_GIB = 1 << 30
_MEMORY_NEEDED_GIB = 2.0
_MEMORY_WANTED_GIB = 4.0
"""Broker, production, mirror and bench of the reference drill together."""
_DISK_WANTED_GIB = 1.0
_BROKER_ANSWERS_S = 3.0

__all__ = ["PROBES", "Finding", "Standing", "Wish", "examine"]

_SETUP = "make setup"
_PRIVILEGE = (
    "needs real root: in a container, CAP_SYS_ADMIN, CAP_NET_ADMIN and a writable /proc/sys"
)


def examine(wish: Wish, *names: str) -> Mapping[str, Finding]:
    """Try everything, or only what is named, and say how it stands; names are those of `PROBES`."""
    return {name: PROBES[name](wish) for name in names or PROBES}


def _root(_: Wish) -> Finding:
    if os.geteuid() == 0:
        return Finding(Standing.FIT, "running as root")
    return Finding(
        Standing.UNFIT,
        f"running as user {os.geteuid()}",
        "run it as root: routers live in namespaces",
    )


def _python(_: Wish) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(Standing.FIT, f"{version} in {sys.prefix}")


def _frr(_: Wish) -> Finding:
    lacking = [name for name in _NEEDED_DAEMONS if not (_FRR_DAEMONS / name).is_file()]
    if shutil.which("vtysh") is None:
        lacking.append("vtysh")
    if lacking:
        return Finding(Standing.UNFIT, f"no {', '.join(lacking)}", f"{_SETUP} (package frr)")
    version = first_line(str(_FRR_DAEMONS / "zebra"), "--version").removeprefix("zebra version ")
    return Finding(Standing.FIT, f"FRR {version}: {', '.join(_NEEDED_DAEMONS)}, vtysh")


def _iproute2(_: Wish) -> Finding:
    if shutil.which("ip") is None or shutil.which("tc") is None:
        return Finding(Standing.UNFIT, "no ip or no tc", f"{_SETUP} (package iproute2)")
    return Finding(
        Standing.FIT, first_line("ip", "-V").removeprefix("ip utility, ").partition(",")[0]
    )


def _nftables(_: Wish) -> Finding:
    if shutil.which("nft") is None:
        return Finding(Standing.UNFIT, "no nft", f"{_SETUP} (package nftables)")
    return Finding(Standing.FIT, first_line("nft", "--version"))


def _sshd(_: Wish) -> Finding:
    lacking = [
        tool
        for tool in ("sshd", "ssh-keygen")
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None
    ]
    if lacking:
        found = f"no {' and no '.join(lacking)}"
        return Finding(Standing.UNFIT, found, f"{_SETUP} (package openssh-server)")
    return Finding(Standing.FIT, first_line("ssh", "-V").partition(",")[0])


def _namespaces(_: Wish) -> Finding:
    if shutil.which("ip") is None:
        return Finding(Standing.UNFIT, "not tried without ip", f"{_SETUP} (package iproute2)")
    with _scratch_namespace() as (name, refusal):
        if refusal:
            return Finding(Standing.UNFIT, refusal, _PRIVILEGE)
        for trial in (
            "ip link add probe0 type veth peer name probe1",
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
        ):
            said = complaint("ip", "netns", "exec", name, "sh", "-c", trial)
            if said:
                return Finding(Standing.UNFIT, f"{trial}: {said}", _PRIVILEGE)
    return Finding(Standing.FIT, "made one, with a cable and forwarding in it")


def _filter(_: Wish) -> Finding:
    return _kernel_feature("nft add table inet probe", "", "nf_tables", Standing.UNFIT)


def _vrf(_: Wish) -> Finding:
    return _kernel_feature("ip link add probe type vrf table 10", "no VRFs", "vrf")


def _java(wish: Wish) -> Finding:
    java = apache_kafka.find_java()
    if java is not None and java.major >= apache_kafka.MIN_JAVA:
        return Finding(Standing.FIT, f"{java.major} at {java.executable}")
    found = "none" if java is None else f"{java.major}, Kafka needs {apache_kafka.MIN_JAVA}"
    return Finding(_without_kafka(wish), found, f"{_SETUP} (package default-jre-headless)")


def _jars(wish: Wish) -> Finding:
    version = apache_kafka.jars_version()
    if version is not None:
        return Finding(Standing.FIT, f"Apache Kafka {version} in kafka/lib")
    remedy = f"{_SETUP} (with package maven)"
    return Finding(_without_kafka(wish), "not in kafka/lib", remedy)


def _broker(wish: Wish) -> Finding:
    if wish.broker is not None:
        if topics.answers(wish.broker, within_s=_BROKER_ANSWERS_S):
            return Finding(Standing.FIT, f"yours, at {wish.broker.bootstrap}")
        remedy = "start it, or unset FORESHADOW_BUS__BOOTSTRAP to have one started here"
        return Finding(Standing.UNFIT, f"nothing answers at {wish.broker.bootstrap}", remedy)
    lack = apache_kafka.lack()
    if lack is None:
        return Finding(Standing.FIT, "Apache Kafka will be started for each run")
    return Finding(
        _without_kafka(wish), f"the embedded one will serve, because {lack}", f"{_SETUP}, for Kafka"
    )


def _ports(_: Wish) -> Finding:
    try:
        ports = apache_kafka.free_ports(2)
    except OSError as exc:
        remedy = "free some ports of 127.0.0.1, and see that the interface lo is up"
        return Finding(Standing.UNFIT, f"none can be had: {exc.strerror}", remedy)
    return Finding(Standing.FIT, f"free ones on 127.0.0.1, such as {ports[0]}")


def _memory(_: Wish) -> Finding:
    free_gib = psutil.virtual_memory().available / _GIB
    found = f"{free_gib:.1f} GiB free"
    if free_gib < _MEMORY_NEEDED_GIB:
        return Finding(Standing.UNFIT, found, f"the demo wants {_MEMORY_WANTED_GIB:.0f} GiB")
    if free_gib < _MEMORY_WANTED_GIB:
        return Finding(Standing.LIMITED, found, f"the demo wants {_MEMORY_WANTED_GIB:.0f} GiB")
    return Finding(Standing.FIT, found)


def _disk(wish: Wish) -> Finding:
    place = next(
        path
        for path in (wish.run_root.absolute(), *wish.run_root.absolute().parents)
        if path.exists()
    )
    if not os.access(place, os.W_OK):
        return Finding(Standing.UNFIT, f"{place} cannot be written", "set FORESHADOW_RUN_DIR")
    free_gib = shutil.disk_usage(place).free / _GIB
    standing = Standing.FIT if free_gib >= _DISK_WANTED_GIB else Standing.LIMITED
    remedy = "" if standing is Standing.FIT else "free some, or set FORESHADOW_RUN_DIR"
    return Finding(standing, f"{free_gib:.1f} GiB free at {place}", remedy)


PROBES: Mapping[str, Callable[[Wish], Finding]] = {
    "root": _root,
    "Python": _python,
    "FRR": _frr,
    "iproute2": _iproute2,
    "nftables": _nftables,
    "OpenSSH server": _sshd,
    "network namespaces": _namespaces,
    "packet filter (nf_tables)": _filter,
    **LINK_PROBES,
    "VRF": _vrf,
    "Java": _java,
    "Kafka jars": _jars,
    "broker": _broker,
    "ports": _ports,
    **CONTAINER_PROBES,
    "memory": _memory,
    "disk": _disk,
}
"""By the name people read; in the order of what needs what."""


def _without_kafka(wish: Wish) -> Standing:
    """How grave it is that Apache Kafka cannot start."""
    if wish.broker is not None:
        return Standing.FIT
    return Standing.UNFIT if wish.must_be_kafka else Standing.LIMITED


def _kernel_feature(
    trial: str, consequence: str, module: str, without: Standing = Standing.LIMITED
) -> Finding:
    with _scratch_namespace() as (name, refusal):
        if refusal:
            return Finding(without, "not tried without a network namespace", _PRIVILEGE)
        said = complaint("ip", "netns", "exec", name, "sh", "-c", trial)
    if not said:
        return Finding(Standing.FIT, "works")
    found = f"{consequence}: {said}" if consequence else said
    return Finding(without, found, f"a kernel with it (modprobe {module})")


@contextmanager
def _scratch_namespace() -> Iterator[tuple[str, str]]:
    """A namespace for the length of a block: its name, and the refusal where there is none."""
    name = f"fs{secrets.token_hex(3)}-doctor"
    refusal = complaint("ip", "netns", "add", name)
    try:
        yield name, refusal
    finally:
        complaint("ip", "netns", "del", name)
