"""Text that may be shown to a person, whatever it was."""

from collections.abc import Iterable

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
