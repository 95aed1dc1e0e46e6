"""Runs the trials of a sweep that are missing, wherever workers are, and records their rows.

Trials are pure and recording is idempotent, so work that was lost is simply done again, and neither
the number of workers nor the sizes of batches can be seen in the rows.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from sim.errors import UserError
from sim.store.results import Crash, ResultStore
from sim.sweep.batches import asked_of, came_of, run_batch
from sim.sweep.cells import Planned
from sim.sweep.trials import Batch, Row
from sim.workers import seam
from sim.workers.seam import Workers

OnRows = Callable[[int], None]
"""Called with the number of trials that have just been recorded, or given up."""
OnWorkers = Callable[[Sequence[str]], None]
"""Called now and then with what each worker is at."""
BATCH_S = 0.05
"""How long a batch is to take: long against its way to a worker and back, short to lose."""
ENOUGH = 20
"""So many trials in a row that lose their workers are no matter of the trials."""
_FIRST, _MOST = 4, 10_000
"""Trials of a batch while nobody knows how long one takes, and at most."""
_LOOKS_S = 0.5


@contextmanager
def local(workers: int, trials: int) -> Iterator[Workers | None]:
    """Open worker processes; for a single one, or next to nothing to do, this process works.

    trials: how many there are in all.
    """
    with seam.local(workers if trials > 2 * _FIRST else 1) as opened:
        yield opened


class Left:
    """The trials that are missing, cut into batches as they are taken."""

    def __init__(
        self, plan: Sequence[Planned], seed: int, missing: Sequence[Sequence[range]]
    ) -> None:
        """Prepare. missing: for each cell its trials that are not there."""
        self.count = sum(len(one) for ranges in missing for one in ranges)
        """How many were missing at first."""
        self._plan, self._seed = plan, seed
        self._ranges = deque((cell, one) for cell, ranges in enumerate(missing) for one in ranges)
        self._pace: dict[tuple[str, str], float] = {}
        """Seconds that a trial takes, for each scenario and guard."""
        self._texts: dict[int, str] = {}

    def next(self) -> Batch | None:
        """Return the next batch, None if all are taken."""
        if not self._ranges:
            return None
        cell, trials = self._ranges.popleft()
        takes = self._pace.get(self._kind(cell))
        count = _FIRST if takes is None else max(1, min(_MOST, int(BATCH_S / max(takes, 1e-6))))
        if len(trials) > count:
            self._ranges.appendleft((cell, trials[count:]))
        name, _, value = self._plan[cell].group
        size = min(count, len(trials))
        return Batch(cell, self._text(cell), (name, value), self._seed, trials.start, size)

    def learn(self, batch: Batch, seconds: float) -> None:
        """Take note of how long a batch took."""
        self._pace[self._kind(batch.cell)] = seconds / batch.size

    def words(self, batch: Batch) -> str:
        """Return what a batch is, for people."""
        one = self._plan[batch.cell].cell
        last = batch.trials[-1]
        return f"{one.injection}, {one.guard}, {one.runtime}, trials {batch.first} to {last}"

    def _kind(self, cell: int) -> tuple[str, str]:
        return self._plan[cell].group[0], self._plan[cell].cell.guard

    def _text(self, cell: int) -> str:
        if cell not in self._texts:
            self._texts.clear()  # cells come one after the other
            scenario = self._plan[cell].scenario
            self._texts[cell] = scenario.model_dump_json(exclude_defaults=True)
        return self._texts[cell]


def run_left(
    left: Left,
    workers: Workers | None,
    store: ResultStore,
    on_rows: OnRows,
    on_workers: OnWorkers = lambda at: None,
) -> None:
    """Run the trials that are left and record their rows. workers: None for this process.

    On the first KeyboardInterrupt what is running is finished and kept, on the second all workers
    are stopped; the exception goes on. What a trial raises comes out.
    """
    if workers is None:
        while (batch := left.next()) is not None:
            rows, seconds = came_of(run_batch(asked_of(batch)))
            left.learn(batch, seconds)
            _record(store, rows, on_rows)
        return
    run = _Run(left, workers, store, on_rows, on_workers)
    try:
        run.finish()
    except KeyboardInterrupt:
        try:
            run.finish_begun()
        except KeyboardInterrupt:
            workers.kill()
            raise
        raise


@dataclass(slots=True)
class _Run:
    """Batches on their way to workers and back."""

    left: Left
    workers: Workers
    store: ResultStore
    on_rows: OnRows
    on_workers: OnWorkers
    pending: dict["Future[str]", Batch] = field(default_factory=dict)
    blamed: int = 0
    """Trials in a row that could not be run, no other one having been."""
    suspects: deque[Batch] = field(default_factory=deque)
    """Trials of batches that lost their workers, each alone."""

    def finish(self) -> None:
        """Have all batches done."""
        while True:
            while len(self.pending) < 2 * max(self.workers.count(), 1):
                batch = self.suspects.popleft() if self.suspects else self.left.next()
                if batch is None:
                    break
                future = self.workers.executor.submit(run_batch, asked_of(batch))
                self.pending[future] = batch
            if not self.pending:
                return
            self._take()

    def finish_begun(self) -> None:
        """Have what is running done, and nothing else."""
        for future in list(self.pending):
            if future.cancel():
                del self.pending[future]
        while self.pending:
            self._take()

    def _take(self) -> None:
        """Wait for batches, and record those that are done."""
        done, _ = wait(self.pending, _LOOKS_S, FIRST_COMPLETED)
        rows: list[Row] = []
        for future in done:
            batch = self.pending.pop(future)
            try:
                found, seconds = came_of(future.result())
            except self.workers.lost as error:
                self._suspect(batch, str(error))
                continue
            self.left.learn(batch, seconds)
            rows += found
        if rows:
            self.blamed = 0
            _record(self.store, rows, self.on_rows)
        self.on_workers([self._words(*one) for one in self.workers.at()])

    def _words(self, name: str, future: "Future[str] | None") -> str:
        batch = None if future is None else self.pending.get(future)
        return f"{name}: {'waits' if batch is None else self.left.words(batch)}"

    def _suspect(self, batch: Batch, why: str) -> None:
        """Look at a batch that lost its worker each time: trial by trial, then at whose fault."""
        if batch.size > 1:
            alone = (batch._replace(first=trial, size=1) for trial in batch.trials)
            self.suspects.extend(alone)
            return
        self.store.add_crash(Crash(batch.cell, batch.first, why))
        self.on_rows(1)
        self.blamed += 1
        if self.blamed == ENOUGH:
            raise UserError(
                f"workers: {ENOUGH} trials in a row could not be run, the last one as {why}: "
                "something is wrong with this machine, or with code of your own; what was recorded "
                "before is kept"
            )


def _record(store: ResultStore, rows: Sequence[Row], on_rows: OnRows) -> None:
    store.add(rows)
    on_rows(len(rows))
