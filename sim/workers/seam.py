"""Who does work, as far as those need to know who have some: an executor, and how many there are.

The seam is `concurrent.futures.Executor`. Behind it are processes here (`sim.workers.pool`), or a
cluster (`sim.workers.cluster`).
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sim.errors import NoAnswer
from sim.workers.pool import WorkerLost, open_pool

LIMIT_S = 120.0
"""How long a piece of work may take before its worker counts as hung."""


class OtherCodeError(NoAnswer):
    """A process has other code, or other versions of libraries, than who asks it."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Where work is done."""

    executor: Executor
    count: Callable[[], int]
    """How many there are now."""
    at: Callable[[], "Sequence[tuple[str, Future[str] | None]]"] = lambda: ()
    """What each of them is called, and what it is at; nothing if nobody knows."""
    kill: Callable[[], None] = lambda: None
    """Stops them at once."""
    lost: tuple[type[Exception], ...] = (WorkerLost, BrokenExecutor)
    """What work raises that has lost its worker each time."""


OpenWorkers = Callable[[], AbstractContextManager["Workers | None"]]
"""Opens workers; None for this process."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def local(workers: int) -> Iterator[Workers | None]:
    """Open worker processes; for a single one this process works. They start with the first work.

    workers: how many.
    """
    if workers == 1:
        yield None
        return
    with open_pool(workers, limit_s=LIMIT_S) as pool:
        yield Workers(pool, lambda: workers, pool.at, pool.kill)
