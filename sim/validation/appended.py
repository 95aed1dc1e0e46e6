"""What a server logged while it was visited: counted by when it was written, not by what it says.

Lines of a log may have no time, or one in another zone. But how far a file had grown at the border
of two phases is seen from outside, so what was appended between two borders belongs there.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sim.logs.opened import Record
from sim.logs.triage import Triage
from sim.model.plan import Phase, Plan
from sim.validation.timeline import sorts_of


def borders_of(plan: Plan) -> tuple[float, ...]:
    """Return the minutes at which phases of a plan begin or end, inside of it, ascending."""
    found = {minute for one in plan.phases for minute in (one.from_min, one.to_min)}
    return tuple(sorted(minute for minute in found if 0 < minute < plan.minutes))


@dataclass(slots=True)
class Appended:
    """Takes what stands in the appended parts of logs."""

    borders: Sequence[float]
    """Minutes, as of `borders_of`."""
    problems: list[str] = field(default_factory=list)
    """Why the logs do not tell all that was logged, a line each."""
    ignore_unknown: bool = False
    """Whether errors that nobody knows are no concern."""
    _counts: list[Counter[str]] = field(init=False)
    _lines: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._counts = [Counter[str]() for _ in range(len(self.borders) + 1)]

    def passing(self, chunks: Iterable[bytes], marks: Sequence[int]) -> Iterator[bytes]:
        """Yield what was appended to one file, and see how many lines lie before each border.

        marks: so many bytes had been appended at each border; those not reached are missing.
        """
        self._lines = []
        lines = size = 0
        for chunk in chunks:
            at = 0
            while len(self._lines) < len(marks) and marks[len(self._lines)] <= size + len(chunk):
                cut = max(at, marks[len(self._lines)] - size)
                lines, at = lines + chunk.count(b"\n", at, cut), cut
                self._lines.append(lines)
            lines += chunk.count(b"\n", at)
            size += len(chunk)
            yield chunk

    def add(self, file: str, record: Record) -> None:
        """Count a record of what was appended once."""
        self._counts[bisect_left(self._lines, record.number)].update(sorts_of(record.names))

    def within(self, phase: Phase) -> Counter[str]:
        """Return what was logged in a phase, by sort; in the last minutes, what came later too."""
        total = Counter[str]()
        for at, counts in self._stretches():
            if phase.from_min <= at < phase.to_min:
                total.update(counts)
        return total

    def unasked_races(self, plan: Plan) -> int:
        """Return how many race errors lie where no criterion of a plan counts them."""
        asked = [one for one in plan.phases if "race_errors" in one.criteria]
        return sum(
            counts["race"]
            for at, counts in self._stretches()
            if not any(one.from_min <= at < one.to_min for one in asked)
        )

    def _stretches(self) -> Iterator[tuple[float, Counter[str]]]:
        """Yield the minutes at which stretches between borders begin, with their counts."""
        return zip((0.0, *self.borders), self._counts, strict=True)

    def close(self, triage: Triage) -> None:
        """Take note of what was not read, and of errors that nobody knows."""
        if not triage.is_whole:
            self.problems.append("not all of the log was read")
        unknown = triage.counts.unknown
        if unknown and not self.ignore_unknown:
            what = "an error" if unknown == 1 else f"{unknown:,} errors"
            self.problems.append(f"the log holds {what} that nobody here knows (--ignore-unknown)")
