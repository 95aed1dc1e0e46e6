"""What lines of a log tell of people and secrets, taken out where the lines are shown.

What is shown gets into tickets and chats. Too much is taken out rather than too little: what
stands there is still to be read in the log, at the file and the line that are told.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

_SECRET = (
    r"(?:[\w-]{0,40}(?:token|secret|passw(?:or)?d|passphrase|pwd|api[_-]?key|access[_-]?key"
    r"|secret[_-]?key|session(?:[_-]?id)?|signature|credential|ticket|jwt)s?"
    r"|(?:[\w-]{0,40}_)?(?:pass|sid|auth|pw))"
)
_QUOTES = r"\\?[\"']?"
_IS = r"\s*(?:=>?|%3D|:)\s*"
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (  # a header, as HTTP has it, in a dictionary, or as ASGI has it
        re.compile(
            r"(?i)\b((?:set-)?cookie[\"']?\s?[=:,]\s*(?:b(?=[\"']))?[\"']?)"
            r"(?:\"[^\"]*\"|[^\"'\r\n])+"
        ),
        r"\1<cookie>",
    ),
    (
        re.compile(
            r"(?i)\b((?:(?:proxy-)?authorization|x-[\w-]{0,40}(?:key|token)|sec-websocket-protocol)"
            r"[\"']?\s?[=:,]\s*\[?(?:b(?=[\"']))?[\"']?)[^\"'\r\n\])]+"
        ),
        r"\1<token>",
    ),
    (re.compile(r"(?i)\b(bearer|basic|negotiate)\s+(?=\S*[0-9=+/_])[\w.~+/=-]{6,}"), r"\1 <token>"),
    (re.compile(rf"(?i)\b({_SECRET}{_QUOTES}{_IS})([\"'])[^\"']+\2"), r"\1\2<token>\2"),
    (  # a word behind a colon and a blank may be anything, if no key is quoted
        re.compile(
            rf"(?i)\b({_SECRET}(?:\\?[\"']{_IS}|(?:=>?|%3D)\s*|:(?=\S)|:\s+(?=\S*[0-9])){_QUOTES})"
            r"[^\s\"'&,;}\)\]\\]+"
        ),
        r"\1<token>",
    ),
    (re.compile(r"(://)[^/\s:@]*:[^/\s]+@"), r"\1<token>@"),
    (
        re.compile(r"\b(?:AKIA[0-9A-Z]{12,}|sk-[\w-]{8,}|xox[a-z]-[\w-]{8,}|gh[a-z]_\w{16,})"),
        "<token>",
    ),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{1,2000}(?:\.[\w-]{0,2000})?"), "<token>"),
    (re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), "<e-mail>"),
    (re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.]*[A-Za-z0-9])"), "<address>"),
)
_ADDRESS: Final = re.compile(r"(?<![\w.:])[0-9A-Fa-f:]{2,39}(?:%\w+)?(?![\w:])")
_LONG: Final = re.compile(r"(?<![\w.-])[\w+-]{32,512}={0,2}(?![\w-])")
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
