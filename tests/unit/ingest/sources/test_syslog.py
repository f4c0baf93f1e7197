"""Syslog: lines of many vendors, when they were written, and what they tell of."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.clock import to_ns
from foreshadow.incident import Incident, IncidentKind
from ingest.device_names import DeviceNames
from ingest.heard import Heard, Refused
from ingest.sources.syslog_decoder import SyslogDecoder
from ingest.sources.syslog_events import event_in
from ingest.sources.syslog_line import SyslogLine, parse_line

_UTC = ZoneInfo("UTC")
_PACIFIC = ZoneInfo("America/Los_Angeles")


def _line(text: str) -> SyslogLine:
    line = parse_line(text.encode())
    assert line is not None
    return line


def _decoder(zone: ZoneInfo = _UTC, coalesce_s: float = 10.0) -> SyslogDecoder:
    names = DeviceNames(["r1"], {"198.51.100.1": "r1"})
    return SyslogDecoder(names, zone=zone, coalesce_s=coalesce_s)


def _hear(decoder: SyslogDecoder, text: str, received: datetime) -> list[Heard]:
    raw, at_ns = text.encode(), to_ns(received)
    return list(decoder.decode(raw, origin="198.51.100.1:514", received_ns=at_ns))


def _at(decoder: SyslogDecoder, stamp: str, received: datetime) -> datetime:
    """When an incident with that stamp was, as far as the decoder can tell."""
    text = f"<29>{stamp} r1 bgpd[1]: %ADJCHANGE: neighbor 192.0.2.9 Down"
    (found,) = _hear(decoder, text, received)
    assert isinstance(found, Incident)
    assert found.heard_at_ns == to_ns(received)
    return datetime.fromtimestamp(found.at_ns / 1e9, UTC)


@pytest.mark.parametrize(
    ("text", "host", "said"),
    [
        ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "mymachine", "su: 'su root' failed"),
        ("<34>Oct  1 22:14:15 10.0.0.1 su: x", "10.0.0.1", "su: x"),
        ("<34>Oct  1 22:14:15 2001:db8::1 su: x", "2001:db8::1", "su: x"),
        (
            '<165>1 2003-10-11T22:14:15.003Z host.example app - - [a@1 b="c\\"]d"][e] \ufeffEvent',
            "host.example",
            "app: Event",
        ),
        ("<165>1 - - - - - -", "", ""),
        ("<189>521: r1: *Nov 14 08:30:56.699: %SYS-5-X: y", "r1", "%SYS-5-X: y"),
        ("<189>521: Nov 14 08:30:56.699: %SYS-5-X: y", "", "%SYS-5-X: y"),
        ("<189>1: 000012: r1: Nov 14 2020 08:30:56 UTC: %SYS-5-X: y", "r1", "%SYS-5-X: y"),
        ("RP/0/RP0/CPU0:Sep 19 16:34:43.610 : bgp[1]: %A-B-5-C : y", "", "bgp[1]: %A-B-5-C : y"),
        ("<189>7: xr RP/0/RSP0/CPU0:Sep 19 16:34:43.610 PDT: bgp[1]: y", "xr", "bgp[1]: y"),
        ("<30>ts1 port02 2018-Nov- 9 15:38:25.341 RXDATA: x", "ts1", "port02: RXDATA: x"),
        ("<13>2020-03-31T08:41:59+00:00 sw Bgp: %BGP-5-X: y", "sw", "Bgp: %BGP-5-X: y"),
        ("<13>no time at all", "", "no time at all"),
        ("<13>Oct 11 22:14:15 r1 tag: bell\a and \x1b[31mred", "r1", "tag: bell  and  [31mred"),
    ],
)
def test_lines_are_taken_apart(text: str, host: str, said: str) -> None:
    """RFC 3164, RFC 5424, and what vendors made of them."""
    line = _line(text)

    assert (line.host, line.text) == (host, said)


@pytest.mark.parametrize("text", ["", "   ", "hello", "<192>x", "<>x", "GET / HTTP/1.1", "{}"])
def test_what_is_no_syslog_is_refused(text: str) -> None:
    """Neither a priority nor a time."""
    (refused,) = _hear(_decoder(), text, datetime(2026, 3, 1, tzinfo=UTC))

    assert isinstance(refused, Refused)
    assert "no syslog" in refused.reason


@pytest.mark.parametrize(
    ("stamp", "received", "at"),
    [
        # The year is the one that brings it nearest to when it arrived.
        ("Mar 11 17:00:00", (2026, 3, 11, 17, 0, 5), (2026, 3, 11, 17, 0, 0)),
        ("Dec 31 23:59:59", (2026, 1, 1, 0, 0, 1), (2025, 12, 31, 23, 59, 59)),
        ("Feb 29 12:00:00", (2024, 3, 1), (2024, 2, 29, 12, 0, 0)),
        # Times that cannot be, or are ahead of ours: when it arrived.
        ("Feb 30 12:00:00", (2026, 3, 1), (2026, 3, 1)),
        ("Mar  1 00:02:00", (2026, 3, 1), (2026, 3, 1)),
        ("2031-03-01T00:00:00Z", (2026, 3, 1), (2026, 3, 1)),
        ("Jan  1 25:00:00", (2026, 3, 1), (2026, 3, 1)),
        # A little ahead is rounding; a leap second is a second.
        ("Mar  1 00:00:30", (2026, 3, 1), (2026, 3, 1, 0, 0, 30)),
        ("2016-12-31T23:59:60Z", (2017, 1, 1), (2016, 12, 31, 23, 59, 59)),
        # The line's own year and zone count before all else.
        ("2026-03-01T02:00:00+02:00", (2026, 3, 1, 1), (2026, 3, 1)),
        ("2026-02-28T19:30:00.25-0430", (2026, 3, 1, 1), (2026, 3, 1, 0, 0, 0, 250_000)),
        ("Mar  1 2024 00:00:00", (2026, 3, 1), (2024, 3, 1)),
    ],
)
def test_times_are_made_whole(stamp: str, received: tuple[int, ...], at: tuple[int, ...]) -> None:
    """Year from receipt, zone from the line or from the configuration."""
    received_at = datetime(*received, tzinfo=UTC)  # type: ignore[misc, arg-type]

    assert _at(_decoder(), stamp, received_at) == datetime(*at, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_local_times_are_read_in_the_configured_zone() -> None:
    """In summer and in winter; a name of a zone in the line says nothing for sure."""
    summer, winter = datetime(2017, 9, 20, 4, 0, tzinfo=UTC), datetime(2017, 1, 20, tzinfo=UTC)

    assert _at(_decoder(_PACIFIC), "Sep 19 20:20:00", summer) == datetime(
        2017, 9, 20, 3, 20, tzinfo=UTC
    )
    assert _at(_decoder(_PACIFIC), "Jan 19 12:00:00", winter) == datetime(
        2017, 1, 19, 20, 0, tzinfo=UTC
    )
    assert _at(_decoder(_PACIFIC), "2017-01-19T12:00:00Z", winter) == datetime(
        2017, 1, 19, 12, 0, tzinfo=UTC
    )


def test_a_clock_that_is_not_set_is_not_believed() -> None:
    """IOS marks it by an asterisk: the time of receipt counts."""
    received = datetime(2026, 3, 1, tzinfo=UTC)
    text = "<189>1: r1: *Feb  1 08:30:56.699: %LINK-3-UPDOWN: Interface Gi2, changed state to down"
    (found,) = _hear(_decoder(), text, received)

    assert isinstance(found, Incident)
    assert found.at_ns == to_ns(received)


@given(text=st.text(max_size=100), received_ns=st.integers(0, (1 << 63) - 1))
def test_any_stamp_is_a_time(text: str, received_ns: int) -> None:
    """Whatever stands in the line, the incident has a time no later than a minute from now."""
    raw = f"<29>Mar  1 00:00:00 {text} %ADJCHANGE: neighbor 192.0.2.9 Down".encode()
    for each in _decoder().decode(raw, origin="198.51.100.1", received_ns=received_ns):
        assert isinstance(each, Incident | Refused)
        if isinstance(each, Incident):
            assert 0 <= each.at_ns <= received_ns + 60 * 10**9


def _leaves(document: Any) -> Iterator[tuple[str, str]]:
    """Every value of a document in lower case, by the name it has there."""
    if isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, dict):
                yield (name, "")
                yield from _leaves(value)
            else:
                yield (name, str(value).lower())


_BY_ERROR = {
    "BPDU_BLOCK_INTERFACE_DISABLED": IncidentKind.LINK_DOWN,
    "CONFIGURATION_COMMIT_COMPLETED": IncidentKind.CONFIG_CHANGED,
    "INTERFACE_UP": IncidentKind.LINK_UP,
    "ISIS_NEIGHBOR_DOWN": IncidentKind.ADJACENCY_LOST,
    "ISIS_NEIGHBOR_UP": IncidentKind.ADJACENCY_FORMED,
    "LACP_INTERFACE_DOWN": IncidentKind.LINK_DOWN,
    "MAINTENANCE_MODE_ENDED": IncidentKind.MAINTENANCE_END,
    "MAINTENANCE_MODE_STARTED": IncidentKind.MAINTENANCE_BEGIN,
    "MAJOR_ALARM_SET": IncidentKind.HARDWARE,
    "MINOR_ALARM_SET": IncidentKind.HARDWARE,
    "OSPF_NEIGHBOR_DOWN": IncidentKind.ADJACENCY_LOST,
    "PROCESS_RESTART": IncidentKind.RESTARTED,
    "SYSTEM_ALARM": IncidentKind.HARDWARE,
    "USER_EXIT_CONFIG_MODE": IncidentKind.CONFIG_CHANGED,
}
"""What napalm-logs calls it, where the name alone says what occurred."""


def _expected(case: Path, document: dict[str, Any]) -> IncidentKind | None:
    """What occurred, by the decode that lies beside the line."""
    error, said = document["error"], dict(_leaves(document["yang_message"]))
    match error:
        case "INTERFACE_DOWN":
            is_shut = said.get("admin_status") == "down" or "administratively" in case.read_text()
            return IncidentKind.ADMIN_DOWN if is_shut else IncidentKind.LINK_DOWN
        case "BGP_NEIGHBOR_STATE_CHANGED":
            # FRR tells of established sessions alone, so that its lines lack the state before.
            was = said.get("session-state-old", "established")
            if said["session-state"] == "established":
                return IncidentKind.SESSION_ESTABLISHED
            return IncidentKind.SESSION_LOST if was == "established" else None
        case "BFD_STATE_CHANGE":
            is_up = said["session-state"] == "up"
            return IncidentKind.BFD_UP if is_up else IncidentKind.BFD_DOWN
        case "OSPF_NEIGHBOR_UP":
            is_full = said["adjacency-state"] in {"full", "up"}
            return IncidentKind.ADJACENCY_FORMED if is_full else None
        case _:
            return _BY_ERROR.get(error)


@pytest.mark.shared_data
def test_every_vendors_line_means_what_napalm_says(shared_data: Path) -> None:
    """All pairs of a line and its decode: host, priority, and which kind of incident it is."""
    cases = sorted((shared_data / "telemetry" / "syslog_napalm").rglob("syslog.msg"))
    assert len(cases) == 105
    told: Counter[IncidentKind | None] = Counter()
    for case in cases:
        document = json.loads((case.parent / "yang.json").read_text())
        line, where = parse_line(case.read_bytes()), str(case)
        assert line is not None, where
        assert line.host.removeprefix("re0-").removeprefix("re0.") == document["host"], where
        assert line.priority == int(document["message_details"]["pri"]), where
        event = event_in(line.text)
        what = event.what if event else None
        assert what == _expected(case, document), where
        told[what] += 1
        if event is not None and event.subject:
            names = {name for name, _ in _leaves(document["yang_message"])}
            values = {value for _, value in _leaves(document["yang_message"])}
            known = " ".join(names | values | {case.read_text()})
            assert event.subject.rpartition("/")[2] in known, where
    assert told[None] == 105 - sum(count for what, count in told.items() if what)
    assert sum(count for what, count in told.items() if what) == 47


_NOTED_WITHIN = timedelta(minutes=1)
_BACK_NS = 120 * 10**9
_CLEARS = (
    ("leaf1", (20, 20), (20, 22)),
    ("leaf6", (20, 25), (20, 27)),
    ("spine2", (20, 30), (20, 32)),
    ("leaf2", (20, 35), (20, 38)),
    ("spine1", (20, 40), (20, 43)),
    ("spine2", (20, 40), (20, 43)),
    ("spine3", (20, 40), (20, 43)),
)
"""Which device's BGP was cleared from when to when, by the operators' notes (`casedata.txt`).

