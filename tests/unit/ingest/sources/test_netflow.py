"""NetFlow and IPFIX become flows, whatever the exporter does."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest

from ingest.demand_flow import Aside, Direction
from ingest.sources.flow_export import Export
from ingest.sources.netflow import NetflowParser
from ingest.sources.netflow_templates import TemplateLimits
from tests.flow_cases import PLAIN, SENT_S, Element, fields, ipfix, plain, template, v5, v9

_S = 1_000_000_000
_NOW = SENT_S * _S
_VARIABLE = 0xFFFF
_OPTIONS_V9, _OPTIONS_IPFIX = 1, 3


def _parse(parser: NetflowParser, raw: bytes, *, after_s: float = 0) -> Export:
    return parser.parse(raw, origin="test", received_ns=_NOW + round(after_s * _S))


def _to(export: Export) -> list[str]:
    return [str(IPv4Address(flow.destination or 0)) for flow in export.flows]


def _options_v9(identifier: int, elements: list[Element]) -> bytes:
    """An options template of NetFlow 9 whose scope is the system."""
    listed = b"".join(struct.pack(">HH", *element) for element in elements)
    head = struct.pack(">HHH", identifier, 4, len(listed))
    return fields(_OPTIONS_V9, head + struct.pack(">HH", 1, 4) + listed)


def _options_ipfix(identifier: int, elements: list[Element]) -> bytes:
    """An options template of IPFIX; the first element is the scope."""
    listed = b"".join(struct.pack(">HH", *element) for element in elements)
    return fields(_OPTIONS_IPFIX, struct.pack(">HHH", identifier, len(elements), 1) + listed)


def test_a_record_says_where_how_much_and_when() -> None:
    """All that the demand needs, in NetFlow 9's own terms."""
    record = plain("10.1.2.3", 3_000, 2, age_ms=1_500)

    (flow,) = _parse(NetflowParser(), v9(template(256), fields(256, record))).flows

    assert flow.destination == int(IPv4Address("10.1.2.3"))
    assert (flow.octets, flow.packets, flow.ingress, flow.mask_bits) == (3_000, 2, 3, 24)
    assert flow.start_ns == flow.end_ns == _NOW - 1_500_000_000


def test_elements_may_have_any_length() -> None:
    """Reduced sizes, and a string of variable length in both its forms (RFC 7011 section 7)."""
    elements = [(12, 4), (82, _VARIABLE), (1, 3), (2, 8)]
    body = b"".join(
        int(IPv4Address(to)).to_bytes(4, "big")
        + name
        + (1_000).to_bytes(3, "big")
        + bytes(7)
        + b"\x02"
        for to, name in (("10.1.0.1", b"\x03eth"), ("10.1.0.2", b"\xff\x01\x2c" + b"x" * 300))
    )

    export = _parse(NetflowParser(), ipfix(template(300, elements, kind=2), fields(300, body)))

    assert _to(export) == ["10.1.0.1", "10.1.0.2"]
    assert [(flow.octets, flow.packets) for flow in export.flows] == [(1_000, 2)] * 2


def test_vendors_own_elements_are_passed_over() -> None:
    """An element of an enterprise is neither octets nor a reason to stumble."""
    own = struct.pack(">HHHHI", 256, 3, 0x8000 | 1, 4, 9) + struct.pack(">HHHH", 12, 4, 1, 4)
    record = struct.pack(">III", 999, int(IPv4Address("10.1.0.1")), 77)

    (flow,) = _parse(NetflowParser(), ipfix(fields(2, own), fields(256, record))).flows

    assert flow.octets == 77


