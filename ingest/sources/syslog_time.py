"""When a syslog line was written: stamps without a year, without a zone, and from wrong clocks."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from foreshadow.clock import from_ns, to_ns

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_CLOCK_AHEAD_NS = 60 * 10**9
"""A time from further ahead of ours is wrong: the time of receipt counts."""
_LATEST_NS = (1 << 63) - 1

STAMP = (
    rf"(?P<iso>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?(?:Z|[+-]\d\d:?\d\d)?)"
    rf"|(?P<month>{_MONTH})[ ]+(?P<day>\d{{1,2}})[ ]+(?:(?P<year>\d{{4}})[ ]+)?"
    r"(?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?:[ ](?P<year_after>\d{4})(?![\d.:]))?(?:[ ](?P<zone>[A-Z]{2,5})(?=:))?"
)
"""ISO 8601 as RFC 5424 wants it, or month and day as RFC 3164 does, with what vendors add."""

_UTC_NAMES = {"UTC", "GMT", "Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A time as a line has it.

    Attributes:
        year: None where the line does not say.
        month: 1 to 12.
        zone: Name or `+hh:mm`; empty where the line does not say.
    """

    year: int | None
    month: int
    day: int
    hour: int
    minute: int
    second: int
    microsecond: int
    zone: str = ""


def stamp_of(found: re.Match[str]) -> Stamp | None:
    """The stamp that `STAMP` found; None if its numbers are none of a clock."""
    if found["iso"]:
        return _iso(found["iso"])
    hour, minute, second = map(int, found["clock"].split(":"))
    year = found["year"] or found["year_after"]
    return Stamp(
        year=int(year) if year else None,
        month=_MONTHS.index(found["month"]) + 1,
        day=int(found["day"]),
        hour=hour,
        minute=minute,
        second=second,
        microsecond=_micros(found["fraction"] or ""),
        zone=found["zone"] or "",
    )


def event_ns(stamp: Stamp | None, *, zone: ZoneInfo, received_ns: int) -> int:
    """When that was, in nanoseconds since the epoch; the time of receipt where nobody can tell.

    Args:
        stamp: As the line has it.
        zone: Where the device's clock is, for stamps that do not say.
        received_ns: When the line arrived, by our clock: tells the year, and is the latest.
    """
    if stamp is None or not 0 <= received_ns <= _LATEST_NS:
        return received_ns
    received = _from_ns(received_ns)
    if received is None:
        return received_ns
    years = [stamp.year] if stamp.year else [received.year - 1, received.year, received.year + 1]
    moments = [moment for year in years if (moment := _moment(stamp, year, zone)) is not None]
    if not moments:
        return received_ns
    at_ns = to_ns(min(moments, key=lambda moment: abs(moment - received)))
    return at_ns if 0 <= at_ns <= received_ns + _CLOCK_AHEAD_NS else received_ns


def _from_ns(at_ns: int) -> datetime | None:
    try:
        return from_ns(at_ns)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(stamp: Stamp, year: int, zone: ZoneInfo) -> datetime | None:
    """The stamp in a year: there is no 30th of February, nor a 29th in most."""
    try:
        local = datetime(
            year,
            stamp.month,
            stamp.day,
            stamp.hour,
            stamp.minute,
            min(stamp.second, 59),  # A leap second is told by few and missed by none.
            stamp.microsecond,
            tzinfo=zone,
        )
        if stamp.zone.startswith(("+", "-")):
            return local.replace(tzinfo=UTC) - _offset(stamp.zone)
        if stamp.zone in _UTC_NAMES:
            return local.replace(tzinfo=UTC)
        # Other names of zones say nothing for sure: CST is in America and in China.
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> Stamp | None:
    date, _, rest = text.partition("T")
    clock, fraction, zone = rest[:8], "", rest[8:]
    if zone[:1] in {".", ","}:
        digits = re.match(r"\d+", zone[1:])
        fraction = digits[0] if digits else ""
        zone = zone[1 + len(fraction) :]
    year, month, day = map(int, date.split("-"))
    hour, minute, second = map(int, clock.split(":"))
    return Stamp(
        year=year,
        month=month,
        day=day,
        hour=hour,
        minute=minute,
        second=second,
        microsecond=_micros(fraction),
        zone=zone,
    )


def _micros(fraction: str) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _offset(zone: str) -> timedelta:
    sign = -1 if zone[0] == "-" else 1
    digits = zone[1:].replace(":", "")
    return sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