They have leaf8 too, at 20:35; its log has no line of a clear, and leaf2's has two clears instead.
"""


@pytest.mark.shared_data
def test_a_fabrics_cleared_sessions_are_found_when_they_were(shared_data: Path) -> None:
    """Fifteen routers' logs, in local time and without a year: each clear, and the way back."""
    folder = shared_data / "telemetry" / "syslog_iosxr_bgpclear_no_traffic"
    received = datetime(2017, 9, 21, tzinfo=UTC)
    found: dict[str, list[Incident]] = {}
    lines: Counter[str] = Counter()
    for path in sorted(folder.glob("*.log")):
        name = path.name.partition(".")[0]
        decoder = SyslogDecoder(DeviceNames([name], default=name), zone=_PACIFIC, coalesce_s=0.0)
        heard = [
            each
            for raw in path.read_bytes().splitlines()
            for each in decoder.decode(raw, origin=path.name, received_ns=to_ns(received))
        ]
        found[name] = [each for each in heard if isinstance(each, Incident)]
        lines += decoder.lines

    # One line is the end of a command's output: `Last switch-over Tue Sep 19 17:37:37 2017: ...`.
    assert lines.total() == 4_545
    assert lines["refused"] == 1
    for device, begin, end in _CLEARS:
        from_ns = to_ns(datetime(2017, 9, 19, *begin, tzinfo=_PACIFIC) - _NOTED_WITHIN)
        until_ns = to_ns(datetime(2017, 9, 19, *end, tzinfo=_PACIFIC) + _NOTED_WITHIN)
        cleared = [
            it
            for it in found[device]
            if "User clear requested" in it.text and from_ns <= it.at_ns <= until_ns
        ]
        assert len(cleared) >= 40, device
        assert {it.what for it in cleared} == {IncidentKind.SESSION_LOST}
        lost = {it.subject for it in cleared}
        back = {
            it.subject
            for it in found[device]
            if it.what is IncidentKind.SESSION_ESTABLISHED
            and cleared[0].at_ns < it.at_ns <= until_ns + _BACK_NS
        }
        assert lost <= back, device


