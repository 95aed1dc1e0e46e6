"""Times in logs: what programs write, read into nanoseconds since 1970 in UTC, and written back.

The standard library's `datetime` knows neither nanoseconds nor half of these forms; its calendar
and its zones are used. No library reads them as strictly: dateutil's parser fills in today's date
and year where a text has none, and a time that is guessed may lie outside of what is asked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from sim.logs.timeforms import DATE, FORMS, MONTHS, find_time

NANOS: Final = 1_000_000_000
DAY_S: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_CLOCK: Final = ("hour", "minute", "second", "part", "zone", "hours", "half", "named")
_LARGEST: Final = 10**19
_LAST_S: Final = 7_258_118_400
"""2200-01-01, in seconds: a time that is not between 1970 and this is taken for a mistake."""
_TAI: Final = 2**62 + 10
"""What TAI64N labels begin at, as runit's svlogd and daemontools write them: without the leap
seconds after 1972 (runit, src/tai_now.c)."""
_DIGITS: Final = (10, 13, 16, 19)
"""Of times since 1970 in seconds, milli-, micro- and nanoseconds, from 2001 to 2286."""
_FIRST_S: Final = 1_262_304_000
_NOT_YET_S: Final = 4_102_444_800
"""From 2010 to 2099: any other number at the beginning of a line is hardly a time."""
_UNITS: Final = ((11, NANOS), (14, 1_000_000), (17, 1_000), (20, 1))
"""An epoch with fewer digits than the first counts in units of so many nanoseconds."""
_COLOUR: Final = re.compile("\x1b\\[[0-9;]*m")
Lack = Literal["", "date", "year", "zone"]


class Instant(NamedTuple):
    """A time. ns: nanoseconds since 1970 in UTC. zoned: whether its zone was said, by the text or
    by a person; if not it was read as UTC.
    """

    ns: int
    zoned: bool


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a person says of times that do not say it themselves. None: nothing."""

    day: date | None = None
    """The day of times that are hours and minutes only."""
    year: int | None = None
    """The year of times that have a month and a day only."""
    zone: tzinfo | None = None


NOTHING: Final = Assumed()


class Reading(NamedTuple):
    """What was found where a time may stand. when: None if it is not known."""

    when: Instant | None = None
    lacks: Lack = ""
    """What the time does not say, so that it is not known."""


def read_time(text: str, assumed: Assumed = NOTHING) -> Reading:
    """Return the time that a line or a text begins with.

    Before it may stand what formats put there: a severity, a name, a process, a key; of a message
    that tells of a time nobody knows whether it is its own. assumed: what a person says.
    """
    text = _COLOUR.sub("", text) if "\x1b" in text else text
    found = find_time(text)
    return Reading() if found is None else _read(*found, assumed)


def from_text(text: str, whole: bool = False, assumed: Assumed = NOTHING) -> Instant | None:
    """Return the time that `text` begins with, None if there is none, or if it does not say which.

    whole: nothing else may stand there; a date is a time then. assumed: see `read_time`.
    """
    if not whole:
        return read_time(text, assumed).when
    for name, regex in FORMS.items():
        if (found := regex.fullmatch(text)) is not None:
            return _read(name, found, assumed).when
    found = DATE.fullmatch(text)
    return None if found is None else _from_fields(found.groupdict(), assumed).when


def _read(form: str, found: re.Match[str], assumed: Assumed) -> Reading:
    if form == "iso":
        return _from_iso(found, assumed)
    return (_READERS.get(form) or _from_fields)(found.groupdict(), assumed)


def _from_iso(found: re.Match[str], assumed: Assumed) -> Reading:
    """Return the time of the form that nearly all are of, with its day looked up."""
    hour, minute, second, part, zone, hours, half, named = found.group(*_CLOCK)
    if half or named:
        return _from_fields(found.groupdict(), assumed)
    day_s = _day_s(*found.group("year", "month", "day"))
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    if day_s is None or int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return Reading()
    ns = int((part + "0" * 9)[:9]) if part else 0
    return Reading(_placed(day_s + seconds, ns, zone or hours, assumed))


@lru_cache(maxsize=64)
def _day_s(year: str, month: str, day: str) -> int | None:
    """Return when a day begins, in seconds since 1970; None if no calendar has it."""
    try:
        return (date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY) * DAY_S
    except ValueError:
        return None


