"""Where the keys of a TOML document stand, and how a dotted key falls into parts.

`tomllib` says what a document holds but not where. This is a scanner, not a second parser: it takes
any text, and what is not TOML only makes its answers poorer.
"""

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache

_STRING = r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'"
_TOKEN = re.compile(
    r"(?P<comment>\#[^\n]*)"
    r'|(?P<string>"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)|' + rf"'''.*?(?:'{{3,5}}|\Z)|{_STRING})"
    r"|(?P<bare>[A-Za-z0-9_-]+)|(?P<mark>[\[\]{}=.,\n])|(?P<other>.)",
    re.DOTALL,
)
_PART = re.compile(rf"\s*({_STRING}|[^\s.=\"']+)\s*")
_DEPTH = 64
"""Paths are cut here: a text of nothing but brackets must not cost the square of its length."""

Path = tuple[str | int, ...]


def line_of(text: str, path: Path) -> int:
    """Return the line, counted from 1, of the deepest part of `path` that `text` holds.

    text: a TOML document. path: keys, and for arrays the index of the element. Returns 1 if no part
    of the path is found. Raises nothing, whatever the text.
    """
    lines = _lines(text)
    for length in range(min(len(path), _DEPTH), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def key_parts(text: str) -> tuple[tuple[str, ...], str]:
    """Return the parts of the dotted key at the start of `text`, and the text after it.

    A part is quoted as in TOML, or bare; a bare part may hold all but blanks, quotes, dots and "=".
    Raises ValueError if there is no such key.
    """
    parts: list[str] = []
    end = -1
    while end < 0 or text[end : end + 1] == ".":
        match = _PART.match(text, end + 1)
        if match is None:
            raise ValueError("an empty or malformed key")
        parts.append(_unquoted(match[1]))
        end = match.end()
    return tuple(parts), text[end:]


def _unquoted(key: str) -> str:
    if key[0] not in "\"'":
        return key
    try:
        return str(tomllib.loads(f"key = {key}")["key"])
    except ValueError:
        return key.strip("\"'")


@dataclass(slots=True)
class _Level:
    """A table, or an array if `index` is a number; `value`: where the value now read belongs."""

    path: Path = ()
    index: int | None = None
    keys: list[str] = field(default_factory=list)
    value: Path | None = None


@dataclass(slots=True)
class _Scan:
    """The state of one pass over a document."""

    lines: dict[Path, int] = field(default_factory=dict)
    counts: dict[Path, int] = field(default_factory=dict)
    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    header: int = 0
    """How many brackets opened the header that is being read."""

    def note(self, path: Path, start: int, line: int) -> None:
        for length in range(start + 1, len(path)):
            self.lines.setdefault(path[:length], line)
        self.lines[path] = line

    def text(self, token: str, line: int) -> None:
        """Take a string or a bare word: part of a key, or of a value."""
        level = self.levels[-1]
        if level.value is None and len(level.keys) < _DEPTH:
            level.keys.append(token)
        self.element(line)

    def element(self, line: int) -> None:
        """Note the element of an array that begins here, if one does."""
        level = self.levels[-1]
        if level.index is not None and level.value not in self.lines:
            self.note(level.value or (), len(level.path), line)

    def mark(self, token: str, line: int) -> None:
        """Take a bracket, an equals sign, a comma or the end of a line."""
        level = self.levels[-1]
        if token == "=" and level.value is None:
            level.value = (*level.path, *map(_unquoted, level.keys))[:_DEPTH]
            self.note(level.value, len(level.path), line)
        elif token in "[{" and level.value is not None:
            self.element(line)
            if len(self.levels) < _DEPTH:
                inner = (*level.value, 0)[:_DEPTH] if token == "[" else None
                first = 0 if token == "[" else None
                self.levels.append(_Level(level.value, first, [], inner))
        elif token == "[":
            self.header += 1
        elif token == "]" and self.header:
            self.table(line)
        elif token in "]}" and len(self.levels) > 1:
            self.levels.pop()
        elif token == "," and level.index is not None:
            level.index += 1
            level.value = (*level.path, level.index)[:_DEPTH]
        elif token == "," or (token == "\n" and len(self.levels) == 1):
            level.keys, level.value, self.header = [], None, 0

    def table(self, line: int) -> None:
        """Begin the table whose header has just ended."""
        keys = [_unquoted(key) for key in self.levels[0].keys]
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path = (*path, key)[:_DEPTH]
            if self.header > 1 and number == len(keys):
                self.counts[path] = self.counts.get(path, -1) + 1
            if path in self.counts:
                path = (*path, self.counts[path])[:_DEPTH]
        first = len(path) - 1 if self.header > 1 else 0
        for length in range(1, first + 1):  # the array itself stands where its first table does
            self.lines.setdefault(path[:length], line)
        self.note(path, first, line)
        self.levels, self.header = [_Level(path)], 0


@lru_cache(maxsize=1)
def _lines(text: str) -> dict[Path, int]:
    """Return the line of every key, table and array element of a document."""
    scan = _Scan()
    line = 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match.lastgroup in ("string", "bare"):
            scan.text(token, line)
        elif match.lastgroup == "mark":
            scan.mark(token, line)
        line += token.count("\n")
    return scan.lines
