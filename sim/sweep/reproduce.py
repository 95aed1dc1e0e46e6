"""The main job: scenarios in, failure rates with intervals, paired differences and tokens out."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sim import __version__
from sim.files.catalog import expand, open_scenario
from sim.model.scenario import Batch, Scenario
from sim.runs.keep import token_of
from sim.runs.own import guard_allowed, own_guard_of
from sim.runs.play import play
from sim.runs.subject import Record
from sim.store.results import ResultStore
from sim.sweep.cells import Planned, plan
from sim.sweep.engine import run_units, units
from sim.sweep.summary import Summary, summarise
from sim.sweep.trials import trial_of

OnTrials = Callable[[int, int], None]
"""Called with the trials recorded so far, and how many there will be."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be reproduced.

    name: a scenario of the catalog, or a path. settings: "key=value". guards: instead of those of
    the scenarios. trials: per cell, None for what the scenarios say.
    """

    name: str = "issue-1061"
    settings: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    trials: int | None = None
    seed: int = 0

    @property
    def changes(self) -> tuple[str, ...]:
        """The settings that make another scenario of it, of which nothing was promised."""
        return tuple(one for one in self.settings if not one.startswith(("sweep.", "expect.")))


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of it.

    rows: (cell, trial, failed) of every trial. tokens: (index of the cell, token) of one failing
    run per scenario.
    """

    task: Task
    scenarios: tuple[Scenario, ...]
    plan: tuple[Planned, ...]
    summary: Summary
    rows: tuple[tuple[int, int, bool], ...]
    tokens: tuple[tuple[int, str], ...]


def scenarios_of(task: Task) -> tuple[Scenario, ...]:
    """Return the scenarios of a task, with its settings. Raises UserError naming every fault."""
    opened = open_scenario(task.name)
    if isinstance(opened, Batch):
        found = expand(opened, task.settings)
    else:
        single = open_scenario(task.name, task.settings)
        assert isinstance(single, Scenario)
        found = (single,)
    if task.trials is None:
        return found
    return tuple(
        one.model_copy(update={"sweep": one.sweep.model_copy(update={"trials": task.trials})})
        for one in found
    )


def check_task(task: Task) -> tuple[tuple[Scenario, ...], tuple[Planned, ...]]:
    """Return the scenarios and cells of a task. Raises UserError if it cannot be run."""
    scenarios = scenarios_of(task)
    cells = plan(scenarios, task.guards)
    for name in sorted({one.cell.guard for one in cells if ":" in one.cell.guard}):
        guard_allowed(name, task.guards)
    return scenarios, cells


def reproduce(
    task: Task | None = None,
    store_at: Path | None = None,
    workers: int = 1,
    on_trials: OnTrials = lambda done, total: None,
) -> Reproduction:
    """Run a task and return what came of it.

    store_at: the results file to go on with, None to keep the rows in memory. workers: processes;
    with more than one, a script that calls this needs `if __name__ == "__main__"`. Raises UserError
    for a task that cannot be run. On KeyboardInterrupt what was recorded stays in the file.
    """
    task = task or Task()
    scenarios, cells = check_task(task)
    with closing(ResultStore(store_at, name_of(task, cells))) as store:
        _run(cells, task.seed, store, workers, on_trials)
        rows = list(store.rows())
    summary = summarise(cells, rows)
    tokens = tokens_of(cells, summary, task.seed)
    failed = tuple((row[0], row[1], row[2]) for row in rows)
    return Reproduction(task, scenarios, cells, summary, failed, tokens)


def _run(
    cells: Sequence[Planned], seed: int, store: ResultStore, workers: int, on_trials: OnTrials
) -> None:
    wanted = [planned.scenario.sweep.trials for planned in cells]
    finished = {
        cell for count in set(wanted) for cell in store.finished(count) if wanted[cell] == count
    }
    total, done = sum(wanted), sum(wanted[cell] for cell in finished)
    on_trials(done, total)

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        on_trials(done, total)

    run_units(list(units(cells, seed, finished)), store, workers, count)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def name_of(task: Task, cells: Sequence[Planned]) -> str:
    """Return a name for exactly this sweep: whatever changes a row changes it."""
    plain = [planned.scenario.model_dump(mode="json", exclude_defaults=True) for planned in cells]
    text = json.dumps([__version__, task.seed, plain], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def failing_run(planned: Planned, trial: int, seed: int) -> Record:
    """Run one trial of a cell again, to look at it."""
    scenario = planned.scenario
    name, _, value = planned.group
    resolved, scheduler = trial_of(scenario, (name, value), seed, trial)
    guard = own_guard_of(scenario.guard)
    return play(resolved, scheduler, guard=guard)


def tokens_of(cells: Sequence[Planned], summary: Summary, seed: int) -> tuple[tuple[int, str], ...]:
    """Return a token of one failing run for each scenario, pre-fix's and post-fix's first."""
    order = {"pre-fix": 0, "post-fix": 1}
    chosen: dict[str, int] = {}
    for cell in summary.failing:
        one = cells[cell].cell
        best = chosen.get(one.injection)
        if best is None or order.get(one.guard, 2) < order.get(cells[best].cell.guard, 2):
            chosen[one.injection] = cell
    return tuple(
        (cell, token_of(failing_run(cells[cell], summary.failing[cell], seed)))
        for cell in chosen.values()
    )
