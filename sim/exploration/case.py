"""One case of an application searched: its clients, its bounds, every state or as many as fit."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile

from sim.entropy import below
from sim.errors import words_of
from sim.exploration.shrink import deviations
from sim.exploration.way import EVERY_STATE, Way
from sim.kernel.series import run_plan
from sim.model.engine import Plan
from sim.model.outcome import Finding
from sim.model.record import End, Ending
from sim.model.schedule import Search
from sim.runs.app import AppSubject
from sim.runs.subject import Record, record
from sim.schedulers.fifo import Fifo

KEPT = 20
"""So many runs of a case are kept, spread over the search, to be made again elsewhere."""
OnFailure = Callable[[Record], None]
"""Called with a failing run as soon as there is one."""


@dataclass(eq=False)
class CaseFound:
    """What was found out about one case."""

    subject: AppSubject
    complete: bool = False
    """Whether the search came to its end."""
    kept_from_before: bool = False
    """Whether it is one run that an earlier check has kept, and nothing was searched."""
    runs: int = 0
    """How many runs were made, those that were cut included."""
    schedules: int = 0
    """How many of them went to their end."""
    states: int = 0
    """How many states were told apart; 0 where none were compared."""
    endings: Counter[str] = field(default_factory=Counter)
    """In how many of them each ending was met: how connections ended, and what was found."""
    failing: dict[str, Record] = field(default_factory=dict)
    """For each ending that is a failure, with its causes, the run with the fewest deviations."""
    notes: dict[str, tuple[int, Finding]] = field(default_factory=dict)
    """For each kind of finding that fails nothing, in how many runs, and the first."""
    no_answer: str = ""
    """Why its runs say nothing, if they do not."""
    kept: list[Record] = field(default_factory=list)
    """A few runs, to be made again elsewhere."""
    opened: bool = False
    """Whether a connection was opened in any of them, or a request answered as it hoped."""
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    """For each request how often it was answered by which status."""
    read_failing: int = 0
    """In how many runs that failed the application had received a message."""
    read: int = 0
    """In how many it had received one at all."""

    @property
    def fails(self) -> bool:
        """Whether a failure was found."""
        return bool(self.failing)

    @property
    def always(self) -> bool:
        """Whether every ending is a failure, and all are known."""
        return self.complete and bool(self.failing) and len(self.failing) == len(self.endings)


class CaseSearch:
    """Searches one case."""

    def __init__(
        self,
        subject: AppSubject,
        on_failure: OnFailure,
        way: Way = EVERY_STATE,
    ) -> None:
        """Prepare. way: how schedules are searched."""
        self.found = CaseFound(subject)
        self._subject = subject
        self._on_failure = on_failure
        self._way = way
        self._search: Search | None = None
        self._time_is_up: Callable[[], bool] = lambda: False
        self.is_over = False
        """Whether nothing more would come of it."""

    def _new_search(self, horizon: int) -> Search:
        self._counts_from_now = not self._subject.application.reads_clock
        return self._way.search(lambda: self._time_is_up(), horizon)

    def run(self, time_is_up: Callable[[], bool] = lambda: False) -> CaseFound:
        """Search until the end, until the time is up, or until no answer can come.

        Run again it goes on from there.
        """
        self._time_is_up = time_is_up
        run_plan(self._plan())
        self.found.states = getattr(self._search, "states", 0)
        return self.found

    def _plan(self) -> Plan:
        found, job, most = self.found, self._subject.job(Fifo()), self._way.most
        first = yield job
        moved = _move_addresses()
        self._compare(first, (yield job), "run again in the same order, it went otherwise")
        del moved
        search = self._search or self._new_search(len(first.schedule))
        self._search = search
        while not found.no_answer and found.runs < most and not self._time_is_up():
            scheduler = search.next_scheduler()
            if scheduler is None:
                found.complete = self._way.is_whole
                self.is_over = True
                break
            end = yield job.under(scheduler)
            found.runs += 1
            self.take_in(end)
            if self._counts_from_now and self._subject.application.reads_clock:
                search = self._search = self._begin_anew(len(first.schedule))
            elif not found.no_answer:
                search.finished(end.schedule, ())
        self.is_over = self.is_over or bool(found.no_answer) or found.runs >= most
        if not found.no_answer:
            self._compare(first, (yield job), "run again after all others, it went otherwise")

    def _begin_anew(self, horizon: int) -> Search:
        """Begin again with times as they are: states were told by how long it is until them."""
        found = self.found
        found.schedules = found.read = found.read_failing = 0
        for counted in (found.endings, found.notes, found.kept, found.answers):
            counted.clear()
        return self._new_search(horizon)

    def _compare(self, first: End, again: End, what: str) -> None:
        """Take note of a run that does not depend on its choices alone."""
        if first.events == again.events and first.ending is again.ending:
            return
        pairs = zip(first.events, again.events, strict=False)
        parted = next((one for one, other in pairs if one != other), None)
        where = "" if parted is None else f", from {parted.kind} of {parted.task} on"
        self.found.no_answer = f"{what}{where}: {UNSTABLE}"

    def take_in(self, end: End) -> None:
        """Take note of how a run ended."""
        found = self.found
        if end.ending is Ending.REDUNDANT:
            return
        if end.ending is Ending.DIVERGED:
            found.no_answer = f"a run did not meet the choices of one before it: {UNSTABLE}"
            return
        if not end.ending.judged:
            found.no_answer = words_of(end.error) or str(end.ending)
            if end.ending is Ending.REFUSED:
                found.no_answer += f"; {RECIPE}"
            return
        found.schedules += 1
        made = record(self._subject, end)
        kinds = {event.kind for event in end.events}
        read = any(
            event.kind == "asgi.receive" and event.values["type"] == "websocket.receive"
            for event in end.events
        )
        answers = _answers_in(end)
        for what, status in answers:
            found.answers.setdefault(what, Counter())[status] += 1
        hoped = any(succeeds(status) for _, status in answers)
        found.opened |= "client.opened" in kinds or hoped
        found.read += read
        found.read_failing += read and made.outcome.failed
        label = _ending(made)
        found.endings[label] += 1
        self._note(made)
        if made.outcome.failed:
            best = found.failing.get(label)
            if best is None:
                self._on_failure(made)
            if best is None or _cost(made) < _cost(best):
                found.failing[label] = made
        self._keep(made)

    def _note(self, made: Record) -> None:
        """Take note of what fails nothing."""
        told = {one.kind: one for one in reversed(made.outcome.findings) if not one.failure}
        for kind, finding in told.items():
            count, first = self.found.notes.get(kind, (0, finding))
            self.found.notes[kind] = count + 1, first

    def _keep(self, made: Record) -> None:
        """Keep the first run, and others that are spread over all of them."""
        kept, number = self.found.kept, self.found.schedules
        if len(kept) < KEPT:
            kept.append(made)
        elif number % (number // KEPT + 1) == 0:
            kept[1 + number % (KEPT - 1)] = made


def succeeds(status: str) -> bool:
    """Whether a status of HTTP says that a request did what it was for."""
    return status[:1] in ("2", "3")


def _answers_in(end: End) -> list[tuple[str, str]]:
    """Return what the requests of a run were, and what they were answered by."""
    asked: dict[str, str] = {}
    found = []
    for event in takewhile(lambda one: one.kind != "stop", end.events):
        connection = str(event.values.get("connection"))
        if event.kind == "client.asked":
            asked[connection] = str(event.values["what"])
        elif event.kind == "client.answered":
            found.append((asked[connection], str(event.values["status"])))
    return found


def _ending(made: Record) -> str:
    """Return how a run ended; of one that failed, by what and of which causes, and nothing else."""
    failures = (one for one in made.outcome.findings if one.failure)
    told = {f"{one.kind} ({one.cause})" if one.cause else one.kind for one in failures}
    return " + ".join(sorted(told)) or made.outcome.label


RECIPE = (
    "nothing outside is reached: put a fake in its place, in a function of your own that makes the "
    'application (--factory; README, "Databases, caches, APIs")'
)
"""What helps where a run was refused something."""
UNSTABLE = (
    "the application keeps state where it cannot be put back, or reads chance, a clock, or the "
    "order of a set of objects"
)


def _move_addresses() -> list[object]:
    """Return objects that let those made from now on lie elsewhere: while they live.

    Code that walks a set of objects walks it by address. Where that shows, a second run differs.
    """
    made: list[object] = [bytearray(16 + below(700, "size", number)) for number in range(3000)]
    made += [type("Elsewhere", (), {})() for _ in range(50)]
    for number in range(len(made) - 1, 0, -1):
        other = below(number + 1, "place", number)
        made[number], made[other] = made[other], made[number]
    return made[::2]


def _cost(made: Record) -> tuple[int, int]:
    return deviations(made.schedule), made.end.steps
