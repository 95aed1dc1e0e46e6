"""Looks at the schedules of a subject and says whether any of them breaks a property."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial

from sim.errors import UserError
from sim.exploration.conclude import Extent, conclude
from sim.exploration.inquiry import Inquiry
from sim.exploration.runs import BY_HAND, Runs
from sim.exploration.tally import OnRun, SoFar, Tally
from sim.exploration.verdict import Exploration
from sim.kernel.series import run_plan
from sim.model.engine import Job, Plan
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.model.schedule import Scheduler
from sim.runs.handler import HandlerSubject
from sim.runs.own import OwnHandler
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Subject
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from sim.sut.guards import Guard

SCOUTS = 20
"""Schedules that are drawn before a search over all times that need not count begins."""
_PROBES = 4
"""Runs from which the number of choices in a run is measured, for PCT."""


def explore(
    scenario: Scenario,
    inquiry: Inquiry | None = None,
    guard: Guard | None = None,
    fidelity: Fidelity = Fidelity.ASGI,
    on_run: OnRun | None = None,
    handler: OwnHandler | None = None,
) -> Exploration:
    """Search the schedules of `scenario` for a run that breaks the property.

    inquiry: what to ask; by default a complete search for errors, with dpor, at the scenario's
    times. guard: somebody's own, for a scenario that names it "module:name". fidelity: how much of
    the runs is real. on_run: called after every run that counts. handler: somebody's own, instead
    of ours. Raises UserError if times are drawn but have to be fixed.
    """
    subject = (
        ScenarioSubject(scenario, fidelity, guard)
        if handler is None
        else HandlerSubject(scenario, fidelity, tellable=handler.importable, own=handler)
    )
    return search(subject, inquiry or Inquiry(), on_run)


def search(
    subject: Subject,
    inquiry: Inquiry,
    on_run: OnRun | None = None,
    time_is_up: Callable[[], bool] = lambda: False,
) -> Exploration:
    """Search the schedules of a subject for a run that breaks the property.

    on_run: called whenever more is known. time_is_up: whether to stop; asked between runs.

    Between the runs its first schedule is run again: before the search, after each outcome that is
    new, and after the search. If it goes otherwise than at first, runs do not depend on their
    choices alone, and there is no verdict. Raises UserError for what the subject cannot be asked.
    """

    def tell(_: Subject, so_far: SoFar) -> None:
        if on_run is not None:
            on_run(so_far)

    return search_all([subject], inquiry, tell, lambda _: time_is_up())[0]


def search_all(
    subjects: Sequence[Subject],
    inquiry: Inquiry,
    on_run: Callable[[Subject, SoFar], None],
    time_is_up: Callable[[Subject], bool] = lambda _: False,
) -> list[Exploration]:
    """Search the schedules of several subjects, the near future of all before the far one of any.

    on_run: called with a subject whenever more is known of it. time_is_up: asked with a subject
    before each of its runs.
    """
    found = [
        SubjectSearch(one, inquiry, partial(on_run, one), partial(time_is_up, one))
        for one in subjects
    ]
    try:
        run_plan(take_turns([(one, one.plan()) for one in found]))
    except KeyboardInterrupt:
        for one in found:
            one.stop(BY_HAND)
    finally:
        for one in found:
            one.close()
    return [one.exploration() for one in found]


def take_turns(searches: Sequence[tuple["SubjectSearch", Plan]]) -> Plan:
    """Make one plan of several: who came least far in virtual time goes on."""
    waiting: dict[SubjectSearch, Job] = {}
    plans = dict(searches)

    def go_on(one: SubjectSearch, end: End | None) -> None:
        try:
            waiting[one] = plans[one].send(end)  # type: ignore[arg-type]
        except StopIteration:
            waiting.pop(one, None)

    for one in plans:
        go_on(one, None)
    while waiting:
        nearest = min(waiting, key=lambda one: one.depth)
        depth = nearest.depth
        while nearest in waiting and nearest.depth == depth:
            go_on(nearest, (yield waiting[nearest]))


class SubjectSearch:
    """A search of the schedules of one subject, as a plan and what came of it."""

    def __init__(
        self,
        subject: Subject,
        inquiry: Inquiry,
        on_run: OnRun | None,
        time_is_up: Callable[[], bool],
    ) -> None:
        if why := subject.refuses(inquiry.prop):
            raise UserError(why)
        self._subject = subject
        self._inquiry = inquiry
        self._time_is_up = time_is_up
        self._tally = Tally(subject, inquiry, on_run)
        self._variants = subject.variants(inquiry.times)
        self._series: list[Runs] = []
        self._horizon = 0

    @property
    def depth(self) -> tuple[int, bool]:
        """How often it has gone on to what lies further in virtual time, and whether it fails.

        That another guard fails, too, is news sooner than that this one does not always fail.
        """
        return sum(series.depth for series in self._series), self._tally.failing > 0

    def plan(self) -> Plan:
        """Return the runs to make."""
        inquiry, tally, variants = self._inquiry, self._tally, self._variants
        for variant in variants:
            tally.variant = variant
            most = inquiry.most - self._made
            if inquiry.way.draws:
                most = -(-most // (len(variants) - len(self._series)))  # a share for each to come
            job = variant.job(Fifo()).recording(steps=inquiry.way.reads_steps)
            if inquiry.way.measures:
                self._horizon = yield from _horizon(job, inquiry)
            schedulers = replace(inquiry, max_schedules=most).search(self._horizon, job.in_batches)
            elsewhere = not self._series  # one comparison with another process is enough
            most += inquiry.way.draws
            scouts = SCOUTS if inquiry.untimed and (inquiry.first or not inquiry.count) else 0
            limits = (most, elsewhere, self._time_is_up, scouts, inquiry.enough, inquiry.at_least)
            series = Runs(variant, job, schedulers, tally, *limits)
            self._series.append(series)
            yield from series.plan()
            tally.leave(series.finished)
            if tally.enough or self._made >= inquiry.most:
                return

    @property
    def _made(self) -> int:
        return sum(series.made for series in self._series)

    def stop(self, why: str) -> None:
        """Take note that it was stopped from outside, unless it had come to its end."""
        if not (self._ended or self._tally.enough):
            self._tally.stopped = why
            self._tally.leave(finished=False)

    def close(self) -> None:
        """Want no more."""
        for series in self._series:
            series.close()

    @property
    def _ended(self) -> bool:
        every = len(self._series) == len(self._variants)
        return every and all(series.finished for series in self._series)

    def exploration(self) -> Exploration:
        """Return the verdict, with its bounds."""
        series = self._series

        def total(what: str) -> int:
            return sum(getattr(one.schedulers, what, 0) for one in series)

        extent = Extent(
            self._made,
            len(series),
            len(self._variants),
            self._ended,
            any(one.paused for one in series),
            self._horizon,
            total("pruned"),
            total("alike"),
            total("later"),
        )
        return conclude(self._subject, self._inquiry, self._tally, extent)


def _horizon(job: Job, inquiry: Inquiry) -> Generator[Job, End, int]:
    """Return the most choices in a few runs."""
    most = 0
    probes: list[Scheduler] = [Fifo()]
    probes += [Uniform(inquiry.seed + number) for number in range(_PROBES - 1)]
    for scheduler in probes:
        end = yield job.under(scheduler)
        most = max(most, len(end.schedule))
    return most
