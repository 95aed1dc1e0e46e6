"""Files of results: SQLite with write-ahead logging, in the third form; how older ones are read.

    sweeps    what was asked, in words (JSON), and which units it is made of
    units     what one row depends on besides its trial, by the digest of all of that
    trials    (unit, trial): what one trial came to
    crashes   (unit, trial): trials whose process was lost each time, and why
    labels    outcomes, each once
    searches  what was searched and asked (JSON), by the digest of all that its pieces depend on,
              and what it came to when it was asked last
    pieces    (search, number): what a piece is, by its digest, and what came of it (JSON, packed)
    classes   (search, variant, name): of schedules, how their runs end, and whether they fail

A row of a unit is the same in every sweep that has the unit, and a unit's key holds the versions of
the code and of the libraries: what is in a file can be used by whoever asks for the same, and
nothing foreign mixes in. So it is with the pieces of a search. In the first form a file was one
sweep: `plan`, and `trials` by cell; in the second there were no searches.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import UserError

VERSION = 3
"""The form that is written, kept as SQLite's `user_version`."""
OURS = 0x77737263
"""What says whose file it is, as SQLite's `application_id`: "wsrc"."""
_SEARCHES = """
CREATE TABLE searches (
    search INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, said TEXT NOT NULL, verdict TEXT
);
CREATE TABLE pieces (
    search INTEGER NOT NULL, number INTEGER NOT NULL, asked TEXT NOT NULL, came BLOB NOT NULL,
    PRIMARY KEY (search, number)
) WITHOUT ROWID;
CREATE TABLE classes (
    search INTEGER NOT NULL, variant INTEGER NOT NULL, name BLOB NOT NULL, failed INTEGER NOT NULL,
    label INTEGER NOT NULL, PRIMARY KEY (search, variant, name)
) WITHOUT ROWID;
"""
TABLES = f"""
CREATE TABLE units (unit INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE sweeps (key TEXT PRIMARY KEY, said TEXT NOT NULL, cells TEXT NOT NULL);
CREATE TABLE labels (label INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE trials (
    unit INTEGER NOT NULL, trial INTEGER NOT NULL, failed INTEGER NOT NULL, lost INTEGER NOT NULL,
    label INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (unit, trial)
) WITHOUT ROWID;
CREATE TABLE crashes (
    unit INTEGER NOT NULL, trial INTEGER NOT NULL, why TEXT NOT NULL, PRIMARY KEY (unit, trial)
) WITHOUT ROWID;
{_SEARCHES}
PRAGMA application_id = {OURS};
PRAGMA user_version = {VERSION};
"""
_ATTEMPTS = 50
_WAITS_S = 30.0
"""How long to wait for another process that writes to the same file."""


def open_writing(path: Path | None) -> sqlite3.Connection:
    """Open a file of results, or make it; in memory for None. Transactions are begun by hand.

    A file in the first form is left as it is: `upgrade` knows what its cells are. Raises UserError
    for a file that is none of ours, or of a newer form.
    """
    try:
        db = sqlite3.connect(path or ":memory:", timeout=_WAITS_S, isolation_level=None)
    except sqlite3.Error as error:
        raise UserError(f"{path}: {error}") from None
    with _closed_if_refused(db, path):
        form = _form(db)
        _refuse(path, form)
        _log_ahead(db)
        db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is done again
        if form == 0:
            _make(db)
    return db


def open_reading(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open a file of results that is only read, in a folder that may be read only. Return its form.

    Nothing is written: only where a log of late rows lies beside it does SQLite need its files for
    sharing. Raises UserError for a file that is none of ours.
    """
    log = Path(f"{path}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    try:
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=_WAITS_S, isolation_level=None
        )
    except sqlite3.Error as error:
        raise UserError(f"{path}: {error}") from None
    with _closed_if_refused(db, path):
        form = _form(db)
        if form == 0:
            raise UserError(f"{path}: not a results file of wsrace: it is empty")
        _refuse(path, form)
    return db, form


@contextmanager
def _closed_if_refused(db: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    """Close a file that turns out to be of no use. Raises UserError for what SQLite says."""
    try:
        yield
    except sqlite3.Error as error:
        db.close()
        raise UserError(f"{path}: {_words(error)}") from None
    except UserError:
        db.close()
        raise


def upgrade(db: sqlite3.Connection, units: list[str] | None) -> None:
    """Bring a file from the first form to the second.

    units: the key of each of its cells; None to forget its rows.
    """
    rows = "SELECT cell, trial, failed, lost, label, digest FROM trials_1"
    with writing(db):
        db.execute("ALTER TABLE trials RENAME TO trials_1")
        _statements(db, TABLES)
        add_units(db, units or [])
        db.execute("INSERT OR IGNORE INTO labels (text) SELECT DISTINCT label FROM trials_1")
        labels = dict(db.execute("SELECT text, label FROM labels"))
        ids = dict(db.execute("SELECT key, unit FROM units"))
        db.executemany(
            "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)",
            (
                (ids[units[cell]], trial, failed, lost, labels[label], bytes.fromhex(digest))
                for cell, trial, failed, lost, label, digest in db.execute(rows).fetchall()
                if units is not None
            ),
        )
        db.execute("DROP TABLE trials_1")
        db.execute("DROP TABLE plan")


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction that writes: all of it, or nothing where something is raised."""
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def add_searches(db: sqlite3.Connection, path: Path | None) -> None:
    """Bring a file from the second form to the third. Raises UserError for one of the first.

    path: of the file.
    """
    form = db.execute("PRAGMA user_version").fetchone()[0]
    if form == 0:
        raise UserError(
            f"{path}: an older file, which does not say what it is about: `wsrace reproduce` of "
            "the same question upgrades it; or choose another --out"
        )
    if form < VERSION:
        with writing(db):
            if db.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                _statements(db, f"{_SEARCHES} PRAGMA user_version = {VERSION};")


def add_units(db: sqlite3.Connection, units: list[str]) -> None:
    """Have a number for each unit. units: their keys."""
    db.executemany("INSERT OR IGNORE INTO units (key) VALUES (?)", ((key,) for key in units))


def _log_ahead(db: sqlite3.Connection) -> None:
    """Switch to write-ahead logging. For this alone SQLite does not wait while a file is busy."""
    for attempt in range(_ATTEMPTS):
        try:
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _ATTEMPTS - 1:
                raise
            db.execute("BEGIN IMMEDIATE")  # which does
            db.execute("ROLLBACK")


def _make(db: sqlite3.Connection) -> None:
    """Make the tables, unless another process has just done so."""
    with writing(db):
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            _statements(db, TABLES)


def _statements(db: sqlite3.Connection, script: str) -> None:
    """Execute statements one by one: `executescript` would commit what was begun."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


def _form(db: sqlite3.Connection) -> int:
    """Return the form of a file: 0 if nothing is in it, -1 if it is none of ours."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (whose,) = db.execute("PRAGMA application_id").fetchone()
    if whose == OURS:
        return int(version)
    if not tables and version == 0:
        return 0
    return 1 if {"plan", "trials"} <= tables and version == 0 else -1


def _refuse(path: Path | None, form: int) -> None:
    if form == -1:
        raise UserError(f"{path}: not a results file of wsrace: another program's database")
    if form > VERSION:
        raise UserError(
            f"{path}: written by a newer wsrace, in form {form}; this one knows up to {VERSION}"
        )


def _words(error: sqlite3.Error) -> str:
    if isinstance(error, sqlite3.OperationalError):
        return str(error)
    return f"not a results file of wsrace: {error}"
