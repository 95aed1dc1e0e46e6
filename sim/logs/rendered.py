"""What programs that print and ship logs put around a text, taken away again.

Colours; line ends that are written as characters (rsyslog's #012, logfmt's \\n); the columns, boxes
and folded lines of rich (rich/traceback.py, rich/logging.py), which loggers use if it is installed.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from sim.logs.reading import mend_text

COLOUR: Final = re.compile("\x1b(?:\\[[0-9;?]{0,12}[A-Za-z]|\\([A-Z0-9])|#033\\[[0-9;]{0,12}m")
"""What colours text or moves the cursor; the last as rsyslog escapes it."""
_TRACEBACK: Final = "Traceback (most recent call last)"
_ESCAPES: Final = (f"{_TRACEBACK}:#012", f"{_TRACEBACK}:\\n")
_UPPER, _SIDE, _LOWER = "╭", "│", "╰"
_RENDERED: Final = re.compile(
    rf"( *)(?:Traceback \(most recent|{_UPPER.encode().decode('latin-1')}.*Traceback \(most recent)"
)
_BOXES: Final = tuple(one.encode().decode("latin-1") for one in (_UPPER, _SIDE, _LOWER))
_CODE: Final = re.compile(rf"(❱?)\s*[0-9]+ {_SIDE}(.*)")
_PLACE: Final = re.compile(r"(.+):([0-9]+) in (.+)")
_FRAME: Final = re.compile(r'  File ".+", line [0-9]+, in \S+')
_EXCEPTION: Final = re.compile(r"[A-Za-z_][\w.]*(?::\s|:?$)")
_LEAST: Final = 2
"""So far in a traceback has to stand to be in a column of its own."""


def strip_colours(line: str) -> str:
    """Return a line without the codes that colour it."""
    return COLOUR.sub("", line) if "\x1b" in line or "#033[" in line else line


def unescaped(text: str) -> list[str]:
    """Return the lines of a text in which a traceback's line ends are written as characters."""
    escape = next((one for one in _ESCAPES if one in text), None)
    if escape is None:
        return [text]
    if escape.endswith("#012"):
        return text.split("#012")
    before, _, rest = text.partition(_TRACEBACK)
    lines = f"{_TRACEBACK}{rest}".replace('\\"', '"').split("\\n")
    return [before, *lines]


def column_of(text: str) -> int | None:
    """Return at which column a traceback begins that is rendered: in a box, or in a column of its
    own; None for any other line.
    """
    found = _RENDERED.match(text)
    if found is None or (len(found[1]) < _LEAST and not is_boxed(text)):
        return None
    return len(found[1])


def is_boxed(text: str) -> bool:
    """Whether a line is one of a box."""
    return text.lstrip(" ").startswith(_BOXES)


def plain_lines(lines: Sequence[str]) -> Iterator[str]:
    """Yield what a rendered traceback says in lines as Python prints them. lines: without their
    column.
    """
    outside: list[str] = []
    box: list[str] | None = None
    for line in map(mend_text, lines):
        start = line.lstrip(" ")[:1]
        if box is None and start == _UPPER:
            yield from _unfolded(outside)
            outside, box = [], []
            width = len(line.strip()) - 4
            yield f"{_TRACEBACK}:"
        elif box is not None and start != _SIDE:  # its lower edge, or it was cut
            yield from _frames(box, width)
            box = None
            if start != _LOWER:
                outside.append(line.rstrip())
        elif box is not None:
            box.append(line.strip().strip(_SIDE)[1:].rstrip())
        else:
            outside.append(line.rstrip())
    yield from _frames(box, width) if box is not None else _unfolded(outside)


def _frames(box: Sequence[str], width: int) -> Iterator[str]:
    """Yield the frames of a box, each with the line that it stood at; others around it, and the
    variables, tell of nothing that happened.
    """
    place: list[str] = []
    at_code = False
    for line in (*box, ""):
        code = _CODE.match(line.strip())
        if code is not None:
            at_code = True
            if code[1]:
                yield f"    {code[2].strip(f'{_SIDE} ')}"
        elif line and not at_code and line[0] not in (_UPPER, _SIDE, _LOWER):
            place.append(line)
        elif not line:
            at_code = False
            if (found := _PLACE.fullmatch(_joined(place, width))) is not None:
                yield f'  File "{found[1]}", line {found[2]}, in {found[3]}'
            place = []


def _joined(parts: Sequence[str], width: int) -> str:
    """Return a line that was folded."""
    return "".join(part + _gap(part, width) for part in parts).rstrip()


def _gap(line: str, width: int) -> str:
    """Return what stood between a folded line and the next: nothing if a word filled all of it."""
    return "" if len(line) == width and " " not in line.strip() else " "


def _unfolded(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines as they were before they were folded to the width of a column.

    Rich folds greedily, so a line goes on in the next one if that one's first word would not have
    fit behind it. What is indented, and what a traceback's lines begin with, begins a line.
    """
    if not lines:
        return
    width = max(map(len, lines))
    whole = lines[0]
    for line, following in pairwise(lines):
        word = following.split(" ", 1)[0]
        fits = len(line) + 1 + len(word) <= width
        if not following or following[0] == " " or fits or _begins(following, whole):
            yield whole
            whole = following
        else:
            whole += f"{_gap(line, width)}{following}"
    yield whole


def _begins(line: str, before: str) -> bool:
    """Whether a line begins something: a traceback, or what was raised in the frames before it."""
    if line.startswith(("Traceback (most", "During handling", "The above exception")):
        return True
    if before.startswith("  File") and not _FRAME.fullmatch(before):
        return False  # the name of the function follows
    return before[:1] == " " and _EXCEPTION.match(line) is not None
