"""What a router's kernel and process table hold, as lines that can be compared.

"Undo leaves no trace" is a claim about these lines: two listings are equal if and only if nothing
that matters is different. Left out is what differs from one moment to the next by itself: counters,
ages, process numbers, interface indices, handles the kernel hands out in turn.
"""

import json
from collections.abc import Iterable
from typing import Any

from frr.namespace import inside
from shadow.emulation import process_table
from shadow.emulation.emulator import DaemonState, InterfaceCounters, KernelState
from shadow.emulation.network_tools import run_tool_at

_PASSING = frozenset({
    "cache_info", "carrier_changes", "carrier_down_count", "carrier_up_count", "expires",
    "group", "handle", "ifindex", "link_index", "link_netnsid", "nhid", "preferred_life_time",
    "pref", "refcnt", "stats", "stats64", "valid_life_time",
})  # fmt: skip
"""What names a thing for the moment, or counts."""

_RECEIVED_FIELDS = 8
_KEEPERS = frozenset({"tini", "sleep", "mgmtd"})
"""What keeps a container, and FRR 10's configuration, while the router's daemons come and go."""


def kernel_state(netns: str) -> KernelState:
    """What a namespace holds now.

    Raises:
        EmulationFailed: A listing was refused.
    """
    there = {pid: process_table.command_name(pid) for pid in process_table.inside([netns])}
    alive = [(there[pid], process_table.process(pid)) for pid in there]
    return KernelState(
        interfaces=_lines(_asked(netns, "ip", "-details", "-json", "address", "show")),
        qdiscs=_lines(
            (
                *_asked(netns, "tc", "-json", "qdisc", "show"),
                *_asked(netns, "tc", "-json", "filter", "show"),
            )
        ),
        filters=tuple(run_tool_at(netns, "nft", "list", "ruleset").splitlines()),
        routes=_lines(
            (
                *_asked(netns, "ip", "-4", "-json", "route", "show", "table", "all"),
                *_asked(netns, "ip", "-6", "-json", "route", "show", "table", "all"),
            )
        ),
        processes=tuple(
            sorted(
                f"{name} {it.state()}"
                for name, it in alive
                if it is not None and name not in _KEEPERS and it.state() is not DaemonState.DEAD
            )
        ),
    )


def counters(netns: str) -> dict[str, InterfaceCounters]:
    """Packets and bytes per interface, without `lo` (`/proc/net/dev`)."""
    with inside(netns), open("/proc/thread-self/net/dev") as listing:  # noqa: PTH123 - of this thread
        lines = listing.read().splitlines()[2:]
    found = {}
    for line in lines:
        name, _, values = line.partition(":")
        numbers = [int(value) for value in values.split()]
        received, sent = numbers[:_RECEIVED_FIELDS], numbers[_RECEIVED_FIELDS:]
        found[name.strip()] = InterfaceCounters(
            rx_bytes=received[0],
            rx_packets=received[1],
            tx_bytes=sent[0],
            tx_packets=sent[1],
            dropped=received[3] + sent[3],
        )
    found.pop("lo", None)
    return found


def _asked(netns: str, *command: str) -> list[Any]:
    said = run_tool_at(netns, *command)
    return list(json.loads(said)) if said.strip() else []


def _lines(items: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted(json.dumps(_lasting(item), sort_keys=True) for item in items if item))


def _lasting(value: Any) -> Any:
    """A listing without what passes; lists in an order of their own."""
    match value:
        case dict():
            return {key: _lasting(it) for key, it in value.items() if key not in _PASSING}
        case list():
            return sorted(map(_lasting, value), key=lambda it: json.dumps(it, sort_keys=True))
        case _:
            return value