def test_both_directions_of_a_flow_are_two_flows() -> None:
    """RFC 5103: what came back entered by the other interface, towards the source."""
    reverse = struct.pack(">HHI", 0x8000 | 1, 4, 29305)
    own = struct.pack(">HH", 256, 6) + b"".join(
        struct.pack(">HH", *element) for element in [(8, 4), (12, 4), (1, 4), (10, 2), (14, 2)]
    )
    record = struct.pack(
        ">IIIHHI", int(IPv4Address("10.2.0.2")), int(IPv4Address("10.1.0.1")), 500, 7, 8, 90
    )

    export = _parse(NetflowParser(), ipfix(fields(2, own + reverse), fields(256, record)))

    assert _to(export) == ["10.1.0.1", "10.2.0.2"]
    assert [(flow.octets, flow.ingress) for flow in export.flows] == [(500, 7), (90, 8)]


def test_ipv6_is_set_aside_with_its_octets() -> None:
    """The demand is IPv4's; how much is left out of it is known."""
    record = IPv6Address("2001:db8::1").packed + (640).to_bytes(4, "big")

    (flow,) = _parse(
        NetflowParser(), ipfix(template(256, [(28, 16), (1, 4)], kind=2), fields(256, record))
    ).flows

    assert (flow.aside, flow.octets) == (Aside.IPV6, 640)


def test_what_the_router_dropped_or_sent_out_is_marked() -> None:
    """Elements 89 and 61."""
    elements = [(12, 4), (1, 4), (89, 1), (61, 1)]
    records = b"".join(
        struct.pack(">IIBB", 0x0A010001, 100, status, direction)
        for status, direction in ((0x40, 0), (0x80, 0), (0x40, 1))
    )

    flows = _parse(NetflowParser(), v9(template(256, elements), fields(256, records))).flows

    assert [flow.aside for flow in flows] == [None, Aside.DROPPED, None]
    assert flows[2].direction is Direction.EGRESS


# --- sampling -------------------------------------------------------------------------------------


def test_v5_says_its_sampling_in_the_header() -> None:
    """And may stop to say it, when the operator's word holds."""
    parser = NetflowParser(sampled_one_in=7)

    said = _parse(parser, v5(("10.1.0.1", 100, 1), one_in=100))
    silent = _parse(parser, v5(("10.1.0.1", 100, 1), number=1))

    assert said.flows[0].sampled_one_in == 100
    assert silent.flows[0].sampled_one_in == 7


@pytest.mark.parametrize(
    ("elements", "values", "one_in"),
    [
        ([(34, 4), (35, 1)], struct.pack(">IB", 100, 2), 100),
        ([(305, 4), (306, 4)], struct.pack(">II", 1, 99), 100),
        ([(305, 4), (306, 4)], struct.pack(">II", 2, 3), 2.5),
        ([(309, 4), (310, 4)], struct.pack(">II", 5, 1_000), 200),
        ([(311, 8)], struct.pack(">d", 0.01), 100),
        ([(311, 8)], struct.pack(">d", float("nan")), 1),
        ([(34, 4)], struct.pack(">I", 0), 1),
    ],
)
def test_a_domain_says_its_sampling(elements: list[Element], values: bytes, one_in: float) -> None:
    """In each of the ways of RFC 5477 and Cisco's; nonsense says nothing."""
    parser = NetflowParser()
    told = ipfix(
        _options_ipfix(400, [(149, 4), *elements]), fields(400, struct.pack(">I", 1) + values)
    )
    data = ipfix(template(256, PLAIN, kind=2), fields(256, plain("10.1.0.1", 100)), number=1)

    _parse(parser, told)
    (flow,) = _parse(parser, data).flows

    assert flow.sampled_one_in == pytest.approx(one_in)


def test_each_sampler_has_its_rate() -> None:
    """A flow names the one that metered it; another domain's of the same number is another."""
    parser = NetflowParser()
    told = v9(
        _options_v9(400, [(48, 1), (50, 4)]),
        fields(400, struct.pack(">IBI", 0, 1, 1_000) + struct.pack(">IBI", 0, 2, 50)),
    )
    elements = [(12, 4), (1, 4), (48, 1)]
    records = b"".join(struct.pack(">IIB", 0x0A010001, 100, sampler) for sampler in (1, 2, 3, 0))
    data = (template(256, elements), fields(256, records))

    _parse(parser, told)
    flows = _parse(parser, v9(*data, number=1)).flows
    elsewhere = _parse(parser, v9(*data, domain=9)).flows

    assert [flow.sampled_one_in for flow in flows] == [1_000, 50, 1, 1]
    assert [flow.aside for flow in flows] == [None, None, Aside.UNKNOWN_SAMPLER, None]
    assert [flow.aside for flow in elsewhere] == [*[Aside.UNKNOWN_SAMPLER] * 3, None]


