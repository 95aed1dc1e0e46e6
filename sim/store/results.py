"""Rows of trials in SQLite: recorded once, whatever is interrupted and run again.

Write-ahead logging and insert-or-ignore on (cell, trial): a row that was acknowledged survives the
death of the process, and a row that comes twice counts once.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from sim.errors import UserError

TABLES = """
CREATE TABLE IF NOT EXISTS plan (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trials (
    cell INTEGER NOT NULL, trial INTEGER NOT NULL, failed INTEGER NOT NULL, lost INTEGER NOT NULL,
    label TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (cell, trial)
) WITHOUT ROWID;
"""
Stored = tuple[int, int, bool, bool, str, str]


class ResultStore:
    """The results of one sweep, in memory if `path` is None.

    plan: names the sweep, so that no other is mixed into it.

    Raises UserError if `path` is not such a file, or holds another sweep.
    """

    def __init__(self, path: Path | None, plan: str) -> None:
        try:
            self._db = sqlite3.connect(path or ":memory:")
        except sqlite3.Error as error:
            raise UserError(f"{path}: {error}") from None
        try:
            found = self._open(plan)
        except sqlite3.Error as error:
            self._db.close()
            raise UserError(f"{path}: not a results file of wsrace: {error}") from None
        if found != plan:
            self._db.close()
            raise UserError(
                f"{path}: holds the results of another sweep (scenario, settings, seed or version "
                "differ); choose another --out, or leave out --resume to begin anew"
            )

    def _open(self, plan: str) -> str:
        """Make the tables if need be; return the plan that the file is about."""
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(TABLES)
        self._db.execute("INSERT OR IGNORE INTO plan VALUES ('plan', ?)", (plan,))
        self._db.commit()
        return _plan_in(self._db)

    def add(self, rows: Iterable[Stored]) -> None:
        """Record rows; those that are there already are left alone."""
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?, ?, ?)", rows)

    def rows(self) -> Iterator[Stored]:
        """Yield all rows, in the order of cell and trial."""
        return _rows_in(self._db)

    def finished(self, trials: int) -> set[int]:
        """Return the cells of which `trials` trials are there."""
        query = "SELECT cell FROM trials GROUP BY cell HAVING COUNT(*) >= ?"
        return {cell for (cell,) in self._db.execute(query, (trials,))}

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def read_rows(path: Path, plan: str) -> list[Stored]:
    """Return the rows of a results file that is only read, in a folder that may be read only.

    Raises UserError if it is not such a file, or holds another sweep. Nothing is written: only
    where a log of late rows lies beside it does SQLite need its files for sharing.
    """
    log = Path(f"{path}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as db:
            if _plan_in(db) != plan:
                what = "holds the results of another sweep, or of another version of wsrace"
                raise UserError(f"{path}: {what}")
            return list(_rows_in(db))
    except (sqlite3.Error, TypeError) as error:  # no such table, no such row
        raise UserError(f"{path}: not a results file of wsrace: {error}") from None


def _plan_in(db: sqlite3.Connection) -> str:
    (found,) = db.execute("SELECT value FROM plan WHERE key = 'plan'").fetchone()
    return str(found)


def _rows_in(db: sqlite3.Connection) -> Iterator[Stored]:
    query = "SELECT cell, trial, failed, lost, label, digest FROM trials ORDER BY cell, trial"
    for cell, trial, failed, lost, label, digest in db.execute(query):
        yield cell, trial, bool(failed), bool(lost), label, digest
