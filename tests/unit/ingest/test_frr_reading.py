"""Answers of real routers, damaged in every way: values, or a refusal, and nothing else."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreshadow.observed import Stream, decode
from frr import bfd
from ingest import frr_reading
from tests.fuzzing import HOSTILE_SCALARS, NOT_UTF8, deep_json, json_mutations, mutations

_CAPTURED = Path(__file__).parents[1] / "frr" / "captured"
_OSPF_NEIGHBORS, _OSPF_INTERFACES, _ISIS_NEIGHBORS, _ISIS_INTERFACES = frr_reading.COMMANDS[
    Stream.ADJACENCY
]
_PEER = "10.253.0.3"
_RECEIVED = f"show bgp ipv4 unicast neighbors {_PEER} received-routes json"
_ACCEPTED = f"show bgp ipv4 unicast neighbors {_PEER} routes json"

_FILES: Mapping[str, tuple[Stream, tuple[str, ...]]] = {
    frr_reading.INTERFACES: (Stream.INTERFACE, ("interface",)),
    _OSPF_NEIGHBORS: (Stream.ADJACENCY, ("ospf-neighbor",)),
    _OSPF_INTERFACES: (Stream.ADJACENCY, ("ospf-interface",)),
    _ISIS_NEIGHBORS: (Stream.ADJACENCY, ("isis-neighbor", "frr10-isis-neighbor")),
    _ISIS_INTERFACES: (Stream.ADJACENCY, ("isis-interface", "frr10-isis-interface")),
    frr_reading.BGP_SUMMARY: (Stream.SESSION, ("bgp-summary", "bgp-summaries")),
    frr_reading.BGP_TABLE: (Stream.BEST_PATH, ("bgp-detail", "bgp", "frr10-bgp-detail")),
    frr_reading.ROUTES: (Stream.FIB, ("route", "frr10-route")),
    _RECEIVED: (Stream.RECEIVED, ("bgp-received", "frr10-received")),
    _ACCEPTED: (Stream.RECEIVED, ("bgp", "frr10-bgp")),
}
"""Captured answers by command, with the stream they are part of."""


def _captured(name: str) -> bytes:
    return (_CAPTURED / f"{name}.json").read_bytes()


def _shown(command: str, answer: bytes) -> dict[str, str]:
    """A reading of the command's stream in which this one answer is another."""
    stream = _FILES[command][0]
    shown = {it: _captured(_FILES[it][1][0]).decode() for it in frr_reading.COMMANDS[stream]}
    if stream is Stream.RECEIVED:
        shown[_RECEIVED] = _captured("bgp-received").decode()
    if command == _ACCEPTED:
        shown[_RECEIVED] = '{"warning":"Inbound soft reconfiguration not enabled"}'
    # What a socket's bytes become on their way here.
    return shown | {command: answer.decode(errors="replace")}


def _read_or_refused(command: str, answer: bytes) -> None:
    """Read as the state's owner reads, and as the agent does; each value is one of its stream."""
    stream, shown = _FILES[command][0], _shown(command, answer)
    try:
        values = frr_reading.values(stream, frr_reading.body(shown))
    except frr_reading.UNREADABLE:
        return
    for key, raw in values.items():
        assert key
        decode(stream, raw)
    assert frr_reading.read(stream, shown).keys() == values.keys()


def _answers(command: str) -> st.SearchStrategy[bytes]:
    samples = [_captured(name) for name in _FILES[command][1]]
    return mutations(samples) | json_mutations(samples)


@pytest.mark.parametrize("command", _FILES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_answer_is_read_or_refused(command: str, data: st.DataObject) -> None:
    """Whatever became of it on the way, or whatever a daemon thought of."""
    _read_or_refused(command, data.draw(_answers(command)))


@pytest.mark.parametrize("command", _FILES)
def test_an_answer_that_is_no_object_of_frr_s_is_read_or_refused(command: str) -> None:
    """Error texts, warnings, other documents, other encodings, and depth without end."""
    texts = [
        b"% Unknown command: show interface json\n",
        b"% BGP instance not found\n",
        b'{"warning":"No such neighbor"}',
        b'{"warning":{}}',
        NOT_UTF8,
        b"\x00",
        deep_json(100_000),
        *(msgspec.json.encode(it) for it in HOSTILE_SCALARS if not _is_too_large(it)),
    ]
    for text in texts:
        _read_or_refused(command, text)


def _is_too_large(value: object) -> bool:
    return isinstance(value, int) and not -(1 << 63) <= value < 1 << 64


@pytest.mark.parametrize("command", [*_FILES])
def test_an_error_text_is_never_an_empty_table(command: str) -> None:
    """Nothing is gone because a daemon did not know the question."""
    shown = _shown(command, b"% Command incomplete\n")
    with pytest.raises(ValueError, match=r".+"):
        frr_reading.read(_FILES[command][0], shown)


@pytest.mark.parametrize("command", [frr_reading.BGP_SUMMARY, frr_reading.BGP_TABLE])
def test_a_warning_is_no_empty_table(command: str) -> None:
    """What bgpd could not show is not known to be empty."""
    shown = _shown(command, b'{"warning":"could not read"}')
    with pytest.raises(ValueError, match="could not read"):
        frr_reading.read(_FILES[command][0], shown)


def test_a_bgpd_without_an_instance_has_no_paths() -> None:
    """Which is what it says, as a warning."""
    shown = _shown(frr_reading.BGP_TABLE, b'{\n  "warning":"Default BGP instance not found"\n}\n')
    assert frr_reading.read(Stream.BEST_PATH, shown) == {}


@given(
    mutations([_captured("bfd-peers"), _captured("frr10-bfd-peers")])
    | json_mutations([_captured("bfd-peers")])
)
def test_damaged_bfd_sessions_are_read_or_refused(answer: bytes) -> None:
    """The same for what drills ask bfdd."""
    with suppress(ValueError):
        bfd.sessions(answer.decode(errors="replace"))


@pytest.mark.parametrize(
    "raw", ["7", "[]", "null", '{"tableVersion":"x"}', "% no", '{"tableVersion":1.5}']
)
def test_a_summary_that_is_none_has_no_version(raw: str) -> None:
    """The agent looks at it often, and must not fall over it."""
    with pytest.raises(ValueError, match=r".+"):
        frr_reading.table_version(raw)


def test_a_summary_without_a_version_has_none() -> None:
    """A bgpd without an instance says nothing."""
    assert frr_reading.table_version("") is None
    assert frr_reading.table_version("{}") is None
    assert frr_reading.table_version('{"tableVersion":7}') == 7
