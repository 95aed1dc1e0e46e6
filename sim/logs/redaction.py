"""What lines of a log tell of people and secrets, taken out where the lines are shown.

What is shown gets into tickets and chats. Too much is taken out rather than too little: what
stands there is still to be read in the log, at the file and the line that are told.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

_SECRET = (
    r"[\w-]*(?:token|secret|passw(?:or)?d|pwd|api[_-]?key|access[_-]?key|session(?:[_-]?id)?|sid"
    r"|signature|credential|auth)s?"
)
_QUOTES = r"\\?[\"']?"
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(
            r"(?i)\b((?:set-)?cookie\b[\"']?[, ]{0,2}[=:]?\s*(?:b(?=[\"']))?[\"']?)[^\"'\r\n]+"
        ),
        r"\1<cookie>",
    ),
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization\b[\"']?[, ]{0,2}[=:]?\s*(?:b(?=[\"']))?[\"']?)"
            r"(?:(?:bearer|basic|digest|token)\s+)?[^\s\"',}]+"
        ),
        r"\1<token>",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 <token>"),
    (
        re.compile(rf"(?i)\b({_SECRET}{_QUOTES}\s*[=:]\s*{_QUOTES})[^\s\"'&,;}})\]\\]+"),
        r"\1<token>",
    ),
    (re.compile(r"(://)[^/\s:@]+:[^/\s@]+@"), r"\1<token>@"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"), "<token>"),
    (re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}\b"), "<e-mail>"),
    (re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.]*[A-Za-z0-9])"), "<address>"),
)
_ADDRESS: Final = re.compile(r"(?<![\w.:])[0-9A-Fa-f:]{2,39}(?:%\w+)?(?![\w:])")
_LONG: Final = re.compile(r"(?<![\w/.-])[\w+-]{32,}={0,2}(?![\w/-])")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def redact(text: str) -> str:
    """Return a text without addresses of machines and people, tokens, passwords and cookies.

    What looks like a random word of 32 characters or more is taken for a token; a UUID is not, for
    connections are called so.
    """
    for regex, instead in _RULES:
        text = regex.sub(instead, text)
    return _LONG.sub(_if(_is_random, "<token>"), _ADDRESS.sub(_if(_is_address, "<address>"), text))


def _if(holds: Callable[[str], bool], instead: str) -> Callable[[re.Match[str]], str]:
    return lambda found: instead if holds(found[0]) else found[0]


def _is_address(word: str) -> bool:
    """Whether a word is an address of IPv6; a time has colons, too."""
    if word.count(":") < 2:
        return False
    try:
        return ip_address(word).version == 6
    except ValueError:
        return False


def _is_random(word: str) -> bool:
    """Whether a long word has letters and digits mixed, as names hardly ever have."""
    has_both = any(one.isdigit() for one in word) and any(one.isalpha() for one in word)
    return has_both and _UUID.fullmatch(word) is None
