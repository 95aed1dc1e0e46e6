"""Searches kept in a file of results, so that what was found out is not looked for again."""

import hashlib
import json
from pathlib import Path
from typing import Any

from sim.exploration.forest import Forest
from sim.exploration.pieces import Came, Piece
from sim.exploration.told import came_of, data_of
from sim.store.searches import SearchStore


class SearchLog:
    """What came of pieces, in a file. Searches that are to be had only here are not kept."""

    def __init__(self, path: Path, anew: bool = False) -> None:
        """Open the file, or make it. anew: forget what it holds of what is asked.

        Raises UserError for a file that is none.
        """
        self._store = SearchStore(path)
        self._anew = anew
        self._numbers: dict[str, int] = {}
        self.found = 0
        """How many pieces were there already."""

    def came_of(self, forest: Forest, piece: Piece) -> Came | None:
        """Return what came of a piece, None if that was not kept."""
        if not forest.key:
            return None
        data = self._store.came_of(self._number(forest), piece.number, _name_of(piece))
        if data is None:
            return None
        try:
            came = came_of(data)
        except (TypeError, ValueError, AttributeError):
            return None  # somebody else has sealed it; it is made again
        self.found += 1
        return came

    def keep(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Keep what came of a piece. Raises UserError if the file cannot be written."""
        usual = forest.usual[piece.variant]
        if forest.key and not came.unstable and came.usual in ("", usual):
            number = self._number(forest)
            self._store.keep(number, piece.number, _name_of(piece), data_of(came))

    def taken(self, forest: Forest, piece: Piece, came: Came) -> None:
        """Keep the classes that a piece has met, now that they count."""
        if forest.key:
            rows = []
            for one in came.met:
                judged = came.judged[one.judged]
                if one.name and judged.label:
                    rows.append((piece.variant, one.name, judged.label, judged.fails))
            self._store.add_classes(self._number(forest), rows)

    def conclude(self, forest: Forest, verdict: dict[str, Any]) -> None:
        """Keep what a search came to."""
        if forest.key:
            self._store.conclude(self._number(forest), verdict)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _number(self, forest: Forest) -> int:
        number = self._numbers.get(forest.key)
        if number is None:
            number = self._store.begin(forest.key, forest.told, self._anew)
            self._numbers[forest.key] = number
        return number


def _name_of(piece: Piece) -> str:
    """Return a name for all that a piece is; what was seen before follows from its number."""
    return hashlib.sha256(json.dumps(piece).encode()).hexdigest()[:24]