def test_the_operator_explains_samplers_that_the_exporter_does_not() -> None:
    """Configured, an unknown sampler is no reason to set flows aside."""
    record = struct.pack(">IIB", 0x0A010001, 100, 9)
    data = v9(template(256, [(12, 4), (1, 4), (48, 1)]), fields(256, record))

    (flow,) = _parse(NetflowParser(sampled_one_in=512), data).flows

    assert (flow.sampled_one_in, flow.aside) == (512, None)


# --- templates ------------------------------------------------------------------------------------


def test_templates_belong_to_their_domain() -> None:
    """The same number means something else in another observation domain."""
    parser = NetflowParser()
    _parse(parser, v9(template(256), domain=1))

    export = _parse(parser, v9(fields(256, plain("10.1.0.1", 100)), domain=2))

    assert not export.flows
    assert not export.is_whole


def test_data_waits_for_its_template_and_no_longer_than_allowed() -> None:
    """What waited in vain is refused, with the remedy."""
    parser = NetflowParser(limits=TemplateLimits(held_s=60))
    _parse(parser, v9(fields(256, plain("10.1.0.1", 100))))
    _parse(parser, v9(fields(257, plain("10.1.0.2", 100)), number=1), after_s=30)

    known = _parse(parser, v9(template(256), number=2), after_s=50)
    late = _parse(parser, v9(template(300), number=3), after_s=95)

    assert _to(known) == ["10.1.0.1"]
    (refused,) = late.refused
    assert "template 257" in refused.reason
    assert "every minute" in refused.reason


def test_a_template_that_never_comes_is_not_waited_for_for_ever() -> None:
    """Demand is withheld until it is clear that nothing can be made of it."""
    parser = NetflowParser(limits=TemplateLimits(held_s=60))
    lone = fields(256, plain("10.1.0.1", 100))

    awaits = [
        _parse(parser, v9(lone, number=second, sent_s=SENT_S + second), after_s=second).awaits
        for second in (0, 59, 61, 62)
    ]

    assert awaits == [True, True, False, False]


def test_what_waits_is_bounded() -> None:
    """The oldest goes first, and not in silence."""
    parser = NetflowParser(limits=TemplateLimits(held_bytes=200))
    exports = [
        _parse(parser, v9(fields(256, plain(f"10.1.0.{number}", 100)), number=number))
        for number in range(10)
    ]

    flows = _parse(parser, v9(template(256), number=10))

    assert sum(len(export.refused) for export in exports) + len(flows.flows) == 10
    assert _to(flows)[-1] == "10.1.0.9"


def test_a_template_not_heard_of_for_long_is_forgotten() -> None:
    """Its number may mean something else by now."""
    parser = NetflowParser(limits=TemplateLimits(lifetime_s=100))
    _parse(parser, v9(template(256)))
    data = fields(256, plain("10.1.0.1", 100))

    young = _parse(parser, v9(data, number=1, sent_s=SENT_S + 90), after_s=90)
    old = _parse(parser, v9(data, number=2, sent_s=SENT_S + 110), after_s=110)

    assert _to(young) == ["10.1.0.1"]
    assert not old.flows


def test_a_template_sent_anew_replaces_the_old_one() -> None:
    """Also after a restart, when the same number has other elements."""
    parser = NetflowParser()
    _parse(parser, v9(template(256)))
    changed = template(256, [(1, 4), (12, 4)])
    record = struct.pack(">II", 5_000, 0x0A010001)

    (flow,) = _parse(parser, v9(changed, fields(256, record), number=1)).flows

    assert (flow.octets, flow.destination) == (5_000, 0x0A010001)


