"""The catalogue: every kind on paper and back, what a scenario may say, and what it is told."""

import json

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix
from frr.configuration import Daemon
from scenarios.faults import catalogue
from scenarios.faults.catalogue import AnyFault, Target, decode, describe, encode, kinds, make
from scenarios.faults.ddos import Ddos
from scenarios.faults.link_degrade import LinkDegrade
from scenarios.faults.link_down import LinkDown
from scenarios.faults.mtu_mismatch import MtuMismatch
from scenarios.faults.route_leaked import RouteLeaked

NAMES = [
    "link-down", "link-silent", "link-flap", "link-degrade", "node-down", "node-frozen",
    "daemon-crash", "node-restart", "srlg-cut", "partition", "session-reset", "session-down",
    "prefix-withdrawn", "prefix-hijacked", "route-leaked", "max-prefix-hit", "cost-changed",
    "overloaded", "timer-mismatch", "mtu-mismatch", "drained", "demand-surge", "ddos",
]  # fmt: skip

_words = st.text("ABCDEFGHng", min_size=1, max_size=8)
_links = st.builds("{}-{}".format, _words, _words)
_prefixes = st.builds(
    lambda octet, length: str(Prefix(f"10.{octet}.0.0/{length}")),
    st.integers(0, 255),
    st.integers(16, 32),
)
_VALUES = {Target.LINK: _links, Target.NODE: _words, Target.PREFIX: _prefixes, Target.SRLG: _words}


def _values(parameter: catalogue.Parameter) -> st.SearchStrategy[object]:
    """Anything the parameter's schema allows."""
    if parameter.target is not None:
        one = _VALUES[parameter.target]
        return st.lists(one, min_size=1, max_size=3) if parameter.is_many else one
    schema = next(
        (it for it in parameter.schema.get("anyOf", ()) if it["type"] != "null"), parameter.schema
    )
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    least, most = schema.get("minimum", 1), schema.get("maximum", 1000)
    if schema["type"] == "integer":
        return st.integers(least, most)
    return st.floats(max(least, 0.001), most, allow_nan=False)


def _parameters(kind: catalogue.FaultKind) -> st.SearchStrategy[dict[str, object]]:
    required = {it.name: _values(it) for it in kind.parameters if it.is_required}
    optional = {it.name: _values(it) for it in kind.parameters if not it.is_required}
    return st.fixed_dictionaries(required, optional=optional)


_faults: st.SearchStrategy[AnyFault] = st.sampled_from(kinds()).flatmap(
    lambda kind: _parameters(kind).map(lambda given_: make(kind.name, given_))
)


def test_every_fault_of_the_table_has_its_name() -> None:
    """The words a scenario file uses."""
    assert [kind.name for kind in kinds()] == NAMES


@given(_faults)
def test_what_is_written_is_read_again(fault: AnyFault) -> None:
    """Decode after encode is identity, for every kind and every value it takes."""
    assert decode(encode(fault)) == fault
    assert encode(decode(encode(fault))) == encode(fault)


@given(st.sampled_from(kinds()).flatmap(lambda kind: st.tuples(st.just(kind), _parameters(kind))))
def test_a_parameter_that_passes_its_schema_is_taken(
    case: tuple[catalogue.FaultKind, dict[str, object]],
) -> None:
    """What an editor accepts by the schema, the catalogue takes."""
    kind, parameters = case
    for parameter in kind.parameters:
        if parameter.name in parameters:
            jsonschema.validate(parameters[parameter.name], dict(parameter.schema))

    assert catalogue.kind_of(make(kind.name, parameters)) == kind.name


@given(_faults)
def test_a_fault_says_in_one_line_what_it_is_and_how_it_is_taken_back(fault: AnyFault) -> None:
    """A plan prints these words before anything is touched."""
    kind = catalogue.kind_named(catalogue.kind_of(fault))

    assert describe(fault).startswith(f"{fault.name}: ")
    assert "\n" not in describe(fault)
    assert kind.summary.endswith(".")
    assert kind.undoing


def test_the_paper_form_names_kind_and_version() -> None:
    """Golden bytes: a published version never changes its meaning."""
    assert encode(LinkDown(link=LinkId("A-B"))) == '{"kind":"link-down.v1","link":"A-B"}'
    assert json.loads(encode(LinkDegrade(link=LinkId("A-B"), rate_bps=1e6))) == {
        "kind": "link-degrade.v1",
        "link": "A-B",
        "rate_bps": 1e6,
        "delay_s": 0.0,
        "loss_ratio": 0.0,
    }


@pytest.mark.parametrize(
    "text", ['{"kind":"link-down.v9","link":"A-B"}', '{"kind":"link-down.v1"}', "{}", "nonsense"]
)
def test_a_version_nobody_knows_is_refused(text: str) -> None:
    """A journal of the future is not guessed at."""
    with pytest.raises(msgspec.DecodeError):
        decode(text)


@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("link-dwn", {}, "no fault 'link-dwn', did you mean 'link-down'?"),
        ("link-down", {}, "missing required field `link`"),
        ("link-down", {"lnk": "A-B"}, "lnk: link-down has no parameter 'lnk', did you mean 'link'"),
        ("link-degrade", {"link": "A-B", "loss_ratio": 3}, "loss_ratio: link-degrade: .* <= 1"),
        ("link-flap", {"link": "A-B", "times": 0}, "times: link-flap: .* >= 1"),
        ("ddos", {"prefix": "10.0.0.0/33", "total_bps": 1}, "prefix: ddos: '33'"),
        ("ddos", {"prefix": "10.0.0.1/8", "total_bps": 1}, "prefix: ddos: .* host bits"),
        ("daemon-crash", {"node": "X", "daemon": "y"}, "daemon: daemon-crash: Invalid enum"),
        ("partition", {"nodes": []}, "nodes: partition: .* length >= 1"),
        ("mtu-mismatch", {"link": "A-B", "mtu_bytes": 600}, "mtu_bytes: mtu-mismatch: .* >= 1280"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    name: str, parameters: dict[str, object], says: str
) -> None:
    """The field at fault and what was expected."""
    with pytest.raises(ConfigError, match=says):
        make(name, parameters)


def test_what_a_fault_touches_is_known_without_a_lab() -> None:
    """For blast radius and for what should be watched."""
    leak = RouteLeaked(node=NodeId("SW"), peer=NodeId("PEERSW"))
    attack = Ddos(prefix=Prefix("10.3.0.0/16"), total_bps=1e9, sources=(NodeId("NW"),))

    assert catalogue.nodes(leak) == ("SW", "PEERSW")
    assert catalogue.links(leak) == ()
    assert catalogue.prefixes(attack) == (Prefix("10.3.0.0/16"),)
    assert catalogue.nodes(attack) == ("NW",)
    assert catalogue.nodes(MtuMismatch(link=LinkId("A-B"))) == ()
    assert catalogue.links(MtuMismatch(link=LinkId("A-B"))) == ("A-B",)


def test_a_daemon_is_chosen_by_its_name() -> None:
    """`bgpd` in a scenario is bgpd."""
    crash = make("daemon-crash", {"node": "NW", "daemon": "bgpd"})

    assert getattr(crash, "daemon", None) is Daemon.BGPD
