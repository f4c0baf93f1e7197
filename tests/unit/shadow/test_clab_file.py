"""Labs that others wrote: read as their authors meant, or refused with the line that is why."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.errors import ConfigError
from shadow.emulation.clab import ClabEnd, ClabLab, ClabLink, ClabNode, to_text
from shadow.emulation.clab_file import read_lab
from shadow.emulation.clab_spec import spec_of
from shadow.emulation.clab_variables import expand

_NODES = """\
name: two
topology:
  nodes:
    a: {kind: linux, image: frr}
    b: {kind: linux, image: frr}
"""


def _read(tmp_path: Path, text: str, **environment: str) -> ClabLab:
    path = tmp_path / "lab.clab.yml"
    path.write_text(text)
    return read_lab(path, environment=environment)


def test_a_node_inherits_from_group_kind_and_defaults(repository: Path) -> None:
    """The most specific level wins; variables of the shell and of containerlab are filled in."""
    samples = repository / "containerlab" / "samples"

    lab = read_lab(samples / "ring.clab.yml", environment={})

    r1, _, r3 = lab.nodes
    assert r1.image == "foreshadow/frr:10"
    assert r1.binds == (f"{samples}/ring/r1.conf:/etc/frr/frr.conf:ro",)
    assert (r1.environment, r3.environment) == ({"TZ": "UTC"}, {"TZ": "Europe/Zurich"})
    assert (r1.labels, r3.labels) == ({"role": "core"}, {})
    assert r3.exec_commands == ("sh -c 'echo r3 >/run/name'",)
    assert lab.container("r1") == "clab-ring-r1"


def test_both_forms_of_a_link_are_read(repository: Path) -> None:
    """`endpoints: [a, b]` and `type: veth`, with their MTU."""
    lab = read_lab(repository / "containerlab/samples/ring.clab.yml", environment={})

    assert [f"{it.a} - {it.b} {it.mtu_bytes}" for it in lab.links] == [
        "r1:eth1 - r2:eth1 None",
        "r2:eth2 - r3:eth1 1400",
        "r3:eth2 - r1:eth2 None",
    ]
    assert lab.ignored == ("r3:eth2 - r1:eth2: vars: for templates and listings",)


def test_an_image_comes_from_the_environment_where_the_file_says_so(repository: Path) -> None:
    """`${FRR_IMAGE:=...}` is what the operator set."""
    path = repository / "containerlab/samples/ring.clab.yml"

    lab = read_lab(path, environment={"FRR_IMAGE": "mine:1"})

    assert {node.image for node in lab.nodes} == {"mine:1"}


def test_a_lab_of_frr_routers_is_a_lab_of_the_shadow(repository: Path) -> None:
    """Configurations are those bound into the containers, links are named by their ends."""
    spec = spec_of(read_lab(repository / "containerlab/samples/ring.clab.yml", environment={}))

    assert [link.id for link in spec.links] == ["r1-r2", "r2-r3", "r3-r1"]
    assert "router ospf" in spec.node("r2").config
    assert len(spec.announced()) == 3


def test_a_vendors_node_is_refused_by_name(repository: Path) -> None:
    """The first node that cannot run here is named with its kind and the line that gives it."""
    path = repository / "containerlab/samples/mixed.clab.yml"

    with pytest.raises(ConfigError) as caught:
        read_lab(path, environment={})

    assert str(caught.value) == (
        f"{path}:12:13: topology.nodes.spine.kind: "
        "node spine is of kind nokia_srlinux: only kind linux runs here"
    )


@pytest.mark.parametrize(
    ("kind", "line"),
    [("arista_ceos", 4), ("bridge", 4), ("vr-sros", 4), ("ovs-bridge", 4), ("host", 4)],
)
def test_each_other_kind_is_refused(tmp_path: Path, kind: str, line: int) -> None:
    """Whatever containerlab knows and we do not run is said with its line."""
    with pytest.raises(ConfigError, match=f"node a is of kind {kind}") as caught:
        _read(tmp_path, f"name: x\ntopology:\n  nodes:\n    a: {{kind: {kind}, image: i}}\n")

    assert caught.value.line == line


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ('{endpoints: ["a:eth1", "host:veth9"]}', "a cable to the host"),
        ('{endpoints: ["a:eth1", "mgmt-net:x"]}', "a cable to the management network"),
        ('{endpoints: ["a:eth1", "macvlan:enp0s3"]}', "an interface of the host's"),
        ("{type: vxlan, endpoints: []}", "a tunnel to elsewhere"),
        ("{type: dummy, endpoints: []}", "an interface without another end"),
        ('{endpoints: ["a:eth1", "c:eth1"]}', "there is no node 'c'"),
        ('{endpoints: ["a:eth1", "b"]}', "expected NODE:INTERFACE"),
        ('{endpoints: ["a:eth1"]}', "two endpoints, this one 1"),
        ('{endpoints: ["a:eth1", "a:eth1"]}', "a:eth1 is taken"),
        ('{endpoints: ["a:eth1", "b:an-interface-too-long"]}', "cannot name an interface"),
        ('{endpoints: ["a:eth1", "b:eth1"], ipv4: ["10.0.0.1/24"]}', "ipv4 of a link"),
    ],
)
def test_a_link_that_cannot_be_laid_is_refused_with_its_line(
    tmp_path: Path, link: str, reason: str
) -> None:
    """Only veth cables between two nodes of the lab."""
    with pytest.raises(ConfigError, match=reason) as caught:
        _read(tmp_path, f"{_NODES}  links:\n    - {link}\n")

    assert caught.value.line == 7


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("network-mode: host", "shares the network of host"),
        ("volumes: [data:/data]", "volumes .* is not carried out"),
        ("stages: {create: {}}", "stages .* is not carried out"),
        ("privileged: false", "Input should be True"),
        ("startup-config: none.cfg", "is no file here"),
        ("env: {__IMPORT_ENVS: true}", "__IMPORT_ENVS is not carried out"),
        ("group: nobody", "there is no group 'nobody'"),
    ],
)
def test_a_setting_that_would_make_it_another_lab_is_refused(
    tmp_path: Path, setting: str, reason: str
) -> None:
    """What we cannot do is not passed over."""
    node = f"a:\n      kind: linux\n      image: i\n      {setting}\n"
    text = f"name: x\ntopology:\n  nodes:\n    {node}"

    with pytest.raises(ConfigError, match=reason) as caught:
        _read(tmp_path, text)

    assert caught.value.line == 7


def test_what_has_no_counterpart_is_left_out_and_said(tmp_path: Path) -> None:
    """Limits and management addresses change nothing inside a node."""
    text = _NODES.replace(
        "a: {kind: linux, image: frr}",
        'a: {kind: linux, image: frr, mgmt-ipv4: 172.20.20.9, ports: ["80:80"]}',
    )

    assert _read(tmp_path, text).ignored == (
        "a: mgmt-ipv4: there is no management network",
        "a: ports: there is no management network",
    )


def test_a_bind_of_the_most_specific_level_wins(tmp_path: Path) -> None:
    """By its place in the container, as containerlab does it."""
    text = """\