_FLAP = "<189>{number}: r1: Mar  1 00:00:{second:02}: %{facility}-UPDOWN: {what} {interface}"


def _flap(second: int, state: str, *, facility: str = "LINK-3", interface: str = "Gi2") -> str:
    what = "Interface" if facility == "LINK-3" else "Line protocol on Interface"
    head = _FLAP.format(number=1, second=second, facility=facility, what=what, interface=interface)
    return f"{head}, changed state to {state}"


def _told(heard: list[Heard]) -> list[tuple[IncidentKind, int]]:
    return [(it.what, it.count) for it in heard if isinstance(it, Incident)]


def test_a_storm_is_told_at_once_and_then_counted() -> None:
    """The first down and the first up, then how many more of each there were."""
    decoder, start = _decoder(), datetime(2026, 3, 1, tzinfo=UTC)
    heard = []
    for second in range(8):
        now = start + timedelta(seconds=second)
        heard += _hear(decoder, _flap(second, "down" if second % 2 == 0 else "up"), now)
    assert _told(heard) == [(IncidentKind.LINK_DOWN, 1), (IncidentKind.LINK_UP, 1)]

    later = list(decoder.due(to_ns(start + timedelta(seconds=12))))
    assert _told(later) == [(IncidentKind.LINK_DOWN, 3), (IncidentKind.LINK_UP, 3)]
    assert list(decoder.due(to_ns(start + timedelta(seconds=60)))) == []


