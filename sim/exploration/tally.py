"""Judges the runs of a search, keeps count, and draws the verdict."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.exploration.inquiry import Inquiry
from sim.exploration.judged import Candidate, Judged, cost_of, judge
from sim.exploration.stability import fails_elsewhere
from sim.exploration.verdict import Exploration, Verdict
from sim.model.record import End, Ending
from sim.runs.subject import Record, Subject, record, record_or_none


@dataclass(frozen=True, slots=True)
class SoFar:
    """How far a search is."""

    looked: int
    """Schedules, or classes, looked at."""
    failing: int
    failure: str | None
    """How the simplest failing one ended; None if there is none."""
    reached: int | None
    """The tick before which every class was looked at, at the current times; None if unknown."""


OnRun = Callable[[SoFar], None]
"""Called whenever more is known."""


_NO_RACE = 200
"""Failing classes after which a search that need not count no longer waits for a passing one."""


class Tally:
    """What is known so far."""

    def __init__(self, subject: Subject, inquiry: Inquiry, on_run: OnRun | None) -> None:
        self._subject = subject
        self.variant = subject
        """The subject whose runs are being made, its times settled."""
        self._inquiry = inquiry
        self._on_run = on_run
        self._outcomes: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._silent: dict[tuple[str, str], None] = {}
        self._failure: Candidate | None = None
        self._points = self._deepest = 0
        self._untouched = True
        self._remarks: dict[str, tuple[int, str]] = {}
        self._findings: Counter[str] = Counter()
        self._counted = 0
        self._early: dict[bool, Record] = {}
        """Runs made to their end before their turn, by whether they fail: they count until others
        do."""
        self.reached: int | None = None
        """The tick before which every class was looked at; None if that is not known."""
        self._near: int | None = None
        self.stopped = ""
        """Why the search was stopped from outside, if it was."""
        self.refusal = ""
        """What the code asked for that the world refuses."""
        self.unseen = ""
        """Why no other process was asked whether it makes the same run, if it should have been."""
        self.met_end = False
        """Whether more might have happened in a run whose time had not been limited."""
        self.unstable = ""
        """Why runs do not depend on their choices alone."""

    def add(self, end: End) -> bool:
        """Judge one run. Return whether its outcome is new."""
        judged, made = judge(self.variant, self._inquiry, end)
        if made is not None and judged.fails:
            self._keep(made)
        new = self.count(judged, len(end.schedule))
        self.tell()
        return new

    def count(self, judged: Judged, points: int) -> bool:
        """Let a run count that was judged, wherever. Return whether its outcome is new.

        points: choices in it.
        """
        self._points += points
        self._deepest = max(self._deepest, points)
        self._silent |= dict.fromkeys(judged.silent)
        if not judged.label:
            self._open[judged.open] += 1
            self.refusal = self.refusal or judged.refusal
            return False
        self.met_end |= judged.met_end
        self._untouched &= judged.untouched
        new = judged.label not in self._outcomes
        self._outcomes[judged.label] += 1
        for kind, text in judged.remarks:
            runs, first = self._remarks.get(kind, (0, text))
            self._remarks[kind] = runs + 1, first
        self._findings.update(judged.kinds)
        self._counted += judged.fails
        return new

    def tell(self) -> None:
        """Say how far it is."""
        if self._on_run is not None:
            failure = None if self._failure is None else self._failure.label
            self._on_run(SoFar(self._looked, self.failing, failure, self._near))

    @property
    def knows_both(self) -> bool:
        """Whether a run that fails is known, and one that does not."""
        return self.failing > 0 and self.passing > 0

    def is_news(self, end: End) -> bool:
        """Whether a run that was postponed has failed, or passed so far, as none has before."""
        if self.knows_both:
            return False
        found = record(self.variant, replace(end, ending=Ending.TIME_LIMIT))
        return self.is_first(self._inquiry.fails(found.outcome))

    def is_first(self, fails: bool) -> bool:
        """Whether none is known that fails, or that does not."""
        return fails not in self._early and not (self.failing if fails else self.passing)

    def anticipate(self, end: End) -> None:
        """Keep a run that will count only when its turn comes."""
        found = record_or_none(self.variant, end)
        if found is None:
            return
        fails = self._inquiry.fails(found.outcome)
        if self.is_first(fails):
            self._early[fails] = found
            if fails:
                self._keep(found)
            self.tell()

    def reach(self, tick: int) -> None:
        """Take note that every class of the current variant was looked at before a tick."""
        self._near = tick
        self.tell()

    def leave(self, finished: bool) -> None:
        """Go on to the next variant. finished: whether nothing was left of this one."""
        if not finished:
            near = self._near or 0
            self.reached = near if self.reached is None else min(near, self.reached)
        self._near = None

    def _keep(self, found: Record) -> None:
        self.keep(Candidate(cost_of(found.end), found.outcome.label, lambda: found))

    def keep(self, found: Candidate) -> None:
        """Take note of a run that fails: the simplest one is the counterexample."""
        if self._failure is None or found.cost < self._failure.cost:
            self._failure = found

    @property
    def failing(self) -> int:
        """How many runs failed; one that is known before its turn is one."""
        return self._counted or int(True in self._early)

    @property
    def passing(self) -> int:
        """How many did not."""
        return self._outcomes.total() - self._counted or int(False in self._early)

    @property
    def _looked(self) -> int:
        return self.failing + self.passing

    def outcomes(self) -> dict[str, int]:
        """Return how many of those judged ended how."""
        found = Counter(self._outcomes)
        for fails, early in self._early.items():
            counted = self._counted if fails else self._outcomes.total() - self._counted
            if not counted:
                found[early.outcome.label] += 1
        return dict(found)

    @property
    def enough(self) -> bool:
        """Whether the search may stop: a failure is all that is wanted, or no answer can come."""
        if self.unstable or (self._open and self._subject.has_own_code):
            return True  # what one run of somebody's own code does, most others will do too
        if not self.failing or self.stopped:
            return bool(self.stopped)
        if self._inquiry.first:
            return True
        return not self._inquiry.count and (self.passing > 0 or self._looked >= _NO_RACE)

    def bounds(self) -> list[str]:
        """Return what stands in the way of a complete answer."""
        bounds = [f"{count} runs ended by {why}" for why, count in self._open.items()]
        return bounds + [
            f"{waker} woke {woken} without a recorded write" for waker, woken in self._silent
        ]

    def exploration(
        self, runs: int, complete: bool, scope: str, bound: str, upto: int | None = None
    ) -> Exploration:
        """Return the verdict. upto: the tick before which nothing was left out."""
        looked = self._looked
        failure = None if self.unstable or self._failure is None else self._failure.make()
        if failure is None and self.failing and not self.unstable:
            self.unstable = fails_elsewhere(self._subject)
        return Exploration(
            subject=self._subject,
            inquiry=self._inquiry,
            verdict=self._verdict(complete),
            complete=complete and not self.unstable,
            scope=scope,
            bound=bound,
            classes=looked if self._inquiry.way.reads_steps else None,
            schedules=runs,
            looked=looked,
            failing=self.failing,
            outcomes=self.outcomes(),
            deepest=self._deepest,
            points=self._points,
            silent=tuple(self._silent),
            untouched=self._untouched,
            failure=failure,
            remarks=dict(sorted(self._remarks.items())),
            findings=dict(sorted(self._findings.items())),
            refusal=self.refusal,
            unstable=self.unstable,
            upto=upto,
            stopped=self.stopped,
        )

    def _verdict(self, complete: bool) -> Verdict:
        if self.unstable:
            return Verdict.INCONCLUSIVE
        if self.failing:
            every = complete and self.failing == self._looked
            return Verdict.ALWAYS if every else Verdict.RACY
        return Verdict.RACE_FREE if complete else Verdict.INCONCLUSIVE
