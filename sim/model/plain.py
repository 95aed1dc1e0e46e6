"""Text that may be shown to a person, whatever it was."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 1000


def printable(text: str) -> str:
    """Return `text` in one line, without what a terminal would take for a command."""
    return "".join(char if char.isprintable() else "?" for char in text)


def fault(text: str) -> str:
    """Return what is wrong in one printable line, cut where somebody's input makes it very long."""
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")


def joined(parts: Iterable[str], word: str = "and") -> str:
    """Return names as a list in words: a, b and c."""
    *others, last = parts
    return f"{', '.join(others)} {word} {last}" if others else last


def near(name: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the allowed name most like `name`, or ""."""
    found = find_nearest(name, allowed)
    return f"; did you mean {found!r}?" if found else ""


def find_nearest(name: str, allowed: Iterable[str]) -> str:
    """Return the allowed name that was probably meant by `name`, or ""."""
    names = list(map(str, allowed))
    found = get_close_matches(name, names, n=1)
    if not found and len(name) > 3:
        # a long name may have been meant by a short one: uvicron, uvicorn-websockets@0.35
        starts = {known[: len(name)]: known for known in reversed(names)}
        found = [starts[start] for start in get_close_matches(name, starts, n=1)]
    return found[0] if found else ""