@pytest.mark.parametrize(
    "elements", [[(1, 0)] * 16_000 + [(4, 1)], [(4, 1)] * 600], ids=["empty", "many"]
)
def test_templates_that_cost_too_much_are_refused(elements: list[Element]) -> None:
    """16,000 elements of no length would make each byte of data cost a second of a core."""
    parser = NetflowParser()

    export = _parse(parser, v9(template(256, elements)))
    data = _parse(parser, v9(fields(256, b"\x01" * 1_000), number=1))

    assert "a template has more than" in export.refused[0].reason
    assert not data.flows


@pytest.mark.parametrize("elements", [[(12, 0)], [(12, _VARIABLE)]], ids=["none", "variable"])
def test_records_of_no_length_end(elements: list[Element]) -> None:
    """A record that takes no bytes is no reason to read on for ever."""
    raw = ipfix(template(256, elements, kind=2), fields(256, bytes(60_000)))

    export = _parse(NetflowParser(), raw)

    assert all(flow.destination is None for flow in export.flows)


def test_data_that_names_no_destination_is_passed_over() -> None:
    """Address translations, layer 2, statistics: understood, and nothing for the demand."""
    raw = v9(template(256, [(1, 4), (2, 4)]), fields(256, bytes(8 * 100)))

    export = _parse(NetflowParser(), raw)

    assert export.is_whole
    assert not export.flows
    assert not export.refused


def test_elements_nobody_looks_at_change_nothing() -> None:
    """They are passed over run by run, also between, before and after those that matter."""
    elements = [(7, 2), (56, 6), (12, 4), (82, _VARIABLE), (5, 1), (1, 4), (94, 30), (95, 4)]
    record = (
        bytes(8) + IPv4Address("10.1.0.1").packed + b"\x02ab" + b"\x07" + (900).to_bytes(4, "big")
    )
    raw = ipfix(template(256, elements, kind=2), fields(256, 2 * (record + bytes(30) + bytes(4))))

    flows = _parse(NetflowParser(), raw).flows

    assert [(flow.destination, flow.octets) for flow in flows] == [(0x0A010001, 900)] * 2


@pytest.mark.parametrize(
    "raw",
    [
        v9(),
        v5(),
        v9(fields(256, b""))[:-1],
        v9(struct.pack(">HH", 256, 0)),
        v9(struct.pack(">HH", 256, 3)),
        ipfix(struct.pack(">HH", 2, 400) + bytes(20)),
        ipfix(template(256, PLAIN, kind=2))[:-5],
        v5(("10.1.0.1", 1, 1), ("10.1.0.2", 1, 1))[:-10],
        b"\x00\x09",
    ],
)
def test_wrong_lengths_are_refused(raw: bytes) -> None:
    """Nothing that is cut or counts wrong is passed over in silence."""
    export = _parse(NetflowParser(), raw)

    assert export.refused
    assert all(each.reason and each.origin == "test" for each in export.refused)


# --- numbers and clocks ---------------------------------------------------------------------------


def test_lost_datagrams_are_counted() -> None:
    """By their numbers; an exporter that starts anew has lost none."""
    parser = NetflowParser()
    data = fields(256, plain("10.1.0.1", 1) + plain("10.1.0.2", 1))
    lost = [
        _parse(parser, v9(template(256), data, number=number)).lost
        for number in (10, 11, 12, 15, 16, 2_000_000_000, 2_000_000_001)
    ]

    assert lost == [0, 0, 0, 2, 0, 0, 0]


