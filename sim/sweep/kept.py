"""A reproduction that was written, read again."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sim.errors import UserError
from sim.files.documents import ReproduceDocument, SweepAsked, sweep_asked
from sim.runs.own import import_guard
from sim.store.results import Crash, ResultReader, Sweep
from sim.sweep.cells import Planned, plan
from sim.sweep.reproduce import Reproduction, Task, name_of, said_of, tokens_of
from sim.sweep.summary import Summary, summarise

MOST_CELLS = 50_000
"""A document that names more is not read: nobody has waited for so many."""


@dataclass(frozen=True, slots=True)
class KeptSweep:
    """A sweep that a file of results tells of, whole or not."""

    asked: SweepAsked
    sweep: Sweep
    """Where its rows are in the file."""
    found: Reproduction
    wanted: int
    """How many trials it is to have."""

    @property
    def there(self) -> int:
        """How many it has, with those that could not be run."""
        return len(self.found.rows) + len(self.found.crashes)


def sweeps_in(store_at: Path) -> list[KeptSweep]:
    """Return what a file of results tells of, while others may write to it.

    Tokens are left out: they would have to be run. Raises UserError for a file that is none.
    """
    with closing(ResultReader(store_at)) as reader:
        if reader.form == 1:
            raise UserError(
                f"{store_at}: an older file, which does not say what it is about; `wsrace report` "
                "reads the folder that it lies in, and `wsrace reproduce` upgrades it"
            )
        return [_kept(sweep, reader, store_at) for sweep in reader.sweeps()]


def _kept(sweep: Sweep, reader: ResultReader, store_at: Path) -> KeptSweep:
    asked = sweep_asked(sweep.said, str(store_at))
    _refuse_many(asked, store_at)
    cells = plan(asked.scenarios, asked.guards)
    asked_for = [one.scenario.sweep.trials for one in cells]
    if asked_for != [trials for _, trials in sweep.cells]:
        raise UserError(f"{store_at}: a sweep has other cells than its scenarios say")
    summary = summarise(cells, reader.rows(sweep))
    crashes = tuple(reader.crashes(sweep))
    found = Reproduction(_task_of(asked), asked.scenarios, cells, summary, (), crashes)
    return KeptSweep(asked, sweep, found, sum(trials for _, trials in sweep.cells))


def _task_of(asked: SweepAsked) -> Task:
    return Task(asked.scenario, asked.settings, asked.guards, asked.runs, asked.seed)


def load_reproduction(
    document: ReproduceDocument, store_at: Path, guards: Sequence[str] = ()
) -> Reproduction:
    """Return a reproduction that was written, from its document and its results file.

    guards: somebody's own that may be imported; of others there is no token. Raises UserError if
    the file does not hold exactly the rows of the document.
    """
    if not store_at.is_file():
        raise UserError(f"{store_at}: there is no such file")
    _refuse_many(document, store_at)
    task = _task_of(document)
    cells = plan(document.scenarios, document.guards)
    with closing(ResultReader(store_at)) as reader:
        summary, crashes = _summary_of(document, task, cells, reader)
    if summary is None or summary.digest != document.digest:
        raise UserError(f"{store_at}: its rows are not those of the document: digests differ")
    used = {one.cell.guard for one in cells}
    own = {name for name in guards if name in used and import_guard(name)}
    failing = {
        cell: trial
        for cell, trial in summary.failing.items()
        if ":" not in cells[cell].cell.guard or cells[cell].cell.guard in own
    }
    tokens = tokens_of(cells, replace(summary, failing=failing), task.seed)
    return Reproduction(task, document.scenarios, cells, summary, tokens, tuple(crashes))


def _refuse_many(asked: SweepAsked, store_at: Path) -> None:
    cells = sum(
        len(one.sweep.values) * len(one.sweep.runtimes) * len(asked.guards or one.sweep.guards)
        for one in asked.scenarios
    )
    if cells > MOST_CELLS:
        raise UserError(f"{store_at}: more than {MOST_CELLS:,} cells: {cells:,}")


def _summary_of(
    document: ReproduceDocument, task: Task, cells: Sequence[Planned], reader: ResultReader
) -> tuple[Summary | None, list[Crash]]:
    """Return what the rows of a document come to, None if there are none.

    A file may hold the same question as other versions of the code answered it; the digest tells.
    """
    if reader.form == 1:
        return summarise(cells, reader.older_rows(name_of(task, cells))), []
    asked = said_of(task, document.scenarios)
    found: Summary | None = None
    for sweep in reader.sweeps():
        said = sweep.said if isinstance(sweep.said, dict) else {}
        same = all(said.get(key) == value for key, value in asked.items() if key != "wsrace")
        if not same or len(sweep.cells) != len(cells):
            continue
        found = summarise(cells, reader.rows(sweep))
        if found.digest == document.digest:
            return found, reader.crashes(sweep)
    return found, []
