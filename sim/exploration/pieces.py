"""Pieces of a search: what one of them is to do, what came of it, and doing it.

A piece is a few open nodes and a number of runs; which runs it makes depends on nothing else, so
that it may be made anywhere, and again. The number of runs is fixed, and not a time: what is
searched must not depend on how fast a machine is.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from sim.errors import Divergence
from sim.exploration.inquiry import Inquiry
from sim.exploration.judged import Cost, Judged, cost_of, judge
from sim.exploration.stability import fails_elsewhere, taken_otherwise
from sim.kernel.series import run_once, run_plan
from sim.kernel.trace import digest
from sim.model.engine import Job, Plan
from sim.model.record import End, Ending
from sim.model.schedule import picks
from sim.runs.subject import Record, Subject
from sim.schedulers.caching import Caching
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Lenient
from sim.schedulers.tree import Known, Node, Seen, Visit

RUNS = 16
"""Runs of a piece: some 50 ms. Long against its way to a worker and back, short to lose."""
_COMPARES = 16
"""After so many pieces, and after each new outcome, a process makes the usual run again."""


class Piece(NamedTuple):
    """Part of a search."""

    number: int
    variant: int
    """Which of the subject's variants its nodes are of."""
    nodes: tuple[Node, ...]
    most: int
    """So many runs it makes at most."""
    horizon: int | None
    """The tick beyond which time does not move for now; None for no such tick."""
    before: int
    """It knows what pieces with lower numbers have seen."""
    wants_news: bool
    """Whether it is of interest how runs stand that are put off."""


class Met(NamedTuple):
    """A run that counts. name: of its class, "" where classes are not told apart."""

    name: str
    judged: int
    """What it came to: an index."""
    points: int
    """Choices in it."""


class Failing(NamedTuple):
    """The simplest run of a piece that fails."""

    cost: Cost
    label: str
    picks: tuple[int, ...]


class PutOff(NamedTuple):
    """A run that was put off. fails: whether it has failed so far; None if nobody asked."""

    node: Node
    fails: bool | None


class Came(NamedTuple):
    """What came of a piece."""

    runs: int = 0
    judged: tuple[Judged, ...] = ()
    """What its runs came to, each once."""
    met: tuple[Met, ...] = ()
    failing: Failing | None = None
    left: tuple[Node, ...] = ()
    """Nodes that are open."""
    put_off: tuple[PutOff, ...] = ()
    seen: tuple[tuple[bytes, Visit], ...] = ()
    """What it has met."""
    pruned: int = 0
    """Options that lay beyond the bound."""
    unstable: str = ""
    """Why runs do not depend on their choices alone, if they do not."""
    usual: str = ""
    """How the usual run went in the process that made it, if that was looked at."""


