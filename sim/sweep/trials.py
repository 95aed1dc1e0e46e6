"""The trials of a cell: pure functions of (scenario, seed, trial).

Trial i draws its injection times and its schedule from (seed, scenario, axis value, i) alone, so
every guard meets the same luck and guards are compared in pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from sim.entropy import seed_for
from sim.kernel.order import Order
from sim.kernel.series import run_all
from sim.model.engine import Job
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.model.schedule import Scheduler
from sim.runs.own import own_guard_of
from sim.runs.scenario import Prepared, ScenarioSubject
from sim.runs.subject import record
from sim.runtimes.port import ORDERS
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform


class Row(NamedTuple):
    """What one trial came to. cell: its index in the plan."""

    cell: int
    trial: int
    failed: bool
    lost: bool
    label: str
    digest: str


class Batch(NamedTuple):
    """Work for one process: some trials of one cell."""

    cell: int
    """The cell's index in the plan."""
    scenario: str
    """The scenario of the cell, as JSON."""
    luck: tuple[str, float]
    """What the trials of all cells that are compared draw from: the scenario's name, the value."""
    seed: int
    first: int
    size: int

    @property
    def trials(self) -> range:
        """The trials, by number."""
        return range(self.first, self.first + self.size)


def run_trials(batch: Batch) -> list[Row]:
    """Run all trials of a batch inside one `trio.run`."""
    rows: list[Row] = []
    subjects: list[ScenarioSubject] = []

    def finish(end: End) -> None:
        found = record(subjects[len(rows)], end)
        came, trial = found.outcome, batch.first + len(rows)
        row = Row(batch.cell, trial, came.failed, came.lost > 0, came.label, found.digest)
        rows.append(row)

    run_all(_jobs(batch, subjects), finish)
    return rows


def _jobs(batch: Batch, subjects: list[ScenarioSubject]) -> Iterator[Job]:
    """Yield the runs of a batch, and keep what is run in each."""
    subject, prepared = _prepared(batch.scenario)
    for trial in batch.trials:
        resolved, scheduler = trial_of(subject.scenario, batch.luck, batch.seed, trial)
        subjects.append(replace(subject, scenario=resolved))
        yield prepared.job(resolved, scheduler)


@lru_cache(maxsize=64)
def _prepared(text: str) -> tuple[ScenarioSubject, Prepared]:
    """Return a scenario that came as JSON, ready to be run: a process gets many batches of it."""
    scenario = Scenario.model_validate_json(text)
    subject = ScenarioSubject(scenario, guard=own_guard_of(scenario.guard))
    return subject, subject.prepare()


def trial_of(
    scenario: Scenario, luck: Sequence[str | float], seed: int, trial: int
) -> tuple[Scenario, Scheduler]:
    """Return the resolved scenario and the scheduler of one trial.

    Under a first-in-first-out runtime the order is the runtime's; else it is drawn.
    """
    key: tuple[int | str, ...] = (*(str(part) for part in luck), trial)
    fifo = ORDERS[scenario.runtime] is Order.FIFO
    return scenario.resolve(seed, *key), Fifo() if fifo else Uniform(seed_for(seed, *key))
