"""Runs the units of a sweep on worker processes and records their rows.

Trials are pure and recording is idempotent, so work that was cut is simply done again. The only
seam is `concurrent.futures.Executor`.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import groupby

from sim.store.results import ResultStore
from sim.sweep.cells import Planned
from sim.sweep.trials import Row, Unit, run_unit
from sim.workers import open_pool

OnRows = Callable[[int], None]
"""Called with the number of trials that have just been recorded."""


def units(plan: Sequence[Planned], seed: int, done: set[int]) -> Iterator[Unit]:
    """Yield the work of a sweep, one unit per group of cells, without the cells that are done."""
    for group, members in groupby(enumerate(plan), key=lambda pair: pair[1].group):
        cells = tuple(
            (index, planned.scenario.model_dump_json(exclude_defaults=True))
            for index, planned in members
            if index not in done
        )
        if cells:
            scenario, _, value = group
            trials = plan[cells[0][0]].scenario.sweep.trials
            yield Unit(cells, (scenario, value), seed, tuple(range(trials)))


def run_units(work: Sequence[Unit], store: ResultStore, workers: int, on_rows: OnRows) -> None:
    """Run all units and record their rows, with `workers` processes, or in this one if 1.

    On KeyboardInterrupt what is finished is kept, and the exception goes on.
    """
    if workers == 1 or len(work) == 1:
        for unit in work:
            _record(run_unit(unit), store, on_rows)
        return
    with open_pool(workers) as pool:
        _drain(pool, iter(work), store, workers, on_rows)


def _drain(
    pool: Executor, work: Iterator[Unit], store: ResultStore, workers: int, on_rows: OnRows
) -> None:
    """Keep a few units per worker in flight; record each as it comes."""
    pending: set[Future[list[Row]]] = set()
    while True:
        while len(pending) < 2 * workers and (unit := next(work, None)) is not None:
            pending.add(pool.submit(run_unit, unit))
        if not pending:
            return
        finished, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in finished:
            _record(future.result(), store, on_rows)


def _record(rows: Sequence[Row], store: ResultStore, on_rows: OnRows) -> None:
    store.add(rows)
    on_rows(len(rows))
