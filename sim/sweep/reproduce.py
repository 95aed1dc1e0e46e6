"""The main job: scenarios in, failure rates with intervals, paired differences and tokens out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sim import __version__
from sim.errors import NoAnswer
from sim.files.catalog import expand, open_scenario
from sim.model.scenario import Batch, Scenario
from sim.runs.keep import token_of
from sim.runs.own import guard_allowed, own_guard_of
from sim.runs.play import play
from sim.runs.subject import Record
from sim.store.results import Crash, ResultStore, Wanted
from sim.sweep.cells import Planned, plan
from sim.sweep.engine import Left, OnWorkers, local, run_left
from sim.sweep.identity import code, key_of
from sim.sweep.summary import Marks, Summary, summarise
from sim.sweep.trials import trial_of
from sim.workers.seam import OpenWorkers

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

    tokens: (index of the cell, token) of one failing run per scenario. crashes: trials that could
    not be run, and are in no rate.
    """

    task: Task
    scenarios: tuple[Scenario, ...]
    plan: tuple[Planned, ...]
    summary: Summary
    tokens: tuple[tuple[int, str], ...]
    crashes: tuple[Crash, ...] = ()

    @property
    def rows(self) -> Marks:
        """(cell, trial, failed) of every trial."""
        return self.summary.marks


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
    open_workers: OpenWorkers | None = None,
    on_workers: OnWorkers = lambda at: None,
    must_be_known: bool = False,
    anew: bool = False,
) -> Reproduction:
    """Run a task and return what came of it.

    store_at: the results file, None to keep the rows in memory; what it holds of this task already
    is not run again. workers: processes; with more than one, a script that calls this needs `if
    __name__ == "__main__"`. open_workers: opens other workers than those, such as a cluster's.
    on_workers: called with what each worker is at. must_be_known: whether the file must have been
    about this task before. anew: whether what it holds of it is to be forgotten. Raises UserError
    if it was not, for a task that cannot be run, and where nothing can be written, NoAnswer if
    another process has taken rows away. On KeyboardInterrupt what was recorded stays in the file.
    """
    task = task or Task()
    scenarios, cells = check_task(task)
    wanted = [Wanted(key_of(one, task.seed), one.scenario.sweep.trials) for one in cells]
    said = {**said_of(task, scenarios), "code": code()}
    older = name_of(task, cells)
    total = sum(one.trials for one in wanted)
    opened = open_workers or partial(local, workers, total)
    with (  # workers first: where there are none, a file is left as it is
        opened() as there,
        closing(ResultStore(store_at, wanted, said, older, must_be_known, anew)) as store,
    ):
        left = Left(cells, task.seed, [store.missing(cell) for cell in range(len(cells))])
        count = _Count(total, left.count, on_trials)
        run_left(left, there, store, count.add, on_workers)
        summary = summarise(cells, store.rows())
        crashes = tuple(store.crashes())
    if gone := total - len(summary.marks) - len(crashes):
        raise NoAnswer(
            f"{gone:,} trials are not there any more: another process has begun this sweep anew; "
            "run it again"
        )
    tokens = tokens_of(cells, summary, task.seed)
    return Reproduction(task, scenarios, cells, summary, tokens, crashes)


class _Count:
    """Tells how many trials are there."""

    def __init__(self, total: int, left: int, on_trials: OnTrials) -> None:
        self._total, self._done, self._tell = total, total - left, on_trials
        on_trials(self._done, total)

    def add(self, trials: int) -> None:
        """So many more are there."""
        self._done += trials
        self._tell(self._done, self._total)


def said_of(task: Task, scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Return what was asked, as documents and files of results tell it: plain data."""
    return {
        "wsrace": __version__,
        "scenario": task.name,
        "seed": task.seed,
        "guards": list(task.guards),
        "settings": list(task.settings),
        "runs": task.trials,
        "scenarios": [one.model_dump(mode="json", exclude_defaults=True) for one in scenarios],
    }


def name_of(task: Task, cells: Sequence[Planned]) -> str:
    """Return what this sweep was called in files of results of the first form."""
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
