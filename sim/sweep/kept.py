"""A reproduction that was written, read again."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sim.errors import UserError
from sim.files.documents import ReproduceDocument
from sim.runs.own import import_guard
from sim.store.results import Crash, ResultReader
from sim.sweep.cells import Planned, plan
from sim.sweep.reproduce import Reproduction, Task, name_of, said_of, tokens_of
from sim.sweep.summary import Summary, summarise

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