class WhatWasSeen:
    """What the pieces of a search have met, one after the other."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self.pieces = 0
        """It knows of so many, the first ones."""

    def learn(self, number: int, variant: int, seen: Iterable[tuple[bytes, Visit]]) -> None:
        """Learn what the next piece has met; one that is known already is left alone."""
        assert number <= self.pieces, "one after the other"
        if number < self.pieces:
            return
        known = self.of(variant)
        for key, visit in seen:
            known.add(number, key, visit)
        self.pieces = number + 1

    def of(self, variant: int) -> Known:
        """Return what was met in one of the variants, and by which pieces."""
        return self._known.setdefault(variant, Known())


class Site:
    """Where pieces of one search are made: its subject is at hand."""

    def __init__(self, subject: Subject, inquiry: Inquiry) -> None:
        """Prepare. Raises UserError for what the subject cannot be asked."""
        self._inquiry = inquiry
        self.variants = subject.variants(inquiry.times)
        reads = inquiry.way.reads_steps
        self.jobs = [one.job(Fifo()).recording(steps=reads) for one in self.variants]
        self._labels: set[tuple[int, str]] = set()
        self._pieces = 0

    def make(
        self, piece: Piece, known: Known, time_is_up: Callable[[], bool] = lambda: False
    ) -> Came | None:
        """Make a piece. Return None if it was given up.

        known: what other pieces have met. time_is_up: whether to give up; asked between runs.
        """
        work = _Work(self._inquiry, self.variants[piece.variant], piece, known)
        try:
            run_plan(work.plan(self.jobs[piece.variant], time_is_up))
        except _GivenUpError:
            return None
        except Divergence as error:
            return Came(unstable=taken_otherwise(self.variants[piece.variant], error))
        labels = {(piece.variant, one.label) for one in work.judged}
        came = work.came()
        self._pieces += 1
        if labels <= self._labels and self._pieces % _COMPARES != 0:
            return came
        self._labels |= labels  # whatever ended otherwise may have left something behind
        subject = self.variants[piece.variant]
        failing = came.failing if subject.has_own_code else None
        if failing is not None and self.again(piece.variant, failing) is None:
            return Came(unstable=fails_elsewhere(subject))  # at once, in the same process
        return came._replace(usual=self.usual(piece.variant))

    def usual(self, variant: int) -> str:
        """Return how the run goes that everybody takes who has no opinion."""
        return going(run_once(self.jobs[variant].under(Fifo())))

    def end_of(self, variant: int, answers: tuple[int, ...]) -> End:
        """Make the run with these answers, and the usual ones after them."""
        return run_once(self.jobs[variant].under(Lenient(answers)))

    def again(self, variant: int, found: "Failing") -> Record | None:
        """Make a run again that fails, wherever it was made; None if it goes otherwise here."""
        end = self.end_of(variant, found.picks)
        judged, made = judge(self.variants[variant], self._inquiry, end)
        return made if judged.fails and judged.label == found.label else None


def going(end: End) -> str:
    """Return how a run went, as text that differs if it goes otherwise."""
    return f"{end.ending} {digest(end.events)}"


class _GivenUpError(Exception):
    """The time is up in the middle of a piece: nothing of it counts."""


class _Work:
    """One piece under way."""

    def __init__(self, inquiry: Inquiry, subject: Subject, piece: Piece, known: Known) -> None:
        self._inquiry, self._subject, self._piece = inquiry, subject, piece
        self._seen = Seen(known, piece.before)
        self._search = inquiry.piece(self._seen)
        self._search.enter(piece.nodes)
        self._runs = 0
        self._met: list[Met] = []
        self._failing: Failing | None = None
        self._put_off: dict[Node, bool | None] = {}
        self.judged: dict[Judged, int] = {}

    def plan(self, job: Job, time_is_up: Callable[[], bool]) -> Plan:
        """Return the runs to make."""
        near = job if self._piece.horizon is None else job.before(self._piece.horizon)
        search = self._search
        while self._runs < self._piece.most:
            scheduler = search.next_scheduler()
            if scheduler is None:
                return
            if time_is_up():
                raise _GivenUpError
            end = yield near.under(scheduler)
            self._runs += 1
            if end.ending is Ending.DIVERGED:
                raise end.error if isinstance(end.error, Divergence) else Divergence(str(end.error))
            if end.ending is Ending.POSTPONED:
                self._postpone(end)
            elif search.finished(end.schedule, end.trace_steps):
                name = f"{search.total:024x}" if isinstance(search, Caching) else ""
                self._take_in(end, name)

    def _postpone(self, end: End) -> None:
        assert isinstance(self._search, Caching), "nobody else puts off"
        before = len(self._search.put_off)
        self._search.postpone(end)
        for node in self._search.put_off[before:]:
            self._put_off[node] = None
            if self._piece.wants_news:
                so_far = replace(end, ending=Ending.TIME_LIMIT)
                self._put_off[node] = judge(self._subject, self._inquiry, so_far)[0].fails

    def _take_in(self, end: End, name: str) -> None:
        judged, _ = judge(self._subject, self._inquiry, end)
        number = self.judged.setdefault(judged, len(self.judged))
        self._met.append(Met(name, number, len(end.schedule)))
        cost = cost_of(end, name)
        if judged.fails and (self._failing is None or cost < self._failing.cost):
            self._failing = Failing(cost, judged.label, picks(end.schedule))

    def came(self) -> Came:
        """Return what came of it."""
        return Came(
            self._runs,
            tuple(self.judged),
            tuple(self._met),
            self._failing,
            tuple(self._search.leave()),
            tuple(PutOff(node, fails) for node, fails in self._put_off.items()),
            tuple(self._seen.new()),
            getattr(self._search, "pruned", 0),
        )