def _placed(seconds: int, ns: int, zone: str | None, assumed: Assumed) -> Instant | None:
    """Return a time that was said in a zone, else in that which a person says, else in UTC."""
    if zone is None and assumed.zone is not None:
        local = _EPOCH.replace(tzinfo=None) + timedelta(seconds=seconds)
        ahead = assumed.zone.utcoffset(local) or timedelta()
        return _instant(seconds - int(ahead.total_seconds()), ns, True)
    return _instant(seconds - _ahead(zone), ns, zone is not None)


def _from_epoch(fields: Mapping[str, str | None], assumed: Assumed) -> Reading:
    found = _epoch(fields["whole"] or "", fields["part"] or "")
    likely = found is not None and _FIRST_S <= found.ns // NANOS < _NOT_YET_S
    return Reading(found if likely else None)


def _from_tai(fields: Mapping[str, str | None], assumed: Assumed) -> Reading:
    seconds, ns = (int(fields[name] or "", 16) for name in ("label", "part"))
    return Reading(_instant(seconds - _TAI, ns, True))


_READERS: Final[Mapping[str, Callable[[Mapping[str, str | None], Assumed], Reading]]] = {
    "epoch": _from_epoch,
    "tai": _from_tai,
}


def _from_fields(fields: Mapping[str, str | None], assumed: Assumed) -> Reading:
    """Return the time that the parts of a text say, with what a person says of the rest."""
    day = _day(fields, assumed)
    if isinstance(day, str):
        return Reading(None, day)
    hour, minute, second = (int(fields.get(key) or 0) for key in ("hour", "minute", "second"))
    if (half := fields.get("half")) is not None:
        if not 1 <= hour <= 12:
            return Reading()
        hour = hour % 12 + 12 * (half == "PM")
    if day is None or hour > 23 or minute > 59 or second > 60:
        return Reading()
    seconds = (day.toordinal() - _EPOCH_DAY) * DAY_S + hour * 3600 + minute * 60 + second
    zone = fields.get("zone") or fields.get("hours")
    if fields.get("named") and assumed.zone is None:
        return Reading(None, "zone")
    return Reading(_placed(seconds, _ns(fields), zone, assumed))


def _day(fields: Mapping[str, str | None], assumed: Assumed) -> date | Lack | None:
    """Return the day, else what is not known of it; None if no calendar has it."""
    name = fields.get("name")
    month = MONTHS.find(name) // 3 + 1 if name else int(fields.get("month") or 0)
    if not month:
        return assumed.day or "date"
    year = int(fields.get("year") or 0) or assumed.year or (assumed.day and assumed.day.year)
    if not year:
        return "date" if fields.get("year") else "year"
    try:
        return date(year, month, int(fields["day"] or 0))
    except ValueError:
        return None


def _ahead(zone: str | None) -> int:
    """Return how many seconds a zone such as +02:00 is ahead of UTC."""
    if zone is None or zone[0] not in "+-":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[-2:] if len(zone) > 3 else 0) * 60
    return seconds if zone[0] == "+" else -seconds


def _ns(fields: Mapping[str, str | None]) -> int:
    return int(((fields.get("part") or "") + "0" * 9)[:9])


def from_number(value: float) -> Instant | None:
    """Return the time of a number since 1970, in the unit that its size speaks for."""
    if not 0 <= value < _LARGEST:  # nor NaN; a larger integer may be too large for a float
        return None
    whole = int(value)
    if len(str(whole)) not in _DIGITS:
        return None  # a duration, or whatever
    return _epoch(str(whole), f"{int((value - whole) * 1_000_000):06}")


def from_pair(seconds: object, nanos: object) -> Instant | None:
    """Return the time of seconds and nanoseconds, as Google's logs also have them."""
    try:
        whole, part = int(str(seconds)), int(str(nanos or 0))
    except ValueError:
        return None
    return _instant(whole, part, True)


def _epoch(whole: str, part: str) -> Instant | None:
    for digits, unit in _UNITS:
        if len(whole) < digits:
            fraction = int((part + "0" * 9)[:9]) * unit // NANOS
            seconds, ns = divmod(int(whole) * unit + fraction, NANOS)
            return _instant(seconds, ns, True)
    return None


def _instant(seconds: int, ns: int, zoned: bool) -> Instant | None:
    if not (0 <= seconds < _LAST_S and 0 <= ns < NANOS):
        return None
    return Instant(seconds * NANOS + ns, zoned)


def write_time(ns: int) -> str:
    """Return a time as RFC 3339 in UTC, with as many places as it needs."""
    seconds, part = divmod(ns, NANOS)
    days, rest = divmod(seconds, DAY_S)
    day = date.fromordinal(_EPOCH_DAY + days).isoformat()
    places = f".{part:09}".rstrip("0").rstrip(".")
    return f"{day}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}{places}Z"
