"""JSON from a stranger, read without surprises.

What the standard library lets pass and no two programs read alike is refused, as I-JSON (RFC 7493)
asks: a key that stands twice, NaN and infinities, integers beyond 2**53, half a surrogate pair.
"""

import json
from typing import Any

from sim.files.depth import TOO_DEEP, too_deep

LARGEST = 1 << 53
"""No number is larger: beyond it a float, and with it most readers of JSON, skips integers."""
_KEYS = 1000
"""So many keys may one object have."""
_BOM = b"\xef\xbb\xbf"


class BadJson(ValueError):
    """A document that is refused. line: where, counted from 1, or None if that is not known."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.line = line


def read(data: bytes) -> Any:
    """Return what a JSON document says. Raises BadJson with one line of text."""
    if data.startswith(_BOM):
        raise BadJson("it begins with a byte order mark; expected UTF-8 without one", 1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadJson(f"it is not UTF-8: byte {error.start}", line) from None
    try:
        found = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise BadJson(f"it is not JSON, or was cut: {error.msg}", error.lineno) from None
    except RecursionError:
        raise BadJson(TOO_DEEP) from None
    if too_deep(found):
        raise BadJson(TOO_DEEP)
    _check_text(found)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _KEYS:
        raise BadJson(f"an object has more than {_KEYS} keys")
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJson(f"the key {twice[:60]!a} stands there twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST:
        raise BadJson(f"a number is larger than 2**53: {digits[:20]}")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if abs(value) > LARGEST:
        raise BadJson(f"a number is larger than 2**53: {digits[:20]}")
    return value


def _constant(name: str) -> Any:
    raise BadJson(f"{name} is no number")


def _check_text(found: object) -> None:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadJson("a text holds half a surrogate pair") from None
