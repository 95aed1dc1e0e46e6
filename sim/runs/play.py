"""One run: subject + scheduler -> record."""

from sim.errors import BadSchedule, Divergence
from sim.kernel.series import run_once
from sim.model.scenario import Scenario
from sim.model.schedule import Scheduler
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Record, Subject, record
from sim.schedulers.fifo import Fifo
from sim.sut.guards import Guard


def play(
    scenario: Scenario,
    scheduler: Scheduler | None = None,
    fidelity: Fidelity = Fidelity.ASGI,
    guard: Guard | None = None,
    untimed: bool = False,
) -> Record:
    """Run `scenario` once, in its natural order unless `scheduler` says otherwise.

    fidelity: how much of the run is real. guard: somebody's own, for a scenario that names it
    "module:name". untimed: what clients and injections do has no time of its own; when it happens
    is a choice. Raises Divergence if the scheduler cannot answer, NoAnswer if the run says nothing
    about the handler.
    """
    return make(ScenarioSubject(scenario, fidelity, guard, untimed), scheduler)


def make(subject: Subject, scheduler: Scheduler | None = None) -> Record:
    """Make one run of a subject; as `play` otherwise."""
    end = run_once(subject.job(scheduler or Fifo()))
    if isinstance(end.error, Divergence | BadSchedule):
        raise end.error
    return record(subject, end)
