"""What the model says of a scenario: every outcome that its open orders allow, each with a run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim.errors import NoAnswer
from sim.kernel.series import run_once, run_search
from sim.model.record import End, Event
from sim.model.scenario import Scenario
from sim.model.schedule import Kind, Question, picks
from sim.model.switches import ServerProfile
from sim.runs.scenario import ScenarioSubject
from sim.runs.subject import Record, record
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Follow

MOST = 20_000
"""Schedules after which a scenario counts as not answered."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A run, as far as it has to be kept to be made again. digest: of the run."""

    subject: ScenarioSubject
    picks: tuple[int, ...]
    digest: str

    def record(self) -> Record:
        """Make it again."""
        return record(self.subject, run_once(self.subject.job(Follow(self.picks))))


@dataclass(frozen=True, slots=True)
class Prediction:
    """All that can come of a scenario.

    runs: one run for each outcome class. losses: numbers of lost messages that occur. states: pairs
    of client_state and application_state when the loop ended.
    """

    runs: Mapping[str, Predicted]
    losses: frozenset[int]
    states: frozenset[tuple[str, str]]

    @property
    def classes(self) -> frozenset[str]:
        """The outcome classes."""
        return frozenset(self.runs)

    @property
    def loss(self) -> str:
        """How many schedules lose a message: never, some or always."""
        if not any(self.losses):
            return "never"
        return "always" if all(self.losses) else "some"

    def __or__(self, other: "Prediction") -> "Prediction":
        return Prediction(
            {**other.runs, **self.runs}, self.losses | other.losses, self.states | other.states
        )


def predict(scenario: Scenario, profile: ServerProfile | None = None) -> Prediction:
    """Return all that can come of a scenario whose events are placed in the handler's own steps.

    Searched is what the runtime leaves open among tasks of the server's loop: nothing under
    asyncio, the order within each batch under Trio. The outside world keeps its times. profile: a
    server that is not the one that the scenario names. Raises NoAnswer if the search does not come
    to its end.
    """
    runs: dict[str, Predicted] = {}
    losses: set[int] = set()
    states: set[tuple[str, str]] = set()
    stuck: list[End] = []
    subject = ScenarioSubject(scenario, profile=profile)

    def judged(end: End) -> bool:
        if not end.ending.judged:
            stuck.append(end)
            return True
        run = record(subject, end)
        if run.outcome.label not in runs:
            found = Predicted(subject, picks(run.schedule), run.digest)
            runs[run.outcome.label] = found
        losses.add(run.outcome.lost)
        states.add(states_at_end(end.events))
        return False

    series = run_search(subject.job(Fifo()), Exhaustive(_only_the_loop, 0), judged, MOST)
    if stuck:
        raise NoAnswer(f"a run ended {stuck[0].ending}: {stuck[0].error}")
    if not series.complete:
        raise NoAnswer(f"more than {MOST:,} schedules")
    return Prediction(runs, frozenset(losses), frozenset(states))


def _only_the_loop(question: Question, option: int) -> int:
    """Price what is not an order of the loop's own tasks out of reach."""
    return int(question.kind is not Kind.STEP and option != question.default)


def states_at_end(events: Iterable[Event]) -> tuple[str, str]:
    """Return client_state and application_state when the message loop ended."""
    states = {"client_state": "CONNECTING", "application_state": "CONNECTING"}
    for event in events:
        if event.kind in states:
            states[event.kind] = str(event.values["state"])
        elif event.kind in ("left", "raised"):
            break
    return states["client_state"], states["application_state"]
