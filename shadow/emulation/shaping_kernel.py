"""What the kernel is told, so that an interface has a rate, a delay or a loss.

Everything here acts in the network namespace of the calling thread.

How a delayed frame travels where there is no netem, on its way out of interface `to-b`:

    routing -> nft egress hook of to-b: fwd -> tap (its qdisc: tbf) -> relay process, for the delay
            -> tap, ingress: mirred redirect -> to-b -> the cable

The frame meets to-b twice and the egress hook once: the kernel lets frames that tc redirected pass
by the nft egress hooks (`skb->nf_skip_egress`), so there is no loop. Since the interface itself
sends it in the end, its counters are right, and since only the sender's side is touched, neither
end's carrier, address or adjacency notices. tbf comes first: frames wait for the link's rate and
then travel, and the relay never sees more than the link can carry.

Loss is taken from what arrives, after the sender has counted it, as on a noisy cable.
"""

from collections.abc import Mapping

from pyroute2 import IPRoute

from shadow.emulation.lab import LinkShape
from shadow.emulation.network_tools import run_tool

QUEUE_S = 0.05
"""What waits longer than this for a link's rate is dropped."""
LOSS_STEPS = 1_000_000
"""Loss is drawn from this many equally likely numbers."""
MOST_RATE_BPS = 8.0 * (2**32 - 1)
"""The kernel's 32-bit rate, 34 Gbit/s, which no virtual link reaches: above it nothing limits."""

_BURST_S = 0.002
_FRAME_OVERHEAD_BYTES = 18
_LEAST_QUEUED_FRAMES = 10
_NETEM_UNLIMITED_FRAMES = 100_000
_USUAL_FRAME_BYTES = 1_500
_TAP_QUEUE_FRAMES = 5_000
_ROOT, _HANDLE = 0xFFFF_FFFF, 0x1_0000
_INGRESS = 0xFFFF_FFF2
_EVERY_PROTOCOL = 3


def tap_name(index: int) -> str:
    """What the tap of the interface with that kernel index is called."""
    return f"delay{index}"


def set_netem(interface: str, shape: LinkShape) -> None:
    """Let an interface's one qdisc do everything (pyroute2 0.9 cannot say netem's rate).

    Raises:
        EmulationFailed: tc is missing, or the kernel refused.
    """
    words = ["delay", f"{round(1e6 * shape.delay_s)}us", "loss", f"{100 * shape.loss_ratio:.6f}%"]
    frames = _NETEM_UNLIMITED_FRAMES
    if shape.rate_bps is not None:
        waiting_bytes = (shape.delay_s + QUEUE_S) * shape.rate_bps / 8
        frames = max(_LEAST_QUEUED_FRAMES, int(waiting_bytes / _USUAL_FRAME_BYTES))
        words += ["rate", f"{round(shape.rate_bps)}bit"]
    place = ["dev", interface, "root", "handle", "1:"]
    run_tool("tc", "qdisc", "replace", *place, "netem", "limit", str(frames), *words)


def set_tbf(netlink: IPRoute, index: int, rate_bps: float, *, mtu: int) -> None:
    """Let an interface send at a rate, and drop what would wait longer than `QUEUE_S`.

    Raises:
        NetlinkError: The kernel refused.
    """
    rate = _bytes_per_s(rate_bps)
    frame = mtu + _FRAME_OVERHEAD_BYTES
    burst = max(int(rate * _BURST_S), 2 * frame)
    limit = max(int(rate * QUEUE_S), _LEAST_QUEUED_FRAMES * frame) + burst
    limit = min(limit, 2**32 - 1)
    netlink.tc("replace", "tbf", index, _HANDLE, rate=rate, burst=burst, limit=limit)


def clear_root(netlink: IPRoute, index: int) -> None:
    """Give an interface the kernel's own queue again; nothing happens where it has it."""
    if root_qdisc(netlink, index) in ("tbf", "netem"):
        netlink.tc("del", index=index, parent=_ROOT)


def root_qdisc(netlink: IPRoute, index: int) -> str:
    """What the root queue of an interface is called, e.g. `noqueue`."""
    for qdisc in netlink.get_qdiscs(index=index):
        if qdisc["parent"] == _ROOT:
            return str(qdisc.get_attr("TCA_KIND"))
    return ""


def lead_out(netlink: IPRoute, tap: str, index: int) -> None:
    """Send what is written to a tap out of an interface.

    Raises:
        NetlinkError: The kernel refused.
    """
    device = netlink.link_lookup(ifname=tap)[0]
    netlink.tc("add", "clsact", device)
    netlink.tc(
        "add-filter",
        "u32",
        device,
        parent=_INGRESS,
        protocol=_EVERY_PROTOCOL,
        prio=1,
        target=_HANDLE,
        keys=["0x0/0x0+0"],
        action={
            "kind": "mirred",
            "direction": "egress",
            "action": "redirect",
            "ifindex": index,
        },
    )
    netlink.link("set", index=device, txqlen=_TAP_QUEUE_FRAMES, state="up")


def filter_frames(ports: Mapping[int, tuple[str, float, str]]) -> None:
    """Lose and divert frames of interfaces, all of them in one transaction.

    Args:
        ports: By kernel index: the interface, the share of arriving frames to lose, and the tap
            that leaving frames go to, "" for none. Without both the interface is left alone.

    Raises:
        EmulationFailed: nft is missing, or refused.
    """
    script = "".join(
        _table(f"shape{index}", interface, loss_ratio, tap)
        for index, (interface, loss_ratio, tap) in ports.items()
    )
    run_tool("nft", "-f", "-", script=script)


def _table(name: str, interface: str, loss_ratio: float, tap: str) -> str:
    emptied = f"add table netdev {name}\ndelete table netdev {name}\n"
    if not loss_ratio and not tap:
        return emptied
    chains = ""
    if loss_ratio:
        lost = round(loss_ratio * LOSS_STEPS)
        chains += (
            f' chain loss {{ type filter hook ingress device "{interface}" priority 100;'
            f" numgen random mod {LOSS_STEPS} < {lost} drop; }}\n"
        )
    if tap:
        chains += (
            f' chain delay {{ type filter hook egress device "{interface}" priority 100;'
            f' fwd to "{tap}"; }}\n'
        )
    return f"{emptied}table netdev {name} {{\n{chains}}}\n"


def _bytes_per_s(rate_bps: float) -> int:
    return max(1, int(min(rate_bps, MOST_RATE_BPS) / 8))
