"""The runs of one search over one subject: first what happens soon, then what may happen later.

Where the search can postpone runs, it deepens over virtual time: every class up to a moment is
looked at before time moves beyond it, so that a search that is cut can say how far it came. The
first postponed run that has failed already is made to its end at once, for that is what people wait
for, and so is the first one that has not.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from sim.errors import Divergence
from sim.exploration.stability import FirstRun, taken_otherwise
from sim.exploration.tally import Tally
from sim.model.engine import Job, Plan
from sim.model.record import End, Ending
from sim.model.schedule import Scheduler, Search, picks
from sim.model.ticks import PER_SECOND
from sim.runs.subject import Subject
from sim.schedulers.replay import Lenient
from sim.schedulers.uniform import Uniform

BY_HAND = "stopped by hand"
"""What is said of a search that somebody interrupted."""
SOON = PER_SECOND
"""How far a search looks first, in ticks."""


@runtime_checkable
class Deepening(Protocol):
    """A search that can put off what lies beyond a moment of virtual time."""

    @property
    def due(self) -> int | None:
        """The first tick to which a postponed run would move; None if nothing is postponed."""

    def postpone(self, end: End) -> None:
        """Keep a run that was postponed."""

    def resume(self, horizon: int) -> None:
        """Go on with the runs that would move no further than to a tick."""


class Runs:
    """Makes the runs of a search and hands them to the tally."""

    def __init__(
        self,
        variant: Subject,
        job: Job,
        schedulers: Search,
        tally: Tally,
        most: int,
        elsewhere: bool,
        time_is_up: Callable[[], bool],
        scouts: int,
        enough: int | None = None,
        at_least: int = 0,
    ) -> None:
        """Prepare.

        variant: the subject, its times settled. most: runs to make. elsewhere: compare the first
        run with one in another process. time_is_up: whether to stop. scouts: how many
        runs to draw first. enough: after how many to look no further in virtual time, if it has
        come to the tick `at_least`.
        """
        self._variant = variant
        self._job = job
        self.schedulers = schedulers
        self._tally = tally
        self._most = most
        self._elsewhere = elsewhere
        self._time_is_up = time_is_up
        self._scouts = scouts
        self._enough = most if enough is None else enough
        self._at_least = at_least
        self._first: FirstRun | None = None
        self._deepening = schedulers if isinstance(schedulers, Deepening) else None
        deep = self._deepening is not None and job.limits.ticks > 4 * SOON  # else it does not pay
        self._near = job.before(SOON) if deep else job
        self.made = 0
        """How many were made."""
        self.depth = 0
        """How often it went on to what lies further in virtual time."""
        self.finished = False
        """Whether the search came to its end."""
        self.paused = False
        """Whether it had enough before: others, at other times, have their turn."""

    def plan(self) -> Plan:
        """Return the runs to make, until nothing is left or it is enough.

        What the search itself finds to be otherwise than before is told, too.
        """
        try:
            yield from self._plan()
        except Divergence as error:
            self._tally.unstable = taken_otherwise(self._variant, error)

    def close(self) -> None:
        """Want no more."""
        if self._first is not None:
            self._first.close()

    def _plan(self) -> Plan:
        tally, job = self._tally, self._job
        usual = yield job
        first = self._first = FirstRun(self._variant, usual, self._elsewhere)
        tally.unstable = first.compare((yield job))
        if self._scouts and self._deepening is not None:
            yield from self._scout(usual)
        while self._goes_on():
            scheduler = self._next()
            if scheduler is None:
                self.finished = not self.paused
                break
            end = yield self._near.under(scheduler)
            self.made += 1
            if end.ending is Ending.DIVERGED:
                tally.unstable = taken_otherwise(self._variant, end.error)
            elif end.ending is Ending.POSTPONED:
                yield from self._put_off(end)
            elif self.schedulers.finished(end.schedule, end.trace_steps) and tally.add(end):
                tally.unstable = first.compare((yield job))
        if not tally.unstable:
            tally.unstable = first.compare((yield job)) or first.elsewhere()
            tally.unseen = tally.unseen or first.unseen

    def _scout(self, usual: End) -> Plan:
        """Look at the usual run, and at a few that are drawn, before all are gone through in order.

        Where a guard fails in many orders, that answers the question. They count as runs; as
        classes they count when their turn comes.
        """
        self.made += 1
        self._tally.anticipate(usual)
        for number in range(self._scouts):
            if not self._goes_on() or self._tally.knows_both:
                return
            end = yield self._job.under(Uniform(number))
            self.made += 1
            self._tally.anticipate(end)

    def _goes_on(self) -> bool:
        if self._tally.enough or self.made >= self._most:
            return False
        if self._time_is_up():
            self._tally.stopped = "its time was up"
        return not self._tally.stopped

    def _next(self) -> Scheduler | None:
        """Return the next scheduler; where nothing is left before the horizon, beyond it."""
        scheduler = self.schedulers.next_scheduler()
        deepening = self._deepening
        while scheduler is None and deepening is not None and deepening.due is not None:
            due = deepening.due
            self._tally.reach(due)
            if self.made >= self._enough and due >= self._at_least:
                self.paused = True
                return None
            horizon = max(due, 2 * due - 1)  # up to where the next ones of its kind are due
            self._near = self._job.before(horizon)
            deepening.resume(horizon)
            self.depth += 1
            scheduler = self.schedulers.next_scheduler()
        return scheduler

    def _put_off(self, end: End) -> Plan:
        """Keep a run for later; if it tells what nobody knew yet, make it to its end now."""
        assert self._deepening is not None, "nobody else postpones"
        self._deepening.postpone(end)
        if not self._tally.is_news(end):
            return
        whole = yield self._job.under(Lenient(picks(end.schedule)))
        self._tally.anticipate(whole)
