"""The rows of one sweep in a file of results: recorded once, whatever is interrupted and run again.

Write-ahead logging and insert-or-ignore on (unit, trial): a row that was acknowledged survives the
death of the process, a row that comes twice counts once, and several sweeps may write to one file.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sim.errors import UserError
from sim.store.schema import add_units, open_reading, open_writing, upgrade, writing

Stored = tuple[int, int, bool, bool, str, str]
"""Cell, trial, failed, lost, label, digest."""
_ROWS = (
    "SELECT trial, failed, lost, CAST(text AS TEXT), lower(hex(digest)) FROM trials "
    "JOIN labels USING (label) WHERE unit = ? AND trial < ? AND trial >= 0 "
    "AND typeof(trial) = 'integer' ORDER BY trial"
)


Cells = tuple[tuple[int, int], ...]
"""For each cell of a sweep its unit in the file, and how many trials it is to have."""


class Wanted(NamedTuple):
    """A cell of a sweep. key: of all that its rows depend on. trials: how many it is to have."""

    key: str
    trials: int


class Crash(NamedTuple):
    """A trial that lost its process each time that it was run. cell: its index in the plan."""

    cell: int
    trial: int
    why: str


class ResultStore:
    """The results of one sweep in a file, in memory if `path` is None.

    cells: what belongs to the sweep. said: what was asked, as plain data, for who reads the file.
    older: what this sweep was called in files of the first form. must_be_known: whether the file
    must have been about it before. anew: whether to forget what it holds of it. Trials that could
    not be run before are to be tried again. Raises UserError if the file was not about it, if
    `path` is no such file, or of the first form and about another sweep.
    """

    def __init__(
        self,
        path: Path | None,
        cells: Sequence[Wanted],
        said: object = None,
        older: str = "",
        must_be_known: bool = False,
        anew: bool = False,
    ) -> None:
        self._path = path
        self._cells = tuple(cells)
        self._db = open_writing(path)
        try:
            with self._errors():
                self._bring_up_to_date(older, anew)
                with writing(self._db):
                    known = dict(self._db.execute("SELECT key, unit FROM units"))
                    if must_be_known and not any(one.key in known for one in cells):
                        raise UserError(
                            f"{path}: holds the results of another sweep (scenario, settings, seed "
                            "or version differ); leave out --resume to add these, or choose "
                            "another --out"
                        )
                    add_units(self._db, [one.key for one in cells])
                    ids = dict(self._db.execute("SELECT key, unit FROM units"))
                    self._units = [ids[one.key] for one in cells]
                    self._keep_sweep(said)
                    self._forget(anew)
        except UserError:
            self._db.close()
            raise

    def _bring_up_to_date(self, older: str, anew: bool) -> None:
        if self._db.execute("PRAGMA user_version").fetchone()[0]:
            return
        if anew:
            upgrade(self._db, None)
            return
        if _plan_in(self._db) != older:
            raise UserError(
                f"{self._path}: an older file that holds another sweep (scenario, settings, seed "
                "or version differ); choose another --out, or begin it with --anew"
            )
        upgrade(self._db, [one.key for one in self._cells])

    def _keep_sweep(self, said: object) -> None:
        cells = [[unit, one.trials] for unit, one in zip(self._units, self._cells, strict=True)]
        key = hashlib.sha256(json.dumps(self._cells).encode()).hexdigest()
        self._db.execute(
            "INSERT OR REPLACE INTO sweeps VALUES (?, ?, ?)",
            (key, json.dumps(said, sort_keys=True), json.dumps(cells)),
        )

    def _forget(self, anew: bool) -> None:
        """Forget what could not be run, for another try; and with `anew` all rows of the sweep."""
        for table in ("crashes", *(("trials",) if anew else ())):
            self._db.executemany(
                f"DELETE FROM {table} WHERE unit = ?", ((unit,) for unit in self._units)
            )

    def add(self, rows: Iterable[Stored]) -> None:
        """Record rows; those that are there already are left alone. Raises UserError."""
        found = list(rows)
        with self._errors(), writing(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO labels (text) VALUES (?)",
                ((label,) for label in dict.fromkeys(row[4] for row in found)),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO trials SELECT ?, ?, ?, ?, label, ? FROM labels "
                "WHERE text = ?",
                (
                    (self._units[cell], trial, failed, lost, bytes.fromhex(digest), label)
                    for cell, trial, failed, lost, label, digest in found
                ),
            )

    def add_crash(self, crash: Crash) -> None:
        """Record that a trial cannot be run. Raises UserError."""
        with self._errors(), writing(self._db):
            row = (self._units[crash.cell], crash.trial, crash.why)
            self._db.execute("INSERT OR IGNORE INTO crashes VALUES (?, ?, ?)", row)

    def crashes(self) -> list[Crash]:
        """Return the trials that cannot be run."""
        return _crashes_of(self._db, self._asked())

    def missing(self, cell: int) -> list[range]:
        """Return the trials of a cell that are not there, as runs of them in a row."""
        asked = self._asked()[cell]
        query = "SELECT trial FROM {} WHERE unit = ? AND trial < ?"
        both = f"{query.format('trials')} UNION {query.format('crashes')} ORDER BY trial"
        found, begins = [], 0
        for (trial,) in self._db.execute(both, asked * 2):
            if trial > begins:
                found.append(range(begins, trial))
            begins = trial + 1
        if begins < asked[1]:
            found.append(range(begins, asked[1]))
        return found

    def rows(self) -> Iterator[Stored]:
        """Yield the rows of the sweep, in the order of cell and trial."""
        return _rows_of(self._db, self._asked())

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _asked(self) -> Cells:
        pairs = zip(self._units, self._cells, strict=True)
        return tuple((unit, one.trials) for unit, one in pairs)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            why = f"{self._path}: {error}; what was recorded before is kept"
            raise UserError(why) from None


class Sweep(NamedTuple):
    """A sweep that a file tells of."""

    said: object
    """What was asked, as plain data."""
    cells: Cells


class ResultReader:
    """A file of results that is only read, while others may write to it.

    Raises UserError if `path` is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db, self.form = open_reading(path)

    def sweeps(self) -> list[Sweep]:
        """Return what the file tells of; nothing if it is of the first form."""
        if self.form == 1:
            return []
        query = "SELECT said, cells FROM sweeps ORDER BY key"
        with self._errors():
            return [
                Sweep(json.loads(said), _cells_of(json.loads(cells)))
                for said, cells in self._db.execute(query)
            ]

    def rows(self, sweep: Sweep) -> Iterator[Stored]:
        """Yield the rows of a sweep, in the order of cell and trial."""
        with self._errors():
            yield from _rows_of(self._db, sweep.cells)

    def crashes(self, sweep: Sweep) -> list[Crash]:
        """Return the trials of a sweep that cannot be run."""
        with self._errors():
            return _crashes_of(self._db, sweep.cells)

    def older_rows(self, plan: str) -> list[Stored]:
        """Return the rows of a file of the first form. Raises UserError for another sweep's."""
        with self._errors():
            if _plan_in(self._db) != plan:
                what = "holds the results of another sweep, or of another version of wsrace"
                raise UserError(f"{self._path}: {what}")
            query = "SELECT cell, trial, failed, lost, label, digest FROM trials ORDER BY 1, 2"
            return [
                (cell, trial, bool(failed), bool(lost), label, digest)
                for cell, trial, failed, lost, label, digest in self._db.execute(query)
            ]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{self._path}: not a results file of wsrace: {error}") from None


