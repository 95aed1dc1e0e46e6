"""Asks an application one question after the other, each wider than the one before.

First as little as can go wrong, so that the simplest cause comes first: one connection and a
process that is never late, and if it polls, bytes that are under way for few polls; then late once;
then with bytes that are under way as long as its longest timer; then two connections, from when
both are open, and from their first byte. Two are asked about only where connections share state:
where every state of one connection left all that the application reaches as it was, a second one
meets what the first one met.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sim.aio.world import SHORT_MS
from sim.exploration.case import CaseFound, CaseSearch, succeeds
from sim.exploration.verdict import Verdict
from sim.exploration.way import EVERY_STATE, Way
from sim.kernel.series import run_once
from sim.model.app import Bounds
from sim.model.appscript import Script
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo

MOST_LATENCY_MS = 60_000.0
_LEAST_SHARE_S = 0.3
"""A case is looked at for at least so long at once."""


@dataclass
class Rung:
    """One question: these clients, within these bounds, and what came of it."""

    words: str
    """What it asks, for people."""
    clients: int
    cases: list[CaseFound] = field(default_factory=list)
    wanted: int = 0
    """How many cases it has."""

    @property
    def complete(self) -> bool:
        """Whether every state of every case was looked at."""
        done = 0 < len(self.cases) == self.wanted
        return done and all(one.complete for one in self.cases)


@dataclass
class Climbed:
    """What all questions came to."""

    rungs: list[Rung] = field(default_factory=list)
    shared: tuple[str, ...] = ()
    """Paths to the state that connections share."""
    no_answer: str = ""
    """Why nothing can be said, if nothing can."""
    aside: str = ""
    """What else is to be known of it."""
    way: Way = EVERY_STATE
    """How schedules were searched."""
    situations: dict[str, bool] = field(default_factory=dict)
    """What was looked for by `sometimes`, and whether it was met."""

    @property
    def cases(self) -> list[CaseFound]:
        """All cases that were looked at."""
        return [case for rung in self.rungs for case in rung.cases]

    @property
    def fails(self) -> bool:
        """Whether a failure was found."""
        return any(case.fails for case in self.cases)

    @property
    def verdict(self) -> Verdict:
        """The verdict: race-free only if enough was looked at, and a connection was opened."""
        failing = self.failing
        if self.no_answer:
            return Verdict.INCONCLUSIVE
        if failing is not None:
            return Verdict.ALWAYS if failing.always else Verdict.RACY
        done = [rung for rung in self.rungs if rung.complete]
        enough = not self.shared or any(rung.clients > 1 for rung in done)
        opened = any(case.opened for case in self.cases) and not self.unmet
        return Verdict.RACE_FREE if done and enough and opened else Verdict.INCONCLUSIVE

    @property
    def answers(self) -> dict[str, Counter[str]]:
        """For each request how often it was answered by which status."""
        found: dict[str, Counter[str]] = {}
        for case in self.cases:
            for what, statuses in case.answers.items():
                found.setdefault(what, Counter()).update(statuses)
        return found

    @property
    def unmet(self) -> dict[str, Counter[str]]:
        """The requests that did in no schedule what they were for, if none of them ever did."""
        answers = self.answers
        if any(map(succeeds, (one for statuses in answers.values() for one in statuses))):
            return {}
        return answers

    @property
    def failing(self) -> CaseFound | None:
        """The case whose failure is the simplest: the first one that fails.

        What was kept from before is one only where nothing else fails.
        """
        failing = [case for case in self.cases if case.fails]
        return min(failing, key=lambda case: case.kept_from_before, default=None)


class Ladder:
    """The questions to one application, in order."""

    def __init__(
        self,
        subject: AppSubject,
        scripts: Sequence[Script],
        path_of: Callable[[Sequence[Script]], tuple[str, ...]],
        alone: bool,
        bounds: Sequence[str],
        way: Way = EVERY_STATE,
    ) -> None:
        """Prepare.

        subject: the application, with its bounds. scripts: of the clients. path_of: what each asks
        for. alone: each script is a case of its own; else all are one case. bounds: names of those
        that were given, and so are not widened. way: how schedules are searched.
        """
        self._way = way
        self._subject = subject
        self._scripts = list(scripts)
        self._path_of = path_of
        self._alone = alone
        self._given = frozenset(bounds)

    def climb(
        self,
        on_failure: Callable[[Record], None],
        on_case: Callable[[Rung, CaseFound], None],
        seconds_left: Callable[[], float],
        before: Sequence[Rung] = (),
    ) -> Climbed:
        """Ask, until all was asked, no time is left, or there is no answer.

        The simplest case that fails is the answer; what is asked after it may fail of other causes.
        before: what is known already.
        """
        climbed = Climbed(way=self._way, rungs=list(before))
        for rung, subjects in self._rungs():
            climbed.rungs.append(rung)
            rung.wanted = len(subjects)
            todo = [CaseSearch(subject, on_failure, self._way) for subject in subjects]
            while todo and seconds_left() > 0:  # each has its share, then those go on that were cut
                for place, search in enumerate(todo):
                    if seconds_left() <= 0:
                        break
                    case = search.run(_share(seconds_left, len(todo) - place))
                    if not self._took_in(climbed, rung, case):
                        return climbed
                    on_case(rung, case)
                todo = [search for search in todo if not search.is_over]
        return climbed

    def _took_in(self, climbed: Climbed, rung: Rung, case: CaseFound) -> bool:
        """Take note of a case. Return whether others may be asked after it."""
        if case not in rung.cases:
            rung.cases.append(case)
        climbed.shared = self._subject.application.all_shared
        if not case.no_answer:
            return True
        rung.cases.remove(case)  # it says nothing, and takes nothing back
        if not climbed.fails:
            rung.cases.append(case)
            climbed.no_answer = case.no_answer
        return False

    def _rungs(self) -> Iterator[tuple[Rung, list[AppSubject]]]:
        bounds = self._subject.case.bounds
        cases = [[one] for one in self._scripts] if self._alone else [self._scripts]
        count = len(cases[0])
        of = "one connection" if count == 1 else f"{count} connections"
        if count > 1 and "start" not in self._given:
            yield self._rung(f"{of}, from when all are open", cases, replace(bounds, start="open"))
        widest = "latency_ms" in self._given or bounds.latency_ms <= SHORT_MS
        if not widest and self._polls(cases[0]):  # each poll may be another state
            words = f"{of}, bytes under way for up to {SHORT_MS:g} ms"
            yield self._rung(words, cases, replace(bounds, latency_ms=SHORT_MS))
        yield self._rung(of, cases, bounds)
        if bounds.late == 0 and "late" not in self._given and count == 1:
            yield self._rung(f"{of}, the process late once", cases, replace(bounds, late=1))
        longest = min(self._subject.application.longest_ms, MOST_LATENCY_MS)
        if longest > bounds.latency_ms and "latency_ms" not in self._given and count == 1:
            words = f"{of}, bytes under way for up to {longest / 1000:g} s"
            yield self._rung(words, cases, replace(bounds, latency_ms=longest))
        if count == 1 and self._subject.application.all_shared:
            yield from self._two(bounds)

    def _polls(self, scripts: Sequence[Script]) -> bool:
        """Whether it polls when everything goes its usual way."""
        _, (subject,) = self._rung("", [scripts], self._subject.case.bounds)
        run_once(subject.job(Fifo()))
        return subject.application.polls

    def _two(self, bounds: Bounds) -> Iterator[tuple[Rung, list[AppSubject]]]:
        """Yield the questions with two connections: each script twice, and beside the idle one."""
        pairs = [[one, one] for one in self._scripts]
        idle = next((one for one in self._scripts if one.steps[0].act == "sleep"), None)
        if idle is not None:
            others = [one for one in self._scripts if one is not idle]
            pairs = [[one, one] for one in others] + [[one, idle] for one in others] or pairs
        words = "two connections, from when both are open"
        yield self._rung(words, pairs, replace(bounds, start="open"))
        yield self._rung("two connections, from their first byte", pairs, bounds)

    def _rung(
        self, words: str, cases: Sequence[Sequence[Script]], bounds: Bounds
    ) -> tuple[Rung, list[AppSubject]]:
        subjects = []
        for scripts in cases:
            case = replace(self._subject.case, clients=tuple(scripts), bounds=bounds)
            subjects.append(replace(self._subject, case=case, paths=self._path_of(scripts)))
        return Rung(words, len(cases[0])), subjects


def _share(seconds_left: Callable[[], float], cases: int) -> Callable[[], bool]:
    """Return what tells that one of so many cases has had its share of the time."""
    began = seconds_left()
    until = max(0.0, began - max(began / cases, _LEAST_SHARE_S))
    return lambda: seconds_left() <= until