def test_two_kinds_of_lines_on_one_occurrence_are_one() -> None:
    """IOS writes LINK and LINEPROTO of the same failure."""
    decoder, now = _decoder(), datetime(2026, 3, 1, 0, 0, 5, tzinfo=UTC)
    heard = _hear(decoder, _flap(1, "down"), now)
    heard += _hear(decoder, _flap(2, "down", facility="LINEPROTO-5"), now)

    assert _told([*heard, *decoder.finish()]) == [(IncidentKind.LINK_DOWN, 1)]


def test_other_interfaces_and_later_times_are_told_for_themselves() -> None:
    """A storm on one hides no failure of another, nor the next one of its own."""
    decoder, now = _decoder(), datetime(2026, 3, 1, 0, 1, tzinfo=UTC)
    heard = _hear(decoder, _flap(1, "down"), now)
    heard += _hear(decoder, _flap(2, "down", interface="Gi3"), now)
    heard += _hear(decoder, _flap(40, "down"), now)

    assert _told(heard) == [(IncidentKind.LINK_DOWN, 1)] * 3


@given(seconds=st.lists(st.integers(0, 59), max_size=40), most_open=st.integers(1, 3))
def test_no_occurrence_is_told_twice_or_never(seconds: list[int], most_open: int) -> None:
    """The counts add up to the lines, whatever the times and however little is remembered."""
    names = DeviceNames(["r1"])
    decoder = SyslogDecoder(names, zone=_UTC, coalesce_s=10, most_open=most_open)
    now, heard = datetime(2026, 3, 1, 0, 1, tzinfo=UTC), list[Heard]()
    for second in seconds:
        text = _flap(second, "down", interface=f"Gi{second % 4}")
        heard += _hear(decoder, text, now + timedelta(seconds=second))
    heard += decoder.finish()

    assert sum(count for _, count in _told(heard)) == len(seconds)


