"""Forms of times, and where in a line one may stand as that of the line itself."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = (
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9})[0-9]*)?)?(?: ?(?P<half>[AP]M)\b)?"
)
_NAMES = (
    "ACDT|ACST|AEDT|AEST|AKDT|AKST|AWST|BRT|BST|CDT|CEST|CET|CST|EDT|EEST|EET|EST|HKT|HST|ICT|IST"
    "|JST|KST|MDT|MSK|MST|NZDT|NZST|PDT|PST|SAST|SGT|WEST|WET|WIB"
)
"""Zones by a few letters, some of which mean several: whoever knows has to say it."""
_ZONE = (
    r"(?:[ ]?(?P<zone>Z\b|UTC\b|GMT\b|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9]\b)"
    rf"|(?P<hours>[+-](?:0[0-9]|1[0-4]))\b|[ ](?P<named>{_NAMES})\b)?"
)
_ISO = r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{2})[-/](?P<day>[0-9]{2})"
_DATED = f"(?P<name>{_MONTH}) +(?P<day>[0-9]{{1,2}})"
FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(regex)
    for name, regex in {
        "iso": f"(?<![0-9]){_ISO}(?:[T _]|, ?){_CLOCK}{_ZONE}",
        "compact": r"(?<![0-9])(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})T"
        rf"(?P<hour>[0-9]{{2}})(?P<minute>[0-9]{{2}})(?P<second>[0-9]{{2}})(?:[.,](?P<part>[0-9]{{1,9}}))?"
        f"{_ZONE}",
        "web": rf"(?P<day>[0-9]{{2}})/(?P<name>{_MONTH})/(?P<year>[0-9]{{4}}):{_CLOCK}{_ZONE}",
        "mail": rf"(?P<day>[0-9]{{1,2}}) (?P<name>{_MONTH}) (?P<year>[0-9]{{4}}) {_CLOCK}{_ZONE}",
        "ctime": rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_DATED} {_CLOCK}{_ZONE} "
        r"(?P<year>(?:19|20|21)[0-9]{2})\b",
        "syslog": rf"{_DATED} {_CLOCK}{_ZONE}",
        "klog": rf"(?<!\w)[IWEF](?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}}) {_CLOCK}",
        "tai": r"@(?P<label>40000000[0-9a-f]{8})(?P<part>[0-9a-f]{8})\b",
        "digits": r"(?<![0-9])(?P<year>20[0-9]{2})(?P<month>[01][0-9])(?P<day>[0-3][0-9])"
        r"(?P<hour>[0-2][0-9])(?P<minute>[0-5][0-9])(?P<second>[0-6][0-9])(?![0-9])",
        "epoch": r"(?<![0-9])(?P<whole>[0-9]{10}|[0-9]{13}|[0-9]{16}|[0-9]{19})(?![0-9])"
        r"(?:\.(?P<part>[0-9]{1,9}))?\b",
        "clock": r"(?<![0-9.:])(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
        r"(?:[.,](?P<part>[0-9]{1,9}))?(?: ?(?P<half>[AP]M)\b)?(?![0-9:])",
    }.items()
}
"""Forms of times, by name. ISO 8601 and RFC 3339 with up to nine places, Python's logging, loguru
and Go are of the first, web servers' access logs of the third, `time.ctime`, %c and Apache's error
log of the fifth; syslog and `journalctl` (sixth) and klog say no year, the last no date."""
_ANY: Final = re.compile(
    "|".join(
        f"(?P<{name}>{re.sub(r'[(][?]P<[a-z]+>', '(?:', regex.pattern)})"
        for name, regex in FORMS.items()
    )
)
DATE: Final = re.compile(_ISO)
_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|FATAL|CRITICAL|ALERT|EMERGENCY)"
_KEYED: Final = re.compile(r"(?:\btime|\bts|\bt|stamp|asctime|datetime)=\"?$")
_COLON: Final = re.compile(rf"{_LEVEL}:", re.IGNORECASE)
_LEVEL_FIRST: Final = re.compile(rf"[\[<(]?{_LEVEL}\b", re.IGNORECASE)
_LEVELS: Final = re.compile(rf"\b{_LEVEL}\b|\[[^\]]*\]|\b[0-9]+\b", re.IGNORECASE)
_WORDS: Final = re.compile(r"[\w.@/-]*\w")
TIME: Final = re.sub(r"[(][?]P<[a-z]+>", "(?:", f"(?:[A-Z][a-z]{{2}},? )?(?:{_ANY.pattern})")
"""A time of any form, after the name of a day, without groups."""
_BEGIN: Final = re.compile(rf"[\[(<]?(?:time=\"?|ts=)?{TIME}")
_FIRST: Final = frozenset("0123456789[(<@tJFMASONDTWIE")
"""What a time may begin with; most lines that are none are told by it."""
_STAMP: Final = re.compile(rf"{TIME}[ \t]")


def find_time(text: str) -> tuple[str, re.Match[str]] | None:
    """Return the form and the parts of the time that a text begins with, None if there is none.

    Before it may stand what formats put there: a severity, a name, a process, a key; of a message
    that tells of a time nobody knows whether it is its own.
    """
    found = FORMS["iso"].match(text)  # as nearly all are
    if found is not None:
        return "iso", found
    found = _ANY.search(text)
    if found is None or not _may_precede(text[: found.start()], form := found.lastgroup or ""):
        return None
    parts = FORMS[form].match(text, found.start())
    assert parts is not None, "what was found as one of the forms is one"
    return form, parts


@lru_cache(maxsize=64)
def time_end(text: str) -> int:
    """Return where the time ends that a line begins with, perhaps in brackets; 0 for none."""
    found = _BEGIN.match(text) if text[:1] in _FIRST else None
    return found.end() if found is not None else 0


def begins_with_time(text: str) -> bool:
    """Whether a time of any form stands where a line begins, perhaps in brackets."""
    return time_end(text) > 0


def without_time(text: str) -> str:
    """Return a line without the time that it begins with: what many lines have in common."""
    return text[time_end(text) :]


def split_stamp(text: str) -> tuple[str, str]:
    """Return the time that a line begins with and what follows; "" for none, or in brackets."""
    found = _STAMP.match(text)
    return (found[0], text[found.end() :]) if found is not None else ("", text)


def _may_precede(before: str, form: str) -> bool:
    """Whether what stands before a time is what formats put there, and no message."""
    if not before or before.isspace() or _KEYED.search(before):
        return True
    if form in ("epoch", "digits"):  # a number may be anything
        return before in ("[", "(", "<")
    if _COLON.match(before):
        return False  # what follows is the message
    words = _WORDS.findall(_LEVELS.sub("", before))
    if _LEVEL_FIRST.match(before):
        return not words or (len(words) == 1 and "." in words[0])
    return len(words) <= (4 if form == "web" and before.endswith("[") else 1)
