"""Text that may be shown to a person, whatever it was."""

_LONGEST = 1000


def printable(text: str) -> str:
    """Return `text` in one line, without what a terminal would take for a command."""
    return "".join(char if char.isprintable() else "?" for char in text)


def fault(text: str) -> str:
    """Return what is wrong in one printable line, cut where somebody's input makes it very long."""
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
