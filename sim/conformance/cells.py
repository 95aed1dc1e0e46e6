"""Cells of truth: what a real server did in one arrangement. Read from a file, never trusted.

A file is JSON Lines, one cell a line, with the columns that `matrix` names. A line that cannot be
read is kept as an `Unread`, so that it is counted and not passed over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sim.errors import UserError
from sim.files.strict_json import BadJson, read
from sim.model.plain import fault

LONGEST_LINE = 1_000_000
"""Bytes; a longer line is no cell."""
Name = Annotated[str, Field(max_length=100)]
Count = Annotated[int, Field(ge=0, le=10**9)]


class Cell(BaseModel):
    """One arrangement on one stack, and what came of it.

    python, starlette, stack, server, lib, runtime: what ran. kind: what happened. point: where in
    the handler. wait: what the handler awaits right after it. guard: the guard. queued: whether the
    client sent one more message just before. n: trials. outcomes: how many had which outcome class.
    message_lost: trials that lost a message. detail: per outcome class its text and both states
    when the loop ended.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    python: Name
    starlette: Name
    stack: Name
    server: Name
    lib: Name = ""
    runtime: Name
    kind: Name
    point: Name
    wait: Name = "-"
    guard: Name
    queued: bool = False
    n: Annotated[int, Field(ge=1, le=10**9)] = 1
    outcomes: Annotated[dict[Name, Count], Field(min_length=1, max_length=100)]
    message_lost: Count = 0
    detail: tuple[tuple[Any, ...], ...] = ()

    @property
    def seen(self) -> frozenset[str]:
        """The outcome classes that were seen."""
        return frozenset(name for name, count in self.outcomes.items() if count)

    @property
    def mixed(self) -> bool:
        """Whether more than one class was seen: the cell depends on timing."""
        return len(self.seen) > 1

    @property
    def loss(self) -> str:
        """How many trials lost a message: never, some or always."""
        if self.message_lost == 0:
            return "never"
        return "always" if self.message_lost >= self.n else "some"

    @property
    def states(self) -> frozenset[tuple[str, str]]:
        """client_state and application_state when the loop ended, as far as they were kept."""
        rows = (row for row in self.detail if len(row) >= 4)
        return frozenset((str(row[2]), str(row[3])) for row in rows)

    @property
    def label(self) -> str:
        """The arrangement in one line."""
        queued = ", a message queued" if self.queued else ""
        return f"{self.kind} at {self.point}, wait {self.wait}, guard {self.guard}{queued}"


IGNORED = frozenset(
    ["send_failed_trials", "send_errors", "closer_errors", "ms_median", "rechecked", "mixed"]
)
"""Columns that nothing is compared with; `mixed` follows from the outcomes."""
COLUMNS = frozenset(Cell.model_fields) | IGNORED


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that holds no cell. line: counted from 1. why: for people."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class CellFile:
    """What a file holds. unknown: columns that are not known, with how many cells have them."""

    cells: tuple[Cell, ...]
    unread: tuple[Unread, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)


def read_cells(path: str | Path) -> CellFile:
    """Return the cells of a file. Raises UserError if it cannot be read or holds no cell at all."""
    source = str(path)
    cells: list[Cell] = []
    unread: list[Unread] = []
    unknown: dict[str, int] = {}
    for number, line in _lines(source):
        found = _cell(number, line)
        if isinstance(found, Unread):
            unread.append(found)
            continue
        data, cell = found
        cells.append(cell)
        for name in sorted(set(data) - COLUMNS):
            unknown[name] = unknown.get(name, 0) + 1
    if not cells:
        first = f"; line {unread[0].line}: {unread[0].why}" if unread else "; it is empty"
        raise UserError(fault(f"{source}: no line holds a cell{first}"))
    return CellFile(tuple(cells), tuple(unread), unknown)


def _lines(source: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that hold anything, numbered from 1; of a very long one only its start."""
    try:
        with Path(source).open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                rest = line
                while not rest.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
                    pass
                if line.strip():
                    yield number, line
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise UserError(fault(f"{source}: cannot be read: {what}")) from None


def _cell(number: int, line: bytes) -> Unread | tuple[dict[str, Any], Cell]:
    if len(line) > LONGEST_LINE:
        return Unread(number, f"it is longer than {LONGEST_LINE:,} bytes")
    try:
        data = read(line)
    except BadJson as error:
        return Unread(number, fault(str(error)))
    if not isinstance(data, dict):
        return Unread(number, "it is no JSON object")
    try:
        cell = Cell.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part)[:100] for part in first["loc"])
        return Unread(number, fault(f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}"))
    return (data, cell) if cell.seen else Unread(number, "outcomes: all are zero, nothing was seen")
