"""The trials of one group of cells: pure functions of (scenario, seed, trial).

Trial i draws its injection times and its schedule from (seed, scenario, axis value, i) alone, so
every guard meets the same luck and guards are compared in pairs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sim.entropy import seed_for
from sim.kernel.order import Order
from sim.kernel.series import run_all
from sim.model.engine import Job
from sim.model.record import End
from sim.model.scenario import Scenario
from sim.model.schedule import Scheduler
from sim.runs.own import own_guard_of
from sim.runs.scenario import ScenarioSubject
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


class Unit(NamedTuple):
    """Work for one process: cells of one group by index, as JSON, and which of their trials."""

    cells: tuple[tuple[int, str], ...]
    luck: tuple[str, float]
    seed: int
    trials: tuple[int, ...]


def run_unit(unit: Unit) -> list[Row]:
    """Run all trials of a unit inside one `trio.run`."""
    rows: list[Row] = []
    scenarios = {index: Scenario.model_validate_json(text) for index, text in unit.cells}
    keys: list[tuple[int, int, ScenarioSubject]] = []

    def finish(end: End) -> None:
        index, trial, subject = keys[len(rows)]
        found = record(subject, end)
        outcome = found.outcome
        rows.append(
            Row(index, trial, outcome.failed, outcome.lost > 0, outcome.label, found.digest)
        )

    run_all(_jobs(unit, scenarios, keys), finish)
    return rows


def _jobs(
    unit: Unit, scenarios: Mapping[int, Scenario], keys: list[tuple[int, int, ScenarioSubject]]
) -> Iterator[Job]:
    for index, scenario in scenarios.items():
        guard = own_guard_of(scenario.guard)
        subject = ScenarioSubject(scenario, guard=guard)
        prepared = subject.prepare()
        for trial in unit.trials:
            resolved, scheduler = trial_of(scenario, unit.luck, unit.seed, trial)
            keys.append((index, trial, replace(subject, scenario=resolved)))
            yield prepared.job(resolved, scheduler)


def trial_of(
    scenario: Scenario, luck: Sequence[str | float], seed: int, trial: int
) -> tuple[Scenario, Scheduler]:
    """Return the resolved scenario and the scheduler of one trial.

    Under a first-in-first-out runtime the order is the runtime's; else it is drawn.
    """
    key: tuple[int | str, ...] = (*(str(part) for part in luck), trial)
    fifo = ORDERS[scenario.runtime] is Order.FIFO
    return scenario.resolve(seed, *key), Fifo() if fifo else Uniform(seed_for(seed, *key))
