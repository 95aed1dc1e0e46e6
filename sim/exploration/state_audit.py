"""The audit of states: where two states were taken for one, a run goes on from both alike.

A search that goes on once from each state rests on the state being all that matters. The audit
draws runs, and where one of them comes to a state that another way has led to, it goes that other
way, answers from there as the drawn run did, and compares what happened since. A difference means
that something is not seen: a value that a library keeps, an order, a clock.

What only limits may differ: the way with more time left is the one that is gone. Where more is
asked then, so that the same answers cannot be given, the pair says nothing and is not counted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.aio.world import World
from sim.entropy import below, seed_for
from sim.kernel.series import run_plan
from sim.model.engine import Plan
from sim.model.record import End, Ending
from sim.model.schedule import Question, Schedule, Scheduler
from sim.runs.app import AppSubject
from sim.runs.subject import record
from sim.schedulers.fifo import Fifo
from sim.schedulers.pruned import Met, covers
from sim.schedulers.uniform import Uniform

RUNS = 30
"""Runs that are drawn for a case unless told otherwise."""


@dataclass(frozen=True, slots=True)
class StateAudit:
    """What an audit came to."""

    pairs: int = 0
    """How many pairs of ways to equal states were gone on from."""
    difference: str = ""
    """What happened after one way and not after the other, "" if nothing did."""

    def __add__(self, other: "StateAudit") -> "StateAudit":
        return StateAudit(self.pairs + other.pairs, self.difference or other.difference)


def audit_states(
    subject: AppSubject,
    seed: int = 0,
    runs: int = RUNS,
    time_is_up: Callable[[], bool] = lambda: False,
) -> StateAudit:
    """Draw runs of an application, and go on from equal states that two ways lead to."""
    auditor = _Auditor(subject)
    run_plan(auditor.plan(seed, runs, time_is_up))
    return auditor.found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run met a state."""

    met: Met
    choices: int
    """How many choices it had made by then."""
    events: int
    """How many events there had been."""


class _Shown:
    """Another scheduler that is also shown the states of its run, and keeps where they are."""

    def __init__(self, inner: Scheduler) -> None:
        self._inner = inner
        self._choices = 0
        self.world: World | None = None
        self.places: list[_Place] = []

    @property
    def on_new_ground(self) -> bool:
        """Always: everything is to be seen."""
        return True

    def visit(self, tell: Callable[[], tuple[bytes, object, tuple[int, ...]]]) -> bool:
        """Keep a state."""
        assert self.world is not None, "a run has a world"
        self.places.append(_Place(Met(*tell()), self._choices, len(self.world.events)))
        return False

    def choose(self, question: Question) -> int:
        """Return what the other scheduler takes."""
        self._choices += 1
        return self._inner.choose(question)


class _ByName:
    """Takes the options of a schedule by their names, and notes if one is not there."""

    def __init__(self, schedule: Schedule) -> None:
        self._wanted = iter(schedule)
        self.missed = ""

    def choose(self, question: Question) -> int:
        """Return the option that the schedule took; the default where there is none such."""
        wanted = next(self._wanted, None)
        if wanted is None or wanted.question.asker != question.asker:
            self.missed = self.missed or f"{question.asker or question.kind} was asked"
        elif wanted.option in question.options:
            return list(question.options).index(wanted.option)
        else:
            self.missed = self.missed or f"{wanted.option} was no option"
        return question.default


class _Auditor:
    """Draws runs and compares."""

    def __init__(self, subject: AppSubject) -> None:
        self._subject = subject
        self._known: dict[tuple[bytes, object], list[tuple[_Place, Schedule]]] = {}
        self.found = StateAudit()

    def plan(self, seed: int, runs: int, time_is_up: Callable[[], bool]) -> Plan:
        """Yield the runs to make."""
        job = self._subject.job(Fifo())
        assert isinstance(job, AppJob), "an application's jobs are run by a loop"
        for number in range(runs):
            if time_is_up() or self.found.difference:
                return
            drawn = seed_for(seed, "audit", number)
            shown = _Shown(Uniform(drawn))
            end = yield _watched(job, shown)
            if not end.ending.judged:
                return  # no run says anything
            pairs = list(self._pairs(shown, end))
            if not pairs:
                continue
            place, other, way = pairs[below(len(pairs), drawn, "pair")]
            follows = _ByName((*way[: other.choices], *end.schedule[place.choices :]))
            again = yield job.under(follows)
            self._compare(end, again, place, other, follows)

    def _pairs(self, shown: _Shown, end: End) -> list[tuple[_Place, _Place, Schedule]]:
        """Return where the run came to a state to which another way has led, and keep its own."""
        found = []
        for place in shown.places:
            key = place.met.state, place.met.waited
            known = self._known.setdefault(key, [])
            found += [
                (place, other, way)
                for other, way in known
                if len(other.met.left) == len(place.met.left)
                and covers(other.met.left, place.met.left)
                and way[: other.choices] != end.schedule[: place.choices]
            ]
            if len(known) < 4:
                known.append((place, end.schedule))
        return found

    def _compare(
        self, end: End, again: End, place: _Place, other: _Place, follows: _ByName
    ) -> None:
        if follows.missed and place.met.left != other.met.left:
            return  # with more time left more is asked: the same answers cannot be given
        mine = _since(end, place.events)
        theirs = _since(again, other.events)
        cut = Ending.TIME_LIMIT in (end.ending, again.ending) and place.met.left != other.met.left
        if cut:  # one of them was looked at for longer
            mine, theirs = (_before_the_end(one) for one in (mine, theirs))
            shorter = min(len(mine), len(theirs))
            mine, theirs = mine[:shorter], theirs[:shorter]
        alike = mine == theirs
        if alike and not cut:
            labels = [record(self._subject, one).outcome.label for one in (end, again)]
            alike = labels[0] == labels[1] and not follows.missed
        self.found += StateAudit(1, "" if alike else _words(mine, theirs, follows.missed))


def _watched(job: AppJob, shown: _Shown) -> AppJob:
    def program(loop: SimLoop) -> Ending:
        shown.world = loop.world
        return job.program(loop)

    return replace(job.under(shown), program=program)


Happened = list[tuple[str, str, tuple[tuple[str, object], ...]]]


def _since(end: End, events: int) -> Happened:
    """Return what happened since so many events, without its times."""
    return [(one.kind, one.task, tuple(one.values.items())) for one in end.events[events:]]


def _before_the_end(happened: Happened) -> Happened:
    """Return what happened before the run was over: then it is judged, and cleaned up."""
    kinds = [kind for kind, _, _ in happened]
    ends = [kinds.index(kind) for kind in ("finding", "stop") if kind in kinds]
    return happened[: min(ends, default=len(happened))]


def _words(mine: Happened, theirs: Happened, missed: str) -> str:
    pairs = zip(mine, theirs, strict=False)
    parted = next((one for one, other in pairs if one != other), None)
    if parted is None and len(mine) != len(theirs):
        parted = max(mine, theirs, key=len)[min(len(mine), len(theirs))]
    what = f"{parted[0]} of {parted[1]} came" if parted is not None else missed or "it was judged"
    return f"two ways led to states that look alike, but after one of them {what} otherwise"
