"""What came of searches, piece by piece: recorded once, whatever is interrupted and asked again.

A piece that was recorded need not be made again, since all that comes of it follows from what it
is; so a file that holds some pieces of a search is a search that can be gone on with. What a piece
is, is recorded with it: one that was cut off otherwise (as others were looked for) is not taken.
What came of it is sealed with a digest, so that what is damaged, or of another search, is made
again. That is no protection from somebody who means to deceive: who can write to the file can seal.
"""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sim.errors import UserError
from sim.store.schema import add_searches, open_reading, open_writing, writing

ClassRow = tuple[int, str, str, bool]
"""Variant, name in hexadecimal, how its runs end, and whether they fail."""
_SEAL = 16
"""Bytes of the digest before what came of a piece."""


class SearchStore:
    """The searches in a file, in memory if `path` is None.

    Raises UserError if `path` is no file of results, or of an older form that holds a sweep.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._db = open_writing(path)
        try:
            with self._errors():
                add_searches(self._db, path)
        except UserError:
            self._db.close()
            raise

    def begin(self, key: str, said: object, anew: bool = False) -> int:
        """Return the number of a search. said: what is asked, as plain data. Raises UserError.

        key: of all that its pieces depend on. anew: whether to forget what came of it.
        """
        with self._errors(), writing(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO searches (key, said) VALUES (?, ?)",
                (key, json.dumps(said, sort_keys=True)),
            )
            query = "SELECT search FROM searches WHERE key = ?"
            (search,) = self._db.execute(query, (key,)).fetchone()
            if anew:
                self._db.execute("UPDATE searches SET verdict = NULL WHERE search = ?", (search,))
                for table in ("pieces", "classes"):
                    self._db.execute(f"DELETE FROM {table} WHERE search = ?", (search,))
            return int(search)

    def came_of(self, search: int, number: int, asked: str) -> Any:
        """Return what came of a piece, as plain data; None if that is not there, or damaged.

        asked: a name for all that the piece is.
        """
        query = (
            "SELECT CAST(came AS BLOB), key FROM pieces JOIN searches USING (search) "
            "WHERE search = ? AND number = ? AND asked = ?"
        )
        with self._errors():
            found = self._db.execute(query, (search, number, asked)).fetchone()
        if found is None:
            return None
        seal, packed = found[0][:_SEAL], found[0][_SEAL:]
        return _unpacked(packed) if seal == _seal(found[1], number, asked, packed) else None

    def keep(self, search: int, number: int, asked: str, came: object) -> None:
        """Record what came of a piece, as plain data. Raises UserError."""
        packed = zlib.compress(json.dumps(came, separators=(",", ":")).encode(), 1)
        with self._errors(), writing(self._db):
            query = "SELECT key FROM searches WHERE search = ?"
            (key,) = self._db.execute(query, (search,)).fetchone()
            row = (search, number, asked, _seal(key, number, asked, packed) + packed)
            self._db.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?)", row)

    def add_classes(self, search: int, rows: Iterable[ClassRow]) -> None:
        """Record classes; those that are there already are left alone. Raises UserError."""
        found = list(rows)
        if not found:
            return
        with self._errors(), writing(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO labels (text) VALUES (?)",
                ((label,) for label in dict.fromkeys(row[2] for row in found)),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO classes SELECT ?, ?, ?, ?, label FROM labels WHERE text = ?",
                (
                    (search, variant, bytes.fromhex(name), fails, label)
                    for variant, name, label, fails in found
                ),
            )

    def conclude(self, search: int, verdict: object) -> None:
        """Record what a search came to so far, as plain data. Raises UserError."""
        with self._errors(), writing(self._db):
            self._db.execute(
                "UPDATE searches SET verdict = ? WHERE search = ?",
                (json.dumps(verdict, sort_keys=True), search),
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, zlib.error, ValueError) as error:
            why = f"{self._path}: {error}; what was recorded before is kept"
            raise UserError(why) from None


class KeptSearch(NamedTuple):
    """A search that a file tells of."""

    said: object
    """What was asked, as plain data."""
    verdict: object
    """What it came to when it was asked last, as plain data; None if nobody waited for it."""
    pieces: int
    classes: int
    failing: int
    """How many of them fail."""
    endings: dict[str, int]
    """In how many classes each ending was met."""


def searches_in(path: Path) -> list[KeptSearch]:
    """Return what a file of results tells of searches, while others may write to it.

    Raises UserError for a file that is none.
    """
    db, form = open_reading(path)
    try:
        if form < 3:
            return []
        rows = db.execute("SELECT search, said, verdict FROM searches ORDER BY search").fetchall()
        return [
            _kept(db, search, json.loads(said), None if verdict is None else json.loads(verdict))
            for search, said, verdict in rows
        ]
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a results file of wsrace: {error}") from None
    finally:
        db.close()


def classes_in(path: Path) -> list[tuple[str, int, str, str, bool]]:
    """Return the classes in a file: key of the search, variant, name, ending, whether it fails."""
    db, form = open_reading(path)
    query = (
        "SELECT key, variant, lower(hex(name)), CAST(text AS TEXT), failed FROM classes "
        "JOIN labels USING (label) JOIN searches USING (search) ORDER BY 1, 2, 3"
    )
    try:
        rows = db.execute(query) if form >= 3 else []
        return [
            (key, variant, name, text, bool(failed)) for key, variant, name, text, failed in rows
        ]
    except sqlite3.Error as error:
        raise UserError(f"{path}: not a results file of wsrace: {error}") from None
    finally:
        db.close()


def _kept(db: sqlite3.Connection, search: object, said: object, verdict: object) -> KeptSearch:
    (pieces,) = db.execute("SELECT count(*) FROM pieces WHERE search = ?", (search,)).fetchone()
    rows = db.execute(
        "SELECT CAST(text AS TEXT), count(*), total(failed) FROM classes JOIN labels USING (label) "
        "WHERE search = ? GROUP BY text ORDER BY text",
        (search,),
    ).fetchall()
    endings = {text: count for text, count, _ in rows}
    failing = round(sum(failed for _, _, failed in rows))
    return KeptSearch(said, verdict, pieces, sum(endings.values()), failing, endings)


def _seal(key: str, number: int, asked: str, packed: bytes) -> bytes:
    head = json.dumps([key, number, asked]).encode()
    return hashlib.blake2b(head + packed, digest_size=_SEAL).digest()


def _unpacked(packed: bytes) -> Any:
    """Return what was packed here: the seal says so."""
    return json.loads(zlib.decompress(packed))
