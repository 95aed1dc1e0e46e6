"""A reproduction that was written, read again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sim.errors import UserError
from sim.files.documents import ReproduceDocument
from sim.runs.own import import_guard
from sim.store.results import read_rows
from sim.sweep.cells import plan
from sim.sweep.reproduce import Reproduction, Task, name_of, tokens_of
from sim.sweep.summary import summarise

MOST_CELLS = 50_000
"""A document that names more is not read: nobody has waited for so many."""


def load_reproduction(
    document: ReproduceDocument, store_at: Path, guards: Sequence[str] = ()
) -> Reproduction:
    """Return a reproduction that was written, from its document and its results file.

    guards: somebody's own that may be imported; of others there is no token. Raises UserError if
    the file does not hold exactly the rows of the document.
    """
    if not store_at.is_file():
        raise UserError(f"{store_at}: there is no such file")
    cells_asked = sum(
        len(one.sweep.values) * len(one.sweep.runtimes) * len(document.guards or one.sweep.guards)
        for one in document.scenarios
    )
    if cells_asked > MOST_CELLS:
        raise UserError(f"{store_at}: more than {MOST_CELLS:,} cells: {cells_asked:,}")
    task = Task(document.scenario, document.settings, document.guards, document.runs, document.seed)
    cells = plan(document.scenarios, document.guards)
    rows = read_rows(store_at, name_of(task, cells))
    summary = summarise(cells, rows)
    if summary.digest != document.digest:
        raise UserError(f"{store_at}: its rows are not those of the document: digests differ")
    used = {one.cell.guard for one in cells}
    own = {name for name in guards if name in used and import_guard(name)}
    failing = {
        cell: trial
        for cell, trial in summary.failing.items()
        if ":" not in cells[cell].cell.guard or cells[cell].cell.guard in own
    }
    tokens = tokens_of(cells, replace(summary, failing=failing), task.seed)
    failed = tuple((row[0], row[1], row[2]) for row in rows)
    return Reproduction(task, document.scenarios, cells, summary, failed, tokens)
