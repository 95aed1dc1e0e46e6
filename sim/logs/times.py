"""Times in logs: what programs write, read into nanoseconds since 1970 in UTC, and written back.

The standard library's `datetime` knows neither nanoseconds nor half of these forms; its calendar is
used.
"""

import calendar
import re
from datetime import date
from typing import Final, NamedTuple

NANOS: Final = 1_000_000_000
DAY_S: Final = 86_400
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_LARGEST: Final = 10**19
_LAST_S: Final = 7_258_118_400
"""2200-01-01, in seconds: a time that is not between 1970 and this is taken for a mistake."""
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_ZONE = r"[ ]?(?P<zone>Z\b|UTC\b|[+-][0-9]{2}:?[0-9]{2}\b)?"
_DATE = r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{2})[-/](?P<day>[0-9]{2})"
_CLOCK = (
    r"[T _](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9})[0-9]*)?)?" + _ZONE
)
_ISO: Final = re.compile(_DATE + _CLOCK)
_ISO_OR_DATE: Final = re.compile(f"{_DATE}(?:{_CLOCK})?")
_WEB: Final = re.compile(
    r"(?P<day>[0-9]{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>[0-9]{4})"
    r":(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?P<part>)" + _ZONE
)
_EPOCH: Final = re.compile(r"\[?(?P<whole>[0-9]{10,19})(?:\.(?P<part>[0-9]{1,9}))?\b")
_UNITS: Final = ((11, NANOS), (14, 1_000_000), (17, 1_000), (20, 1))
"""An epoch with fewer digits than the first counts in units of so many nanoseconds."""


class Instant(NamedTuple):
    """A time. ns: nanoseconds since 1970 in UTC. zoned: whether its zone was said; if not it was
    read as UTC.
    """

    ns: int
    zoned: bool


def from_text(text: str, whole: bool = False) -> Instant | None:
    """Return the first time in `text`, None if there is none. whole: nothing else may stand there.

    Knows ISO 8601 and RFC 3339 with up to nine places, Python's logging, web servers' logs, and
    seconds, milli-, micro- or nanoseconds since 1970 at the beginning.
    """
    for regex in (_ISO_OR_DATE if whole else _ISO, _WEB):
        found = regex.fullmatch(text) if whole else regex.search(text)
        if found is not None:
            return _from_fields(found)
    found = _EPOCH.fullmatch(text) if whole else _EPOCH.match(text)
    return None if found is None else _epoch(found["whole"], found["part"] or "")


def from_number(value: float) -> Instant | None:
    """Return the time of a number since 1970, in the unit that its size speaks for."""
    if not 0 <= value < _LARGEST:  # nor NaN; a larger integer may be too large for a float
        return None
    whole = int(value)
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


def _from_fields(found: re.Match[str]) -> Instant | None:
    month = found["month"]
    number = int(month) if month.isdigit() else _month(month)
    year, day = int(found["year"]), int(found["day"])
    hour, minute = int(found["hour"] or 0), int(found["minute"] or 0)
    second = int(found["second"] or 0)
    try:
        date(year, number, day)
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    seconds = calendar.timegm((year, number, day, hour, minute, second))
    zone = found["zone"]
    if zone and zone[0] in "+-":
        ahead = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        seconds -= ahead if zone[0] == "+" else -ahead
    return _instant(seconds, int(((found["part"] or "") + "0" * 9)[:9]), bool(zone))


def _instant(seconds: int, ns: int, zoned: bool) -> Instant | None:
    if not (0 <= seconds < _LAST_S and 0 <= ns < NANOS):
        return None
    return Instant(seconds * NANOS + ns, zoned)


def _month(name: str) -> int:
    return _MONTHS.find(name) // 3 + 1


def write_time(ns: int) -> str:
    """Return a time as RFC 3339 in UTC, with as many places as it needs."""
    seconds, part = divmod(ns, NANOS)
    days, rest = divmod(seconds, DAY_S)
    day = date.fromordinal(_EPOCH_DAY + days).isoformat()
    places = f".{part:09}".rstrip("0").rstrip(".")
    return f"{day}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}{places}Z"
