"""A syslog line taken apart (RFC 5424, RFC 3164), also as vendors write it.

RFC 3164 describes what was found in the field, and the field went on: IOS puts a number and its own
host name first and a mark for a clock that is not set, IOS XR the node that speaks, Opengear the
process before the time. A line counts as syslog if it has a priority or a time where one belongs.
"""

import re
from dataclasses import dataclass

from ingest.sources.syslog_time import STAMP, Stamp, stamp_of

_LONGEST = 8_192
"""RFC 5424 section 6.1 asks for 2,048 octets; what follows is not looked at."""
_HIGHEST_PRIORITY = 191

_PRIORITY = re.compile(r"<(\d{1,3})>")
_RFC_5424 = re.compile(
    r"1 (?P<stamp>\S{1,64}) (?P<host>\S{1,255}) (?P<tag>\S{1,48}) \S{1,128} \S{1,32} (?P<rest>.*)",
    re.DOTALL,
)
_STAMPED = re.compile(STAMP)
_SEQUENCE = re.compile(r"(?:\d{1,10}: ){1,2}")
_IOS_HOST = re.compile(
    r"(?P<host>[A-Za-z0-9_][\w.-]{0,254})(?: ?: ?| )(?=[*.]?(?:[A-Z][a-z]{2} |\d{4}-|RP/|LC/|0/))"
)
_XR_NODE = re.compile(r"(?:RP|LC|SP|\d{1,4})/[\w/]{1,40}:")
_OPENGEAR = re.compile(
    r"(?P<host>\S{1,255}) (?P<tag>\S{1,48}) "
    r"(?P<year>\d{4})-(?P<month_name>[A-Z][a-z]{2})-(?P<day>[ \d]\d) "
    r"(?P<clock>\d\d:\d\d:\d\d(?:\.\d{1,9})?) (?P<rest>.*)",
    re.DOTALL,
)
_HOST = re.compile(r"(?P<host>[\w][\w.:%-]{0,254}) +(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogLine:
    """One message.

    Attributes:
        priority: Facility times eight plus severity; None where the line has none, as in files.
        host: Who says so; empty where the line does not name it.
        stamp: When; None where the line does not say, or says that its clock is not set.
        text: What is said, from the process's name on; nothing in it that a terminal would obey.
    """

    priority: int | None
    host: str
    stamp: Stamp | None
    text: str


def parse_line(raw: bytes) -> SyslogLine | None:
    """The message in a line; None if that is no syslog."""
    text = _printable(raw[:_LONGEST])
    priority, rest = _priority(text)
    if not rest:
        return None
    for read in (_rfc_5424, _opengear, _stamped):
        if (line := read(priority, rest)) is not None:
            return line
    if priority is None:
        return None
    return SyslogLine(priority=priority, host="", stamp=None, text=rest)


def _printable(raw: bytes) -> str:
    text = raw.decode(errors="replace").removeprefix("\ufeff")
    if text.isprintable():
        return text.strip()
    return "".join(each if each.isprintable() else " " for each in text).strip()


def _priority(text: str) -> tuple[int | None, str]:
    found = _PRIORITY.match(text)
    if found is None or int(found[1]) > _HIGHEST_PRIORITY:
        return None, text
    return int(found[1]), text[found.end() :].lstrip()


def _rfc_5424(priority: int | None, rest: str) -> SyslogLine | None:
    found = _RFC_5424.match(rest) if priority is not None else None
    if found is None:
        return None
    stamped = _STAMPED.fullmatch(found["stamp"])
    if stamped is None and found["stamp"] != "-":
        return None
    tag = "" if found["tag"] == "-" else f"{found['tag']}: "
    return SyslogLine(
        priority=priority,
        host="" if found["host"] == "-" else found["host"],
        stamp=stamp_of(stamped) if stamped else None,
        text=tag + _message(found["rest"]),
    )


def _message(rest: str) -> str:
    """What follows the structured data (RFC 5424 section 6.3), of which nothing is used."""
    if rest.startswith("-"):
        return rest[1:].strip().removeprefix("\ufeff")
    at, is_quoted = 0, False
    while at < len(rest):
        each = rest[at]
        if is_quoted and each == "\\":
            at += 1
        elif each == '"':
            is_quoted = not is_quoted
        elif each == "]" and not is_quoted and rest[at + 1 : at + 2] != "[":
            return rest[at + 1 :].strip().removeprefix("\ufeff")
        at += 1
    return rest


def _opengear(priority: int | None, rest: str) -> SyslogLine | None:
    found = _OPENGEAR.match(rest)
    if found is None:
        return None
    month, day, year = found["month_name"], found["day"].strip(), found["year"]
    stamped = _STAMPED.fullmatch(f"{month} {day} {year} {found['clock']}")
    if stamped is None:
        return None
    return SyslogLine(
        priority=priority,
        host=found["host"],
        stamp=stamp_of(stamped),
        text=f"{found['tag']}: {found['rest']}",
    )


def _stamped(priority: int | None, rest: str) -> SyslogLine | None:
    """Everything else that has a time: RFC 3164, IOS, IOS XR."""
    if (sequence := _SEQUENCE.match(rest)) is not None:
        rest = rest[sequence.end() :]
    host, is_ios = "", False
    named = _IOS_HOST.match(rest)
    if named is not None and named["host"] not in _MONTH_NAMES:
        host, rest, is_ios = named["host"], rest[named.end() :], True
    if (node := _XR_NODE.match(rest)) is not None:
        rest, is_ios = rest[node.end() :], True
    is_unset = rest.startswith("*")
    rest = rest.removeprefix("*").removeprefix(".")
    stamped = _STAMPED.match(rest)
    if stamped is None:
        return None
    is_ios = is_ios or is_unset or sequence is not None
    rest = rest[stamped.end() :].lstrip(" :") if is_ios else rest[stamped.end() :].lstrip()
    if not is_ios and (said := _HOST.match(rest)) is not None and not rest.startswith("%"):
        host, rest = said["host"], rest[said.end() :]
    return SyslogLine(
        priority=priority, host=host, stamp=None if is_unset else stamp_of(stamped), text=rest
    )


_MONTH_NAMES = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
