"""Whoever follows the patches holds what the device has told, whatever the order of things."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.observed import Interface
from ingest.device_names import DeviceNames
from ingest.heard import Heard, Phase, StatePatch
from ingest.sources.gnmi_decoder import GnmiDecoder
from tests.gnmi_cases import AT_NS, SYNCED, interface, notification, path

_NAMES = st.sampled_from(["a", "b", "c"])
_LEAVES = st.sampled_from(["oper-status", "admin-status"])
_Event = tuple[str, ...]
_EVENTS = st.lists(
    st.tuples(st.just("set"), _NAMES, _LEAVES, st.sampled_from(["UP", "DOWN"]))
    | st.tuples(st.just("delete"), _NAMES, _LEAVES)
    | st.tuples(st.just("delete"), _NAMES)
    | st.tuples(st.just("delete"))
    | st.tuples(st.just("restart"))
    | st.tuples(st.just("successor")),
    max_size=30,
)


class _Follower:
    """A copy: what began anew is shown once it is whole."""

    def __init__(self) -> None:
        self.shown: dict[str, Any] = {}
        self._coming: dict[str, Any] | None = None

    def follow(self, heard: list[Heard]) -> None:
        """Apply every patch."""
        for patch in heard:
            if not isinstance(patch, StatePatch):
                continue
            if patch.phase is Phase.BEGIN:
                self._coming = {}
            held = self.shown if self._coming is None else self._coming
            for key in patch.deletes:
                del held[key]
            held.update(patch.upserts)
            if patch.phase is Phase.END:
                assert self._coming is not None
                self.shown, self._coming = self._coming, None


def _decoder() -> GnmiDecoder:
    return GnmiDecoder("gnmi", DeviceNames(["r1"], default="r1"))


def _message(event: _Event, at_ns: int) -> bytes:
    match event:
        case ("set", name, leaf, status):
            where = interface(name, "state", leaf)
            return notification((where, {"stringVal": status}), at_ns=at_ns)
        case ("delete", name, leaf):
            return notification(at_ns=at_ns, delete=[interface(name, "state", leaf)])
        case ("delete", name):
            return notification(at_ns=at_ns, delete=[interface(name)])
        case _:
            return notification(at_ns=at_ns, delete=[path("interfaces")])


def _expected(leaves: dict[tuple[str, str], str]) -> dict[str, Interface]:
    return {
        name: Interface(
            name=name,
            is_admin_up=leaves.get((name, "admin-status"), "UP") == "UP",
            is_oper_up=status == "UP",
        )
        for (name, leaf), status in leaves.items()
        if leaf == "oper-status"
    }


def _told(leaves: dict[tuple[str, str], str], at_ns: int) -> list[bytes]:
    return [
        *(_message(("set", *where, status), at_ns) for where, status in leaves.items()),
        SYNCED,
    ]


@given(_EVENTS)
def test_follower_holds_what_was_told(events: list[_Event]) -> None:
    """Through changes, deletes of leaves and branches, new subscriptions and new processes."""
    decoder, follower = _decoder(), _Follower()
    leaves = {("a", "oper-status"): "UP"}

    def hear(*messages: bytes) -> None:
        for raw in messages:
            follower.follow(list(decoder.decode(raw, origin="x", received_ns=1 << 62)))

    hear(*_told(leaves, AT_NS))
    for number, event in enumerate(events, 1):
        at_ns = AT_NS + number * 10**9
        match event:
            case ("restart",):
                decoder.state.restart(*decoder.state.devices)
                hear(*_told(leaves, at_ns))
            case ("successor",):
                memory, decoder = decoder.remember(), _decoder()
                follower.follow(list(decoder.recall(memory)))
            case ("set", name, leaf, status):
                leaves[name, leaf] = status
                hear(_message(event, at_ns))
            case _:
                gone = event[1:]
                leaves = {w: s for w, s in leaves.items() if w[: len(gone)] != gone}
                hear(_message(event, at_ns))

        assert follower.shown == _expected(leaves)
