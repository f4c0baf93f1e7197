"""What vendors' log lines mean: the few that tell of a failure, or of the end of one.

A rule is tried only on lines that hold its token, so that the many lines that mean nothing to us
cost a search each and no more. Transitions between two states in neither of which traffic flows
are no occurrences: a BGP session that goes from Active to Idle was not lost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from foreshadow.incident import IncidentKind

_LONGEST_SUBJECT = 128
_LONGEST_LINE = 2_048
_MNEMONIC = re.compile(r"%[\w-]{1,60}-\d-\w{1,40}")

_LINK = {
    "up": IncidentKind.LINK_UP,
    "down": IncidentKind.LINK_DOWN,
    "administratively down": IncidentKind.ADMIN_DOWN,
}
_ADJACENCY = {
    "up": IncidentKind.ADJACENCY_FORMED,
    "full": IncidentKind.ADJACENCY_FORMED,
    "down": IncidentKind.ADJACENCY_LOST,
    "deleted": IncidentKind.ADJACENCY_LOST,
}
_SESSION = {"up": IncidentKind.SESSION_ESTABLISHED, "down": IncidentKind.SESSION_LOST}
_BFD = {"up": IncidentKind.BFD_UP, "down": IncidentKind.BFD_DOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a line means.

    Attributes:
        mnemonic: What the device calls such a line: two kinds may tell of one occurrence.
        subject: Interface, peer, `interface/neighbor` or process.
    """

    what: IncidentKind
    subject: str
    mnemonic: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Lines of one form.

    Attributes:
        token: Every such line holds it.
        form: With the groups `subject`, and for a transition `before` and `state`.
        meaning: What it is, or what each state in lower case is.
        loses: The states, in lower case, from which alone something can be lost.
    """

    token: str
    form: re.Pattern[str]
    meaning: IncidentKind | Mapping[str, IncidentKind]
    loses: frozenset[str] = frozenset()


def _rule(
    token: str,
    form: str,
    meaning: IncidentKind | Mapping[str, IncidentKind],
    *,
    loses: str = "",
) -> _Rule:
    return _Rule(token, re.compile(form, re.IGNORECASE), meaning, frozenset(loses.split()))


_INTERFACE = r"(?P<subject>[\w./:-]{1,80})"
_PEER = r"(?P<subject>[\w.:%]{1,80})"
_NEIGHBOR = r"(?P<neighbor>[\w.:-]{1,80})"

_RULES = (
    # Links: IOS, IOS XR, EOS, NX-OS; Junos; SONiC; Linux.
    _rule(
        "changed state to",
        r"%\S{0,40}?LIN(?:K|EPROTO)-\d-(?:UPDOWN|CHANGED) ?: (?:Line protocol on )?Interface "
        + _INTERFACE
        + r"[^,]{0,200}, changed state to (?P<state>up|down|administratively down)",
        _LINK,
    ),
    _rule(
        "ETHPORT-", rf"-IF_(?:DOWN_)?ADMIN_DOWN: Interface {_INTERFACE} ", IncidentKind.ADMIN_DOWN
    ),
    _rule(
        "ETHPORT-", rf"-IF_[A-Z_]{{1,40}}: Interface {_INTERFACE} is (?P<state>up|down)\b", _LINK
    ),
    _rule(
        "SNMP_TRAP_LINK_DOWN",
        r"ifAdminStatus down\(2\)[^)]{0,200}\), ifName " + _INTERFACE,
        IncidentKind.ADMIN_DOWN,
    ),
    _rule("SNMP_TRAP_LINK_", r"LINK_(?P<state>UP|DOWN): .{0,200}?ifName " + _INTERFACE, _LINK),
    _rule("LACP_INTF_DOWN", rf"LACP_INTF_DOWN: {_INTERFACE}: ", IncidentKind.LINK_DOWN),
    _rule("BPDU_BLOCK_ERROR_DISABLED", rf"DISABLED: {_INTERFACE}: ", IncidentKind.LINK_DOWN),
    _rule(
        "setHostIntfsOperStatus",
        rf"operation status (?P<state>UP|DOWN) to host interface {_INTERFACE}",
        _LINK,
    ),
    _rule(
        "Link is ",
        r"\b(?P<subject>(?:eth|en[ops]|swp|bond|br)[\w.-]{0,40}):? (?:NIC )?Link is "
        r"(?P<state>Up|Down)",
        _LINK,
    ),
    # IS-IS: EOS; IOS and IOS XR; Junos; FRR.
    _rule(
        "Neighbor State Change",
        r"ISIS_ADJCHG: L\d Neighbor State Change for SystemID "
        rf"{_NEIGHBOR} on {_INTERFACE} to (?P<state>UP|DOWN)",
        _ADJACENCY,
    ),
    _rule(
        "ADJCHANGE",
        rf"Adjacency to {_NEIGHBOR} \({_INTERFACE}\)(?: \(L\d\))? (?P<state>Up|Down)\b",
        _ADJACENCY,
    ),
    _rule(
        "ADJCHANGE",
        rf"Adjacency to {_NEIGHBOR} \({_INTERFACE}\) for level-\d changed from (?P<before>\w+) to "
        r"(?P<state>\w+)",
        _ADJACENCY,
        loses="up",
    ),
    _rule(
        "RPD_ISIS_ADJDOWN",
        rf"lost L\d adjacency to {_NEIGHBOR} on {_INTERFACE}",
        IncidentKind.ADJACENCY_LOST,
    ),
    _rule(
        "RPD_ISIS_ADJUP",
        rf"new L\d adjacency to {_NEIGHBOR} on {_INTERFACE}",
        IncidentKind.ADJACENCY_FORMED,
    ),
    # OSPF: IOS, IOS XR and NX-OS; Junos; EOS; FRR.
    _rule(
        "ADJCHG",
        rf"OSPF\S{{0,40}}-\d-ADJCHG ?: Process \S{{1,40}}, Nbr {_NEIGHBOR} on {_INTERFACE}"
        r"(?: in area \S{1,20})? from \w+ to (?P<state>\w+)",
        _ADJACENCY,
    ),
    _rule(
        "RPD_OSPF_NBR",
        rf"OSPF neighbor {_NEIGHBOR} \(realm \S{{1,20}} {_INTERFACE} [^)]{{0,200}}\) state "
        r"changed from \w+ to (?P<state>\w+)",
        _ADJACENCY,
    ),
    _rule(
        "OSPF_ADJACENCY_",
        rf"OSPF_ADJACENCY_TEARDOWN: NGB {_NEIGHBOR}, interface {_INTERFACE} ",
        IncidentKind.ADJACENCY_LOST,
    ),
    _rule(
        "OSPF_ADJACENCY_",
        rf"OSPF_ADJACENCY_ESTABLISHED: NGB {_NEIGHBOR}, interface {_INTERFACE} ",
        IncidentKind.ADJACENCY_FORMED,
    ),
    _rule(
        "AdjChg",
        rf"AdjChg: Nbr {_NEIGHBOR}(?:\([^)]{{0,200}}\))? on {_INTERFACE}: (?P<before>\w+) -> "
        r"(?P<state>\w+)",
        _ADJACENCY,
        loses="full",
    ),
    # BGP: EOS; IOS, IOS XR, NX-OS, FRR and SONiC; Junos.
    _rule(
        "BGP-",
        rf"-ADJCHANGE: peer {_PEER} \([^)]{{0,200}}\) old state (?P<before>\w+) event \S{{1,40}} "
        r"new state (?P<state>\w+)",
        {"established": IncidentKind.SESSION_ESTABLISHED, "": IncidentKind.SESSION_LOST},
        loses="established",
    ),
    _rule(
        "ADJCHANGE",
        rf"ADJCHANGE ?: neighbor {_PEER}(?:\([^)]{{0,200}}\))?(?: (?:in vrf|vpn vrf) \S{{1,40}})? "
        r"(?P<state>Up|Down)\b",
        _SESSION,
    ),
    _rule(
        "RPD_BGP_NEIGHBOR_STATE_CHANGED",
        rf"BGP peer {_PEER} .{{0,80}}changed state from (?P<before>\w+) to (?P<state>\w+)",
        {"established": IncidentKind.SESSION_ESTABLISHED, "": IncidentKind.SESSION_LOST},
        loses="established",
    ),
    # BFD: EOS; IOS XR; IOS; Junos.
    _rule(
        "BFD-",
        rf"STATE_CHANGE: peer \(.{{0,80}}?ip:{_NEIGHBOR}, intf:{_INTERFACE}, .{{0,120}}?changed "
        r"state from (?P<before>\w+) to (?P<state>\w+)",
        {"up": IncidentKind.BFD_UP, "": IncidentKind.BFD_DOWN},
        loses="up",
    ),
    _rule(
        "SESSION_STATE_",
        rf"BFD\S{{0,40}}-SESSION_STATE_(?P<state>UP|DOWN) ?: BFD session to neighbor {_NEIGHBOR} "
        rf"on interface {_INTERFACE}",
        _BFD,
    ),
    _rule("BFD_SESS_", rf"BFD_SESS_(?P<state>UP|DOWN): .{{0,80}}?handle:{_PEER}", _BFD),
    _rule("BFDD_", rf"BFD Session {_PEER} .{{0,80}}state \w+ -> (?P<state>up|down)", _BFD),
    # Restarts: of the device, or of the process that is named.
    _rule("RESTART", r"%SYS-\d-(?:SYSTEM_)?RESTART(?:ED)?: (?P<subject>)", IncidentKind.RESTARTED),
    _rule(
        "PROCESS_RESTART",
        r"PROCESS_RESTART: Restarting '(?P<subject>[^']{1,80})'",
        IncidentKind.RESTARTED,
    ),
    _rule(
        "SYSMGR",
        r"PROC_RESTART_NAME ?: .{0,80}restart of process (?P<subject>[\w.-]{1,80})",
        IncidentKind.RESTARTED,
    ),
    # Hardware: Junos; IOS XR; whatever else has a facility of that name and is no notice.
    _rule("larm set", r"Alarm set: (?P<subject>.{1,60}?) color=", IncidentKind.HARDWARE),
    _rule("larm set", r"(?:Major|Minor) alarm set, (?P<subject>[^:]{1,80})", IncidentKind.HARDWARE),
    _rule(
        ":DECLARE",
        r"FM-\d-FAULT_(?:CRITICAL|MAJOR) ?: ALARM_\w+ :(?P<subject>[^:]{1,80}) :DECLARE",
        IncidentKind.HARDWARE,
    ),
    _rule(
        "%",
        r"%(?:[A-Z0-9_]{1,40}-)?(?P<subject>ENVMON|ENVIRONMENTAL|ENVM|PLATFORM_ENV|FAN\w{0,40}|PWR\w{0,40}"
        r"|POWER\w{0,40}|PSU\w{0,40}|TEMP\w{0,40}|THERMAL\w{0,40}|XCVR\w{0,40}|TRANSCEIVER\w{0,40}|SFF8472|OPTICS\w{0,40}|FRU\w{0,40})"
        r"-[0-4]-[A-Z]",
        IncidentKind.HARDWARE,
    ),
    # Configuration, once it is in force.
    _rule(
        "CONFIG_I", r"%(?:SYS|VSHD)-\d-\w{0,40}CONFIG_I: (?P<subject>)", IncidentKind.CONFIG_CHANGED
    ),
    _rule("DB_COMMIT", r"CONFIG-\d-DB_COMMIT ?: (?P<subject>)", IncidentKind.CONFIG_CHANGED),
    _rule("SYSADMIN_COMMIT", r"SYSADMIN_COMMIT ?: (?P<subject>)", IncidentKind.CONFIG_CHANGED),
    _rule("UI_COMMIT_COMPLETED", r"COMPLETED: (?P<subject>)", IncidentKind.CONFIG_CHANGED),
    # Maintenance: EOS.
    _rule(
        "MAINT_UNIT_STATE_CHANGE",
        r"for unit (?P<subject>[\w-]{1,80})\. Old State (?P<before>\w+), New State (?P<state>\w+)",
        {
            "undermaintenance": IncidentKind.MAINTENANCE_BEGIN,
            "active": IncidentKind.MAINTENANCE_END,
        },
        loses="maintenancemodeexit maintenancemodeenter undermaintenance",
    ),
)


def event_in(text: str) -> Event | None:
    """What a line means; None of the many that tell of no occurrence."""
    text = text[:_LONGEST_LINE]
    for rule in _RULES:
        if rule.token in text and (found := rule.form.search(text)) is not None:
            return _event(rule, found)
    return None


def _event(rule: _Rule, found: re.Match[str]) -> Event | None:
    said = found.groupdict()
    what = rule.meaning
    if isinstance(what, Mapping):
        state, before = (said.get("state") or "").lower(), (said.get("before") or "").lower()
        if state in what:
            meant = what[state]
        elif "" in what and before in rule.loses:
            meant = what[""]
        else:
            return None
        if rule.loses and _is_loss(meant) and before not in rule.loses:
            return None
        what = meant
    subject = said.get("subject") or ""
    if said.get("neighbor"):
        subject = f"{subject}/{said['neighbor']}"
    named = _MNEMONIC.search(found.string)
    mnemonic = named[0] if named else rule.token
    return Event(what=what, subject=subject[:_LONGEST_SUBJECT].strip(), mnemonic=mnemonic)


def _is_loss(what: IncidentKind) -> bool:
    return what in {
        IncidentKind.ADJACENCY_LOST,
        IncidentKind.SESSION_LOST,
        IncidentKind.BFD_DOWN,
    }
