"""The source lines that a run names, as "module:line". Only of modules that ran here anyway."""

import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from linecache import getlines

AROUND = 4
"""Lines that are shown before and after."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Some lines of a file. file: its path from the package on. first: the number of the first
    line; at: the number of the line that is meant.
    """

    file: str
    first: int
    at: int
    lines: tuple[str, ...]

    @property
    def line(self) -> str:
        """The line that is meant, without its indentation."""
        return self.lines[self.at - self.first].strip()


def snippets(wheres: Iterable[str]) -> Mapping[str, Snippet]:
    """Return the lines around each place that has a text; nothing is imported for it."""
    places = [where for where in dict.fromkeys(wheres) if where]
    modules = dict.fromkeys(where.rpartition(":")[0] for where in places)
    texts = {module: _text(module) for module in modules}
    found = {where: _snippet(where, texts) for where in places}
    return {where: one for where, one in found.items() if one is not None}


def snippets_of_files(files: Mapping[str, str]) -> Mapping[str, Snippet]:
    """Return the lines around places "file:line". files: for each where the file itself is."""
    found = {}
    for where, path in files.items():
        file, _, number = where.rpartition(":")
        text = tuple(line.rstrip("\n") for line in getlines(path))
        one = _around(file, number, text)
        if one is not None:
            found[where] = one
    return found


def _snippet(where: str, texts: Mapping[str, Sequence[str]]) -> Snippet | None:
    module, _, number = where.rpartition(":")
    return _around(_file(module), number, texts[module])


def _around(file: str, number: str, text: Sequence[str]) -> Snippet | None:
    if not number.isdecimal() or not 0 < int(number) <= len(text):
        return None
    at = int(number)
    first = max(1, at - AROUND)
    lines = tuple(line.rstrip() for line in text[first - 1 : at + AROUND])
    return Snippet(file, first, at, lines)


def _file(module: str) -> str:
    """Return the path of a module's file from its package on, the same on every machine."""
    is_package = hasattr(sys.modules.get(module), "__path__")
    return f"{module.replace('.', '/')}{'/__init__' if is_package else ''}.py"


def _text(module: str) -> tuple[str, ...]:
    found = sys.modules.get(module)
    try:
        return tuple(inspect.getsource(found).splitlines()) if found is not None else ()
    except (OSError, TypeError):
        return ()
