"""Network files: what does not hold together is one error that points at the line."""

import re
from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.routing_design import Igp
from tests.square_story import square

PATH = Path("square.yaml")
SQUARE = Path(__file__).resolve().parents[2] / "networks" / "square.yaml"


def test_a_file_that_holds_together_is_a_network() -> None:
    """Routers, links and peers in the file's order."""
    network = square()

    assert isinstance(network, NetworkFile)
    assert [router.name for router in network.routers] == ["NW", "NE", "SE", "SW"]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("name: SE,", "name: NE,", "router name NE is there twice"),
        ("loopback: 10.255.0.2", "loopback: 10.255.0.1", "loopback 10.255.0.1 is there twice"),
        ("site: 10.2.0.0/16", "site: 10.1.0.0/16", "announced prefix 10.1.0.0/16 is there twice"),
        ("{a: SE, b: SW", "{a: NE, b: NW", "link NE-NW is there twice"),
        ("{a: SE, b: SW", "{a: SE, b: XX", "link SE-XX names the router 'XX'"),
        ("takes_share_of: NE", "takes_share_of: XX", "peer AS65010 names the router 'XX'"),
        ("{router: SW,", "{router: XX,", "peer AS65010 names the router 'XX'"),
        (", route_reflector: true", "", "no router has route_reflector"),
        ("weight: 0.4", "weight: 0.5", "add up to 1.1; make it 1"),
        ("  - {a: SE, b: SW, capacity_gbps: 10, cost: 10}\n", "", None),
    ],
)
def test_what_does_not_hold_together_is_refused(before: str, after: str, says: str | None) -> None:
    """Each with the names at fault; what is only thinner is no error."""
    text = SQUARE.read_text()
    assert before in text
    changed = text.replace(before, after, 1)
    if says is None:
        assert len(parse_network(changed, path=PATH).links) == 3
        return

    with pytest.raises(ConfigError, match=says):
        parse_network(changed, path=PATH)


AREAS = SQUARE.with_name("areas.yaml")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("igp: isis\n", "", "ipv6 needs an IGP that carries it: set igp to isis"),
        ("igp: isis\n", "igp: isis\necmp: 4\n", "FRR's IS-IS has no limit on equal-cost paths"),
        ('isis_level: "2", ', 'isis_level: "1", ', "B-C: B (level 1-2, area 49.0001) and C (level"),
        ('isis_level: "1"}', 'isis_level: "1", isis_area: "49.0003"}', "no IS-IS level in common"),
        ("cost: 7}", "cost: 7, hello: {interval_s: 3, dead_s: 5}}", "make it 6 or more"),
        ("cost: 7}", "cost: 7, bfd: {interval_ms: 1}}", "greater than or equal to 50"),
    ],
)
def test_what_the_routers_could_not_do_is_refused(before: str, after: str, says: str) -> None:
    """A design is refused where it is written, not by the router that is told it."""
    text = AREAS.read_text()
    assert before in text
    with pytest.raises(ConfigError, match=re.escape(says)):
        parse_network(text.replace(before, after, 1), path=PATH)


def test_a_level_1_area_needs_a_reflector_of_its_own() -> None:
    """FRR's IS-IS carries no level 1 prefix into level 2, so BGP has to; somebody must do it."""
    text = AREAS.read_text().replace(
        'isis_level: "1-2", route_reflector: true', 'isis_level: "1-2"'
    )

    with pytest.raises(ConfigError, match=r"A is at IS-IS level 1 of area 49\.0001, which has no"):
        parse_network(text, path=PATH)


def test_a_file_that_says_nothing_of_protocols_means_what_it_always_meant() -> None:
    """OSPF with a hello a second, no BFD, IPv4, as many paths as the router takes."""
    network = square()

    assert (network.igp, network.ipv6, network.bfd, network.ecmp) == (Igp.OSPF, False, None, None)
    assert (network.hello.interval_s, network.hello.dead_s) == (1, 4)
    assert (network.bgp.keepalive_s, network.bgp.hold_s) == (3, 9)