def test_an_unknown_device_is_refused_where_it_matters() -> None:
    """An incident of nobody we know has a remedy; its chatter is counted like any other."""
    decoder = SyslogDecoder(DeviceNames(["r1"]), zone=_UTC)
    now = datetime(2026, 3, 1, tzinfo=UTC)

    (refused,) = _hear(decoder, _flap(0, "down").replace(": r1:", ": r9:"), now)
    assert isinstance(refused, Refused)
    assert "'r9'" in refused.reason
    assert "aliases" in refused.reason
    assert _hear(decoder, "<13>Mar  1 00:00:00 r9 cron: hello", now) == []
    assert decoder.lines == {"refused": 1, "other": 1}


def test_a_device_is_known_by_its_short_name_and_without_its_engine() -> None:
    """`re0.r1.example.net` is r1."""
    text = "<29>Mar  1 00:00:00 re0.r1.example.net rpd[1]: RPD_ISIS_ADJUP: IS-IS new L2 adjacency"
    decoder = SyslogDecoder(DeviceNames(["r1"]), zone=_UTC)
    (found,) = _hear(decoder, f"{text} to r2 on ge-0/0/1.0", datetime(2026, 3, 1, tzinfo=UTC))

    assert isinstance(found, Incident)
    assert (found.device, found.subject) == ("r1", "ge-0/0/1.0/r2")


