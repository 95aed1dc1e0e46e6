"""A log over the minutes of a plan: how many entries of which sort, in bounded memory."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from sim.logs.counting import Example, as_it_is, example_of
from sim.logs.opened import Record
from sim.logs.patterns import BY_NAME, MECHANISMS, PATTERNS, Pattern
from sim.logs.redaction import redact
from sim.logs.times import NANOS

Sort = Literal["race", "other", "failed set-up", "opened", "unknown"]
BUCKETS: Final = 20_000
"""Stretches of time that a plan is cut into, at most: seconds, if it takes less than five hours.
The borders of phases are as exact as that.
"""
_BEFORE_THE_LOOP: Final = {"set-up race", "accept race"}
SET_UP: Final = frozenset(
    one.name for one in PATTERNS if one.consistent and _BEFORE_THE_LOOP.issuperset(one.consistent)
)
"""Patterns that say that a set-up failed (never-ready, out-of-order, set-up-error): all of their
mechanisms come before the loop. Others may stand in a set-up's traceback as well; the handler's own
line beside it says so, and nothing is to count twice.
"""
RACE: Final = frozenset(
    one.name
    for one in PATTERNS
    if one.kind == "bad"
    and any(MECHANISMS[name].scenario for name in one.consistent)
    and one.name not in SET_UP
    and not one.fallback
)
"""Patterns that speak for a connection that was used after its end. A set-up that failed is an
other error here, because it is one in a simulated deployment.
"""


@lru_cache(maxsize=1000)
def sorts_of(names: tuple[str, ...]) -> tuple[Sort, ...]:
    """Return what an entry with these patterns counts as: one sort of error at most."""
    found: list[Sort] = []
    if not RACE.isdisjoint(names):
        found.append("race")
    elif any(BY_NAME[name].kind == "bad" for name in names):
        found.append("other")
    if not SET_UP.isdisjoint(names):
        found.append("failed set-up")
    elif "established" in names:
        found.append("opened")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Met:
    """A bad pattern that was met in the minutes of a plan. first_ns, last_ns: nanoseconds since
    1970, the last one as exact as a bucket is long. example: the earliest, as read. proved: the
    mechanisms that tracebacks prove, "" among them where one proves none. own: the line of
    somebody's own at which the earliest was raised, "" if none is known.
    """

    pattern: Pattern
    hits: int
    first_ns: int
    last_ns: int
    example: Example
    proved: tuple[str, ...] = ()
    own: str = ""

    @property
    def consistent(self) -> tuple[str, ...]:
        """What it is consistent with: what tracebacks prove, if all do."""
        every = all(self.proved) and self.proved
        return self.proved if every else self.pattern.consistent


class Timeline:
    """Takes what stands in logs, in any order of times. Keys of its counts are patterns and sorts.

    minutes: how long the plan is. since: when minute 0 begins, in nanoseconds since 1970; None for
    the earliest time that is met. first, last: of all times that were met. early: entries before
    `since`. placed: lines without a time, which count at the time of the line before them.
    timeless: what stands behind no line that has one. ignore_unknown: do not count errors that
    nobody knows. raw: keep examples as they are, with what they tell of people and secrets.
    """

    def __init__(
        self,
        minutes: float,
        since: int | None = None,
        ignore_unknown: bool = False,
        raw: bool = False,
    ) -> None:
        self._shown = as_it_is if raw else redact
        self._ignore_unknown = ignore_unknown
        self.since = since
        self.first: int | None = None
        self.last: int | None = None
        self.early = 0
        self.placed = 0
        self.timeless: Counter[str] = Counter()
        self._unit = math.ceil(minutes * 60 / BUCKETS) * NANOS
        self._length = math.ceil(minutes * 60 * NANOS / self._unit)
        self._buckets: dict[int, Counter[str]] = {}
        """By their distance from `origin` if that is fixed, else from 1970."""
        self._examples: dict[str, tuple[int, Example, str]] = {}
        """For each pattern the earliest: its time, how it reads, and one's own line."""
        self._proved: dict[str, set[str]] = {}
        self._before: tuple[str, int] | None = None
        self._bad_before: frozenset[str] = frozenset()

    @property
    def origin(self) -> int | None:
        """When minute 0 begins, in nanoseconds since 1970; None if no time is known."""
        if self.since is not None or self.first is None:
            return self.since
        return self.first // self._unit * self._unit

    def minute(self, ns: int) -> float:
        """Return the minute of a time; there must be an origin."""
        return (ns - (self.origin or 0)) / NANOS / 60

    def shown(self, ns: int) -> str:
        """Return the minute of a time, cut: a log that ends just too early must not look whole."""
        return f"{math.floor(self.minute(ns) * 10) / 10:,g}"

    def add(self, file: str, record: Record) -> None:
        """Count a record of a file once."""
        names, said = record.names, record.said
        sorts = sorts_of(names)
        if record.is_unknown and not self._ignore_unknown:
            sorts += ("unknown",)
        ns = self._time(file, record, sorts)
        if ns is None:
            return
        if self.since is not None and ns < self.since:
            self.early += 1
            return
        key = (ns - (self.since or 0)) // self._unit
        if key >= self._end():
            return
        self._buckets.setdefault(key, Counter()).update((*names, *sorts))
        if len(self._buckets) > 2 * self._length:
            self._buckets = dict(self._within())
        for name in names:
            self._proved.setdefault(name, set()).add(record.proved)
            if name not in self._examples or ns < self._examples[name][0]:
                example = example_of(file, record.number, said, name, self._shown)
                self._examples[name] = ns, example, record.own

    def _time(self, file: str, record: Record, sorts: tuple[Sort, ...]) -> int | None:
        """Return at which time an entry counts; None if it is not to be counted with any.

        A line without a time is later than the one before it in its file. The first one behind an
        error that carries the same text is its traceback.
        """
        said = record.said
        bad = frozenset(name for name in record.names if BY_NAME[name].kind == "bad")
        if said.when is not None:
            ns = said.when.ns
            self.first = ns if self.first is None else min(self.first, ns)
            self.last = ns if self.last is None else max(self.last, ns)
            self._before, self._bad_before = (file, ns), bad
            return ns
        if self._before is None or self._before[0] != file:
            self.timeless.update((*record.names, *sorts))
            return None
        self.placed += 1
        traceback = bool(bad & self._bad_before)
        self._bad_before = frozenset()
        return None if traceback else self._before[1]

    def _end(self) -> int:
        """Return the bucket behind the plan. Where no origin is fixed an earlier time moves it."""
        return ((self.origin or 0) - (self.since or 0)) // self._unit + self._length

    def _within(self) -> Iterator[tuple[int, Counter[str]]]:
        end = self._end()
        return ((key, counts) for key, counts in self._buckets.items() if key < end)

    def _began(self, key: int) -> int:
        return (self.since or 0) + key * self._unit

    def between(self, from_min: float, to_min: float) -> Counter[str]:
        """Return the counts from one minute to another."""
        total: Counter[str] = Counter()
        for key, counts in self._within():
            if from_min <= self.minute(self._began(key)) < to_min:
                total.update(counts)
        return total

    def met(self) -> Iterator[Met]:
        """Yield the bad patterns that were met in the minutes of the plan."""
        last: dict[str, int] = {}
        hits: Counter[str] = Counter()
        for key, counts in self._within():
            hits.update(counts)
            last.update({name: max(key, last.get(name, key)) for name in counts})
        for one in PATTERNS:
            if one.kind == "bad" and hits[one.name]:
                first, example, own = self._examples[one.name]
                last_ns = max(first, self._began(last[one.name]))
                proved = tuple(sorted(self._proved[one.name]))
                yield Met(one, hits[one.name], first, last_ns, example, proved, own)
