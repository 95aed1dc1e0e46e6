"""The commands that make again what a page shows."""

import shlex

from sim.files.documents import ExploreDocument, VerdictRow
from sim.schedulers.strategies import STRATEGIES
from sim.sweep.reproduce import Task


def again_reproduce(task: Task) -> str:
    """Return the command that does a task."""
    parts = ["wsrace", "reproduce", task.name]
    for setting in task.settings:
        parts += ["--set", setting]
    for guard in task.guards:
        parts += ["--guard", guard]
    if task.trials is not None:
        parts += ["--runs", str(task.trials)]
    return shlex.join([*parts, "--seed", str(task.seed)])


def again_explore(found: ExploreDocument) -> str:
    """Return the command that searches again."""
    parts = ["wsrace", "explore", found.source or found.scenario]
    for setting in found.settings:
        parts += ["--set", setting]
    for row in found.guards:
        parts += [option_of(row), row.guard]
    if any(row.factory for row in found.guards):
        parts.append("--factory")
    parts += ["--strategy", found.strategy, "--times", found.times, "--property", found.property]
    if STRATEGIES[found.strategy].least_bound is not None:
        parts += ["--bound", str(found.bound)]
    if found.max_schedules is not None:
        parts += ["--max-schedules", str(found.max_schedules)]
    return shlex.join([*parts, "--seed", str(found.seed)])


def option_of(row: VerdictRow) -> str:
    """Return the option of a command that names the guard or the handler of a verdict."""
    return "--guard" if row.handler is None else "--handler"