def test_the_schema_can_be_derived() -> None:
    """An editor that knows JSON Schema can help to write a network."""
    properties = NetworkFile.model_json_schema()["properties"]

    assert {"igp", "ipv6", "bfd", "hello", "throttle", "bgp", "ecmp"} <= properties.keys()


def test_a_router_nobody_joins_is_named() -> None:
    """An island would only be found when nothing reaches it."""
    text = "".join(
        line for line in SQUARE.read_text().splitlines(keepends=True) if "SW, capacity" not in line
    ).replace("  - {a: SW, b: NW, capacity_gbps: 2.5, cost: 15}\n", "")

    with pytest.raises(ConfigError, match="no link joins SW to the rest"):
        parse_network(text, path=PATH)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("capacity_gbps: 2.5", "capacity_gbps: much", "links.3.capacity_gbps"),
        ("loopback: 10.255.0.3", "loopback: 10.255", "routers.2.loopback"),
        ("name: square", "name: The Square", "name"),
        ("version: 1", "version: 2", "version"),
        ("cost: 15", "cots: 15", "links.3.cost"),
    ],
)
def test_an_error_points_at_its_line_and_field(before: str, after: str, field: str) -> None:
    """The line is that of the value at fault, the field its dotted name."""
    text = SQUARE.read_text()
    line = next(n for n, one in enumerate(text.splitlines(), start=1) if before in one)
    with pytest.raises(ConfigError) as caught:
        parse_network(text.replace(before, after, 1), path=PATH)

    assert (caught.value.path, caught.value.line, caught.value.field) == (PATH, line, field)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("a: SW, b: NW", "a: SW, b: SW", "link SW-SW leads from a router to itself"),
        ("name: PEERSW", "name: NW", "has a border router NW, which is one of our own"),
        ("10.255.0.3", "10.255.0.0/16", "expected an IPv4 address such as"),
        ("cost: 15", "cots: 15", "cost: is missing; add it (and 1 more)"),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_file(before: str, after: str, says: str) -> None:
    """Not in those of the library that reads it."""
    text = SQUARE.read_text()
    assert before in text
    with pytest.raises(ConfigError, match=re.escape(says)):
        parse_network(text.replace(before, after, 1), path=PATH)


@pytest.mark.parametrize(
    ("text", "line"), [("version: 1\nrouters: [\n", 3), ("version: 1\n\tname: x\n", 2)]
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, line: int) -> None:
    """Not a stack trace of the parser's."""
    with pytest.raises(ConfigError, match="not valid YAML") as caught:
        parse_network(text, path=PATH)
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["", "a: \x00", "- 1\n", "just words"])
def test_what_is_no_document_of_this_kind_is_refused(text: str) -> None:
    """Empty, binary, a list, a word."""
    with pytest.raises(ConfigError, match=r"square\.yaml"):
        parse_network(text, path=PATH)


def test_parallel_links_are_numbered_in_order() -> None:
    """So that a link that is written twice by mistake is still found."""
    second = "  - {a: NE, b: NW, capacity_gbps: 1, cost: 10, number: 2}\n"
    text = SQUARE.read_text().replace("peers:\n", second + "peers:\n")
    first, *_, parallel = parse_network(text, path=PATH).links

    assert (first.id, parallel.id) == ("NW-NE", "NE-NW.2")
    assert (parallel.interface_to("NW"), first.interface_to("NE")) == ("t2-NW", "to-NE")
    with pytest.raises(ConfigError, match="has number 3 before there is a number 2"):
        parse_network(text.replace("number: 2", "number: 3"), path=PATH)
    with pytest.raises(ConfigError, match="give the second `number: 2`"):
        parse_network(text.replace(", number: 2", ""), path=PATH)
