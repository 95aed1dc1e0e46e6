"""What `wsrace bench` measures: the trials that users run, against references in the same process.

Machines are shared and noisy: everything is measured in rounds, one after the other, and told as
the median of ratios within a round.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.store.results import ResultStore, Wanted
from sim.sweep.cells import Planned, plan
from sim.sweep.engine import Left, run_left
from sim.sweep.reproduce import Task, check_task
from sim.sweep.trials import Batch, run_trials
from sim.workers.pool import Pool, open_pool
from sim.workers.seam import LIMIT_S, Workers

_EMPTY_RUNS = 200
_SCALED = "chat-session"
_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took. cpu_s: processor time of this process."""

    wall_s: float
    cpu_s: float


def spent(action: Callable[[], object]) -> Spent:
    """Measure what something takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def default_cells(trials: int) -> tuple[Planned, ...]:
    """Return a cell of each scenario of the default task: pre-fix, in the middle of its axis.

    trials: how many each is to have.
    """
    _, cells = check_task(Task(guards=("pre-fix",), trials=trials))
    found: dict[tuple[str, str], list[Planned]] = {}
    for one in cells:
        found.setdefault((one.cell.injection, one.cell.runtime), []).append(one)
    firsts = {name: group for (name, _), group in reversed(found.items())}
    return tuple(group[len(group) // 2] for group in reversed(firsts.values()))


def bare(cells: Sequence[Planned], trials: int) -> None:
    """Run trials one after the other, and forget them."""
    left = Left(cells, 0, [[range(trials)]] * len(cells))
    while (batch := left.next()) is not None:
        began = time.process_time()
        run_trials(batch)
        left.learn(batch, time.process_time() - began)


def swept(cells: Sequence[Planned], trials: int, workers: Workers | None, path: Path) -> None:
    """Run the same trials as a sweep does: in batches, by workers, into a file."""
    wanted = [Wanted(f"{number}", trials) for number in range(len(cells))]
    path.unlink(missing_ok=True)
    with closing(ResultStore(path, wanted)) as store:
        left = Left(cells, 0, [[range(trials)]] * len(cells))
        run_left(left, workers, store, lambda count: None)


def empty_runs() -> float:
    """Return how long a bare `trio.run` of nothing takes, in seconds of processor time."""

    async def nothing() -> None:
        return

    return spent(lambda: [trio.run(nothing) for _ in range(_EMPTY_RUNS)]).cpu_s / _EMPTY_RUNS


@dataclass(frozen=True, slots=True)
class Round:
    """One round: the same trials, in each of the ways."""

    trials: int
    empty_s: float
    """A bare `trio.run`."""
    bare: Spent
    stored: Spent
    """In batches, into a file, in this process."""
    one: float
    """By one supervised worker process: wall time in seconds."""
    many: Spent
    """By all of them; the processor time is that of this process alone, which gives them work."""
    bytes: float
    """The file, for each trial."""


def rounds(count: int, trials: int, workers: int) -> Iterator[Round]:
    """Measure so many rounds. trials: of each cell. workers: processes."""
    cells = default_cells(trials)
    with (
        TemporaryDirectory() as folder,
        open_pool(1, limit_s=LIMIT_S) as single,
        open_pool(workers, limit_s=LIMIT_S) as several,
    ):
        path = Path(folder) / "r.sqlite"
        of_one, of_many = workers_of(single, 1), workers_of(several, workers)
        for way in (of_one, of_many):  # processes start, and import
            swept(cells, 4 * workers, way, path)
        for _ in range(count):
            yield Round(
                trials * len(cells),
                empty_runs(),
                spent(lambda: bare(cells, trials)),
                spent(lambda: swept(cells, trials, None, path)),
                spent(lambda: swept(cells, trials, of_one, path)).wall_s,
                spent(lambda: swept(cells, trials, of_many, path)),
                path.stat().st_size / (trials * len(cells)),
            )


def workers_of(pool: Pool, count: int) -> Workers:
    """Return the processes of a pool as those who work."""
    return Workers(pool, lambda: count, kill=pool.kill)


def store_rate() -> float:
    """Return how many rows a second a file of results takes, in batches as they come."""
    rows = [(0, trial, False, False, "clean_disconnect(1000)", "ab" * 32) for trial in range(_ROWS)]

    def add(store: ResultStore) -> None:
        for first in range(0, _ROWS, 100):
            store.add(rows[first : first + 100])

    with TemporaryDirectory() as folder:
        path = Path(folder) / "r.sqlite"
        with closing(ResultStore(path, [Wanted("one", _ROWS)])) as store:
            return _ROWS / spent(lambda: add(store)).wall_s


def trial_s(settings: Sequence[str], trials: int) -> float:
    """Return how long a trial of a scenario with other settings takes, of processor time."""
    scenario = open_scenario(_SCALED, ("sweep.values=[5]", *settings))
    assert isinstance(scenario, Scenario)
    (cell, *_) = plan([scenario], ("pre-fix",))
    name, _, value = cell.group
    text = cell.scenario.model_dump_json(exclude_defaults=True)
    run_trials(Batch(0, text, (name, value), 0, 0, 1))
    batch = Batch(0, text, (name, value), 0, 0, trials)
    return spent(lambda: run_trials(batch)).cpu_s / trials


def start_s() -> float:
    """Return how long it takes until a new worker has done its first batch."""
    cells = default_cells(1)[:1]
    name, _, value = cells[0].group
    text = cells[0].scenario.model_dump_json(exclude_defaults=True)

    def start() -> None:
        with open_pool(1) as pool:
            pool.submit(run_trials, Batch(0, text, (name, value), 0, 0, 1)).result()

    return spent(start).wall_s


def peak_mb() -> float:
    """Return the most memory that this process has had, in megabytes."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1024 if os.uname().sysname == "Linux" else used / 1024 / 1024
