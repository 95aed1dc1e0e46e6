"""Searches guards in groups: those of one take turns, and groups are side by side in processes."""

import math
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from sim.exploration.audit import audit_subject
from sim.exploration.counterexample import counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import search_all
from sim.exploration.tally import SoFar
from sim.exploration.verdict import Exploration
from sim.report.text.explore import Answer
from sim.runs.subject import Subject
from sim.workers.pool import Line, open_pool

_OFTEN_S = 0.2
"""Between two messages of a process about one guard, unless it has begun to fail."""


class News(NamedTuple):
    """What is known of one guard. so_far: None while a failing run is made small, and when done."""

    label: str
    so_far: SoFar | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked about each guard.

    audit: whether independent steps are swapped as well. seconds: for all together, None for no
    limit.
    """

    inquiry: Inquiry
    audit: bool
    seconds: float | None


OnNews = Callable[[News], None]
SearchAll = Callable[
    [Sequence[Subject], Inquiry, Callable[[Subject, SoFar], None], Callable[[Subject], bool]],
    list[Exploration],
]
"""Searches subjects in turns, as `sim.exploration.search.search_all` does."""
Group = Callable[[], tuple[list[Subject], Search]]
"""Makes the subjects of one process there, for they may hold code."""


def search_group(
    subjects: Sequence[Subject],
    asked: Search,
    stopwatch: Callable[[], float],
    on_news: OnNews,
    is_stopped: Callable[[], bool] = lambda: False,
    search: SearchAll = search_all,
) -> list[Answer]:
    """Search subjects in turns, and make small what fails.

    stopwatch: gives seconds. is_stopped: whether somebody stopped it by hand. search: how.
    """
    times = Times(stopwatch, asked.seconds)

    def is_up(subject: Subject) -> bool:
        if is_stopped():
            raise KeyboardInterrupt
        return times.is_up(subject)

    def tell(subject: Subject, so_far: SoFar) -> None:
        on_news(News(subject.label, so_far))

    answers = []
    every = search(subjects, asked.inquiry, tell, is_up)
    searching = [times.spent(found.subject) for found in every]
    for found, searched in zip(every, searching, strict=True):
        began = stopwatch()
        if found.failure is not None:
            on_news(News(found.guard))
        example = counterexample(found)
        variants = found.subject.variants(asked.inquiry.times)
        audited = audit_subject(variants[0], asked.inquiry.seed) if asked.audit else None
        spent = searched + stopwatch() - began
        answers.append(Answer(found, example, audited, spent))
        on_news(News(found.guard, done=True))
    return answers


def search_side_by_side(groups: Sequence[Group], on_news: OnNews) -> list[Answer]:
    """Search each group in a process of its own; return their answers, group by group.

    What a group is, is pickled; what comes of it does not depend on the others. Ctrl-C stops all of
    them, and keeps what each has found.
    """
    with open_pool(len(groups), news=True) as pool:
        line = pool.line
        assert line is not None
        futures = [pool.submit(_search_there, group) for group in groups]
        try:
            _listen(futures, line, on_news)
        except KeyboardInterrupt:
            line.stop.set()
            _listen(futures, line, on_news)
        return [answer for future in futures for answer in future.result()]


def _listen(futures: Sequence["Future[list[Answer]]"], line: Line, on_news: OnNews) -> None:
    """Pass on what processes tell until all of them have ended."""
    while not all(future.done() for future in futures):
        try:
            on_news(line.news.get(timeout=0.1))
        except queue.Empty:
            continue
    while not line.news.empty():
        on_news(line.news.get())


def _search_there(group: Group) -> list[Answer]:
    """Search a group in a process of a pool."""
    line = Line.of_this_process()
    told: dict[str, tuple[float, bool]] = {}

    def tell(news: News) -> None:
        now = time.monotonic()
        fails = news.so_far is None or news.so_far.failing > 0
        last, failed = told.get(news.label, (-math.inf, False))
        if news.so_far is None or now - last >= _OFTEN_S or fails is not failed:
            told[news.label] = now, fails
            line.news.put(news)

    subjects, asked = group()
    return search_group(subjects, asked, time.perf_counter, tell, line.stop.is_set)


class Times:
    """How long each guard takes, where they take turns, and whether the time for all is up."""

    def __init__(self, stopwatch: Callable[[], float], most: float | None) -> None:
        self._stopwatch = stopwatch
        self._last = stopwatch()
        self._until = math.inf if most is None else self._last + most
        self._current = ""
        self._spent: dict[str, float] = {}

    def is_up(self, subject: Subject) -> bool:
        """Take note that a run for a subject begins. Return whether the time is up."""
        self._stop()
        self._current = subject.label
        return self._last > self._until

    def spent(self, subject: Subject) -> float:
        """Return how many seconds went into the runs for a subject."""
        self._stop()
        return self._spent.get(subject.label, 0.0)

    def _stop(self) -> None:
        now = self._stopwatch()
        before = self._spent.get(self._current, 0.0)
        self._spent[self._current] = before + now - self._last
        self._last, self._current = now, ""
