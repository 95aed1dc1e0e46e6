"""Every trial of a file of results as a row of CSV or Parquet, for other programs.

Rows are written as they are read, so that a file of millions needs no memory.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from sim.errors import UserError
from sim.files.outside import whole_file
from sim.store.results import ResultReader
from sim.sweep.kept import KeptSweep

COLUMNS = (
    *("sweep", "scenario", "seed", "mode", "shape", "runtime", "server", "guard"),
    *("axis", "value", "trial", "failed", "lost", "outcome", "digest"),
)
FORMS = (".csv", ".parquet")
_AT_ONCE = 50_000


def write_rows(store_at: Path, sweeps: Sequence[KeptSweep], path: Path, option: str) -> int:
    """Write the rows of sweeps to a file, whole or not at all; return how many there were.

    store_at: the file of results. path: ends with .csv or .parquet. option: what named it. Raises
    UserError if it cannot be written, and without pyarrow for Parquet.
    """
    check_form(path, option)
    writer = _write_csv if path.suffix.lower() == ".csv" else _write_parquet
    with closing(ResultReader(store_at)) as reader, whole_file(path, option) as part:
        return writer(_rows(reader, sweeps), part, option)


def check_form(path: Path, option: str) -> None:
    """Raise UserError unless the name of a file says in which form rows go there."""
    if path.suffix.lower() not in FORMS:
        raise UserError(f"{option}: {path}: expected a name that ends with {' or '.join(FORMS)}")


def _rows(reader: ResultReader, sweeps: Sequence[KeptSweep]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of sweeps, in the order of `COLUMNS`."""
    for number, kept in enumerate(sweeps, 1):
        seed = kept.asked.seed
        for index, trial, failed, lost, outcome, digest in reader.rows(kept.sweep):
            cell = kept.found.plan[index].cell
            what = (cell.mode, cell.shape, cell.runtime, cell.server, cell.guard)
            came = (trial, failed, lost, outcome, digest)
            yield (number, cell.injection, seed, *what, cell.axis, cell.value, *came)


def _write_csv(rows: Iterator[tuple[Any, ...]], part: Path, _: str) -> int:
    count = 0
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last is how many there were
            writer.writerow([int(one) if isinstance(one, bool) else one for one in row])
    return count


def _write_parquet(rows: Iterator[tuple[Any, ...]], part: Path, option: str) -> int:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(f"{option}: Parquet needs pyarrow: pip install 'wsrace[parquet]'") from None
    kinds = {"failed": pyarrow.bool_(), "lost": pyarrow.bool_(), "value": pyarrow.float64()}
    kinds |= dict.fromkeys(("sweep", "seed", "trial"), pyarrow.int64())
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in COLUMNS])
    count = 0
    with pyarrow.parquet.ParquetWriter(part, schema) as writer:
        while some := list(islice(rows, _AT_ONCE)):
            count += len(some)
            columns = [list(column) for column in zip(*some, strict=True)]
            arrays = [
                pyarrow.array(column, field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    return count