@pytest.mark.parametrize(
    ("text", "what", "subject"),
    [
        (
            "%ETHPORT-5-IF_DOWN_LINK_FAILURE: Interface Ethernet1/7 is down (Link failure)",
            IncidentKind.LINK_DOWN,
            "Ethernet1/7",
        ),
        (
            "%ETHPORT-5-IF_DOWN_ADMIN_DOWN: Interface Ethernet1/7 is down (Administratively down)",
            IncidentKind.ADMIN_DOWN,
            "Ethernet1/7",
        ),
        (
            "kernel: ixgbe 0000:01:00.0 eth0: NIC Link is Down",
            IncidentKind.LINK_DOWN,
            "eth0",
        ),
        (
            "%CLNS-5-ADJCHANGE: ISIS: Adjacency to R2 (GigabitEthernet0/1) Down, hold time expired",
            IncidentKind.ADJACENCY_LOST,
            "GigabitEthernet0/1/R2",
        ),
        (
            "isis[1]: %ROUTING-ISIS-5-ADJCHANGE : Adjacency to R2 (TenGigE0/0/0/1) (L2) Up, New",
            IncidentKind.ADJACENCY_FORMED,
            "TenGigE0/0/0/1/R2",
        ),
        (
            "isisd: %ADJCHANGE: Adjacency to R2 (eth1) for level-2 changed from Up to Down, x",
            IncidentKind.ADJACENCY_LOST,
            "eth1/R2",
        ),
        (
            "%ADJCHANGE: Adjacency to R2 (eth1) for level-2 changed from Initializing to Down, x",
            None,
            "",
        ),
        (
            "%ROUTING-OSPF-5-ADJCHG : Process 1, Nbr 1.1.1.1 on Te0/1 in area 0 from FULL to DOWN,",
            IncidentKind.ADJACENCY_LOST,
            "Te0/1/1.1.1.1",
        ),
        (
            "ospfd: AdjChg: Nbr 1.1.1.1(default) on eth1:10.0.0.1: Full -> Deleted (KillNbr)",
            IncidentKind.ADJACENCY_LOST,
            "eth1:10.0.0.1/1.1.1.1",
        ),
        (
            "Rib: %OSPF-4-OSPF_ADJACENCY_TEARDOWN: NGB 1.1.1.1, interface 10.0.0.1 adjacency x",
            IncidentKind.ADJACENCY_LOST,
            "10.0.0.1/1.1.1.1",
        ),
        (
            "bgp[1]: %BGP-5-ADJCHANGE: neighbor 192.0.2.1 vpn vrf blue Up",
            IncidentKind.SESSION_ESTABLISHED,
            "192.0.2.1",
        ),
        (
            "%L2-BFD-6-SESSION_STATE_DOWN : BFD session to neighbor 10.1.1.1 on interface Te0 has",
            IncidentKind.BFD_DOWN,
            "Te0/10.1.1.1",
        ),
        ("%SYS-5-RESTART: System restarted --", IncidentKind.RESTARTED, ""),
        ("%ENVMON-2-FAN_FAILED: Fan 2 has failed", IncidentKind.HARDWARE, "ENVMON"),
        ("%FAN-5-OK: Fan 2 is fine", None, ""),
        ("%PKT_INFRA-FM-3-FAULT_MAJOR : ALARM_MAJOR :X :CLEAR :0:", None, ""),
        (
            "config[1]: %MGBL-CONFIG-6-DB_COMMIT : Configuration committed by user 'x'.",
            IncidentKind.CONFIG_CHANGED,
            "",
        ),
    ],
)
def test_further_vendors_lines(text: str, what: IncidentKind | None, subject: str) -> None:
    """As their manuals and their routers have them."""
    event = event_in(text)

    assert (event and event.what) == what
    assert (event.subject if event else "") == subject