def _cells_of(told: object) -> Cells:
    """Return what a file says of the cells of a sweep. Raises ValueError if it cannot be that."""
    if not isinstance(told, list):
        raise ValueError("cells: expected a list")
    for one in told:
        if not isinstance(one, list) or [type(part) for part in one] != [int, int]:
            raise ValueError("cells: expected two integers each")
    return tuple((unit, trials) for unit, trials in told)


def _plan_in(db: sqlite3.Connection) -> str:
    found = db.execute("SELECT value FROM plan WHERE key = 'plan'").fetchone()
    return str(found[0]) if found else ""


def _rows_of(db: sqlite3.Connection, cells: Cells) -> Iterator[Stored]:
    for cell, asked in enumerate(cells):
        for trial, failed, lost, label, digest in db.execute(_ROWS, asked):
            yield cell, trial, bool(failed), bool(lost), label, digest


def _crashes_of(db: sqlite3.Connection, cells: Cells) -> list[Crash]:
    query = (
        "SELECT trial, CAST(why AS TEXT) FROM crashes c WHERE unit = ? AND trial < ? "
        "AND trial >= 0 AND typeof(trial) = 'integer' AND NOT EXISTS "
        "(SELECT 1 FROM trials t WHERE t.unit = c.unit AND t.trial = c.trial) ORDER BY trial"
    )
    return [
        Crash(cell, trial, why)
        for cell, asked in enumerate(cells)
        for trial, why in db.execute(query, asked)
    ]
