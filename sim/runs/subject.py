"""The seam to what is run: the one value that travels.

A subject knows how to make its world, what an end of it means, which smaller subjects and other
moments there are, and what has to be said about it. Searching, shrinking, explaining, keeping and
telling runs know nothing else, so that each of them works for our scenarios, for a handler of
somebody's own, and for whatever an engine of its own will run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from sim.files.recorded import Times
from sim.kernel.trace import digest
from sim.model.engine import Job
from sim.model.outcome import Outcome
from sim.model.record import End, Event
from sim.model.scenario import Scenario
from sim.model.schedule import Schedule, Scheduler

Unit = Literal["ms", "turns"]


class Moment(Protocol):
    """When one injection comes: after its probe, or from the beginning."""

    @property
    def what(self) -> str:
        """What the injection does."""

    @property
    def unit(self) -> Unit:
        """Whether it is a time or a number of turns."""

    @property
    def value(self) -> float:
        """The moment."""

    def moved(self, value: float) -> "Subject | None":
        """Return the subject with another moment there, None if that cannot be."""


class Subject(Protocol):
    """What is run. Frozen, so that it can be kept with its runs."""

    @property
    def label(self) -> str:
        """What its verdict is about, in a table's first column: a guard, or a handler."""

    @property
    def checker(self) -> str:
        """Who looks at states before something is done: "guard", or "handler"."""

    @property
    def lanes(self) -> tuple[str, ...]:
        """The states of a connection that its explanations follow."""

    @property
    def untimed(self) -> bool:
        """Whether what the outside world does has no time of its own."""

    @property
    def tellable(self) -> bool:
        """Whether its names are all that another process needs to run it again."""

    def modules(self) -> dict[str, str] | None:
        """Return where the modules of somebody's own code lie; None if one is to be had only here.

        Another process needs them to run the subject, even where no token can name them.
        """

    @property
    def has_own_code(self) -> bool:
        """Whether somebody's own code runs in it, which may keep state from run to run."""

    def options(self) -> list[str]:
        """Return the options of a command that let somebody's own code in it be imported."""

    def words(self) -> str:
        """Return in words what is run."""

    def job(self, scheduler: Scheduler) -> Job:
        """Return its world, ready to run."""

    def judge(self, end: End) -> Outcome:
        """Return what a run came to. Raises NoAnswer if it says nothing about the handler."""

    def variants(self, times: Times) -> tuple[Self, ...]:
        """Return the subject once for each combination of its listed times.

        times: "all" sets those of clients and injections free. Raises UserError for a time that
        would be left to chance, and for what cannot be asked.
        """

    def smaller(self) -> Iterator[Self]:
        """Yield subjects that are smaller in one respect, the greatest step first."""

    def moments(self) -> Iterator[Moment]:
        """Yield the moments of its injections."""

    def others(self) -> Iterator["Subject"]:
        """Yield the same with something else against the race: other guards, the likest first."""

    def told(self) -> dict[str, Any]:
        """Return what tokens and files keep of it, as plain data."""

    def refuses(self, prop: str) -> str:
        """Return why a property cannot be asked of it, "" if it can."""

    def limits(self) -> list[str]:
        """Return why even a search that came to its end is not complete."""

    def caveats(self) -> list[str]:
        """Return what a complete verdict does not see."""

    def is_check(self, where: str) -> bool:
        """Whether a line, "module:line", is a guard's or the loop's own, and not a library's."""

    def acts_for(self, task: str, handler: str) -> bool:
        """Whether a task is the handler, or one that it started to do its work."""

    def silence(self) -> str:
        """Return why nothing happened to a connection that it could have failed by, "" if none."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run: what was run, what was chosen, and what came of it."""

    subject: Subject
    schedule: Schedule
    outcome: Outcome
    digest: str
    end: End

    @property
    def scenario(self) -> Scenario:
        """The scenario, for those who know that there is one."""
        return scenario_of(self.subject)

    @property
    def events(self) -> tuple[Event, ...]:
        """The trace."""
        return self.end.events


def scenario_of(subject: Subject) -> Scenario:
    """Return the scenario that a subject runs, for those who know that there is one."""
    scenario = scenario_or_none(subject)
    assert scenario is not None, f"{subject.words()} is no scenario"
    return scenario


def scenario_or_none(subject: Subject) -> Scenario | None:
    """Return the scenario that a subject runs, None if it runs none."""
    scenario = getattr(subject, "scenario", None)
    return scenario if isinstance(scenario, Scenario) else None


def record_or_none(subject: Subject, end: End) -> Record | None:
    """Return what came of a run, None if it says nothing about the handler."""
    return record(subject, end) if end.ending.judged else None


def record(subject: Subject, end: End) -> Record:
    """Return what came of a run. Raises NoAnswer if it says nothing about the handler."""
    return Record(subject, end.schedule, subject.judge(end), digest(end.events), end)