def test_ipfix_counts_records() -> None:
    """And those in data without template cannot be counted, so nothing is called lost for them."""
    parser = NetflowParser()
    two = fields(256, plain("10.1.0.1", 1) + plain("10.1.0.2", 1))
    datagrams = [
        ipfix(template(256, PLAIN, kind=2), two, number=0),
        ipfix(two, number=2),
        ipfix(two, number=7),
        ipfix(two, fields(999, bytes(40)), number=9),
        ipfix(two, number=15),
        ipfix(two, number=17),
    ]

    assert [_parse(parser, raw).lost for raw in datagrams] == [0, 0, 3, 0, 0, 0]


def test_an_exporter_with_a_wrong_clock_is_dated_by_arrival() -> None:
    """Its differences are right: a flow of five seconds ago is of five seconds before arrival."""
    parser = NetflowParser()
    data = fields(256, plain("10.1.0.1", 100, age_ms=5_000))
    raw = v9(template(256), data, sent_s=SENT_S - 86_400 * 365)

    export = _parse(parser, raw)

    assert export.at_ns == _NOW
    assert export.flows[0].end_ns == _NOW - 5 * _S
    assert parser.clocks_off == 1


def test_ipfix_by_uptime_is_dated_by_the_start_of_the_router() -> None:
    """Which it says of itself in an option (element 160), now and then."""
    parser = NetflowParser()
    booted_ms = SENT_S * 1_000 - 3_600_000
    told = ipfix(
        _options_ipfix(400, [(149, 4), (160, 8)]), fields(400, struct.pack(">IQ", 1, booted_ms))
    )
    data = fields(256, plain("10.1.0.1", 100, age_ms=7_000))

    _parse(parser, told)
    (flow,) = _parse(parser, ipfix(template(256, PLAIN, kind=2), data, number=1)).flows

    assert flow.end_ns == _NOW - 7 * _S


def test_the_part_of_a_second_is_that_of_the_arrival() -> None:
    """Headers have whole seconds: without the rest, flows would seem half a second old."""
    raw = v9(template(256), fields(256, plain("10.1.0.1", 100, age_ms=300)))

    (flow,) = _parse(NetflowParser(), raw, after_s=0.75).flows

    assert flow.end_ns == _NOW + 450_000_000


def test_uptime_wraps() -> None:
    """After 49.7 days the milliseconds begin again, between a packet and its export too."""
    record = struct.pack(">IIIIIIB", 0x0A010001, 100, 1, 3, (1 << 32) - 2_000, 500, 24)
    raw = v9(template(256), fields(256, record))
    raw = raw[:4] + (1_000).to_bytes(4, "big") + raw[8:]

    (flow,) = _parse(NetflowParser(), raw).flows

    assert flow.start_ns == _NOW - 3_000_000_000
    assert flow.end_ns == _NOW - 500_000_000


def test_times_that_cannot_be_are_the_export() -> None:
    """Future, a day old, or the end before the start."""
    elements = [(12, 4), (1, 4), (152, 8), (153, 8)]
    now_ms = SENT_S * 1_000
    spans = [
        (now_ms, now_ms + 86_400_000),
        (now_ms - 200_000_000, now_ms - 100_000_000),
        (now_ms, now_ms - 1_000),
        ((1 << 64) - 1, (1 << 64) - 1),
    ]
    records = b"".join(struct.pack(">IIQQ", 0x0A010001, 1, *span) for span in spans)

    flows = _parse(NetflowParser(), ipfix(template(256, elements, kind=2), fields(256, records)))

    assert [(each.start_ns - _NOW) / _S for each in flows.flows] == [0, 0, -1, 0]
    assert [(each.end_ns - _NOW) / _S for each in flows.flows] == [0, 0, -1, 0]


def test_huge_numbers_are_none() -> None:
    """An element of a thousand bytes is a number that no counter holds."""
    record = int(IPv4Address("10.1.0.1")).to_bytes(4, "big") + b"\xff" * 1_000 + b"\xff" * 1_000
    elements = [(12, 4), (1, 1_000), (34, 1_000)]

    (flow,) = _parse(
        NetflowParser(), ipfix(template(256, elements, kind=2), fields(256, record))
    ).flows

    assert (flow.octets, flow.sampled_one_in) == (0, 1)
