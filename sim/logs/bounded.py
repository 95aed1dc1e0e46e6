"""Counters whose memory does not grow with what is counted."""

from collections.abc import Iterator
from typing import Final

KEYS: Final = 1000
"""Keys that a Frequent keeps by default."""
BUCKETS: Final = 10_000
"""Stretches of time that are kept apart, at most."""
UNITS_S: Final = (60, 3600, 86_400, 30 * 86_400)
"""How long a stretch may be, in seconds: minutes, else hours, days, or 30 days."""


class Frequent:
    """The busiest keys (Misra and Gries, 1982).

    A count is exact until more than `size` keys were seen; from then on a key may have been counted
    up to `missed` times more often than is said, and one that is not listed was counted at most
    `missed` times. missed is at most total / (size + 1).
    """

    def __init__(self, size: int = KEYS) -> None:
        self.total = 0
        self.missed = 0
        self._size = size
        self._counts: dict[str, list[int]] = {}

    def add(self, key: str, column: int = 0, columns: int = 1) -> None:
        """Count `key` once, in one of its columns."""
        self.total += 1
        counts = self._counts.get(key)
        if counts is None:
            if len(self._counts) >= self._size:
                self._take_one_off_each()
                return
            counts = self._counts[key] = [0, *[0] * columns]
        counts[0] += 1
        counts[1 + column] += 1

    def busiest(self, number: int) -> list[tuple[str, int, tuple[int, ...]]]:
        """Return keys with their count and their columns, the busiest first, ties by name.

        The columns are what was seen while the key was kept; their sum may be above the count.
        """
        rows = [(key, count, tuple(rest)) for key, (count, *rest) in self._counts.items()]
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:number]

    def _take_one_off_each(self) -> None:
        """Make room: a new key and one of each that is kept cancel out."""
        self.missed += 1
        for counts in self._counts.values():
            counts[0] -= 1
        self._counts = {key: counts for key, counts in self._counts.items() if counts[0]}


class Stretches:
    """Counts per stretch of time, in several columns.

    Stretches are minutes as long as there are at most `limit`, then hours, then days, then 30 days.
    Which of them does not depend on the order in which times came.
    """

    def __init__(self, columns: int, limit: int = BUCKETS) -> None:
        self.unit_s = UNITS_S[0]
        self._columns = columns
        self._limit = limit
        self._counts: dict[int, list[int]] = {}

    def add(self, second: int, *columns: int) -> None:
        """Count one at a time in seconds, in each of the columns."""
        start = second // self.unit_s * self.unit_s
        counts = self._counts.get(start)
        if counts is None:
            counts = self._counts[start] = [0] * self._columns
        for column in columns:
            counts[column] += 1
        while len(self._counts) > self._limit and self.unit_s != UNITS_S[-1]:
            self._coarsen()

    def __iter__(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield each stretch that holds anything: its start in seconds, and its counts."""
        for start in sorted(self._counts):
            yield start, tuple(self._counts[start])

    def _coarsen(self) -> None:
        self.unit_s = UNITS_S[UNITS_S.index(self.unit_s) + 1]
        before, self._counts = self._counts, {}
        for second, counts in before.items():
            start = second // self.unit_s * self.unit_s
            sums = self._counts.setdefault(start, [0] * self._columns)
            for column, count in enumerate(counts):
                sums[column] += count