name: x
topology:
  defaults: {kind: linux, image: i, binds: ["all.conf:/etc/frr/frr.conf", "/srv:/srv:ro"]}
  nodes:
    a: {binds: ["a.conf:/etc/frr/frr.conf:ro"]}
"""

    assert _read(tmp_path, text).nodes[0].binds == (
        f"{tmp_path}/a.conf:/etc/frr/frr.conf:ro",
        "/srv:/srv:ro",
    )


def test_a_router_without_configuration_is_refused_by_the_shadow(tmp_path: Path) -> None:
    """A host in the lab is no router."""
    with pytest.raises(ConfigError, match="node a has no FRR configuration"):
        spec_of(_read(tmp_path, _NODES))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$A ${A} $$A", "set set $A"),
        ("${B-x} ${B:-x} ${B=x} ${B:=x} ${B+x} ${B:+x}", "x x x x  "),
        ("${EMPTY-x} ${EMPTY:-x} ${EMPTY+x} ${EMPTY:+x}", " x x "),
        ("${B:-$A} ${A:+$A!}", "set set!"),
        ("a $ b", "a $ b"),
    ],
)
def test_variables_are_replaced_as_a_shell_does(text: str, expanded: str) -> None:
    """The forms containerlab documents."""
    assert expand(text, {"A": "set", "EMPTY": ""}) == expanded


_WORDS = st.text("abcxyz019", min_size=1, max_size=6)
_NODE = st.builds(
    ClabNode,
    name=st.just(""),
    image=_WORDS,
    binds=st.sets(_WORDS, max_size=2).map(
        lambda names: tuple(f"/{it}:/in/{it}" for it in sorted(names))
    ),
    environment=st.dictionaries(_WORDS, st.one_of(_WORDS, st.sampled_from(["1", "yes", "null"]))),
    exec_commands=st.lists(_WORDS, max_size=2, unique=True).map(tuple),
    command=st.none() | _WORDS,
    entrypoint=st.none() | _WORDS,
    user=st.none() | _WORDS,
    sysctls=st.dictionaries(_WORDS, _WORDS, max_size=2),
    labels=st.dictionaries(_WORDS, _WORDS, max_size=2),
    network_mode=st.sampled_from([None, "none"]),
)


@given(nodes=st.lists(_NODE, min_size=2, max_size=4), mtu=st.none() | st.integers(68, 9000))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, nodes: list[ClabNode], mtu: int | None
) -> None:
    """Writing loses nothing, whatever is shared and said once."""
    named = tuple(_renamed(node, f"n{number}") for number, node in enumerate(nodes))
    lab = ClabLab(
        name="law",
        prefix="__lab-name",
        nodes=named,
        links=(
            ClabLink(
                a=ClabEnd(node="n0", interface="eth1"),
                b=ClabEnd(node="n1", interface="eth1"),
                mtu_bytes=mtu,
            ),
        ),
    )

    path = tmp_path_factory.mktemp("law") / "law.clab.yml"
    path.write_text(to_text(lab))

    assert read_lab(path, environment={}) == lab


def _renamed(node: ClabNode, name: str) -> ClabNode:
    return replace(node, name=name)
