"""The command `conform`: cells from a file, or measured here and now, against the model."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from sim import __version__
from sim.commands.terminal import Bar, standard_console
from sim.conformance.cells import CellFile, read_cells
from sim.conformance.judge import Judged, judge_all
from sim.conformance.score import digest_of, not_covered, stacks, tally
from sim.errors import UserError
from sim.model.plain import fault, printable

SCHEMA = "wsrace.conform.1"
SHOWN = 20
"""Disagreements that are told; the document holds all."""
_FIRST = 3
"""Lines without a cell of which the reason is told."""
_COLUMNS = 20
"""Unknown columns that are named."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. truth: a file of cells, None to measure here. bar: the share of unmixed cells
    that must agree. stacks, trials, kinds, out: for measuring.
    """

    truth: Path | None
    bar: float
    as_json: bool = False
    stacks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    trials: int = 10
    out: Path | None = None


def run(request: Request) -> bool:
    """Do what was asked; return whether the model is below the bar."""
    if math.isnan(request.bar):
        raise UserError("--bar: expected a number from 0 to 1, got nan")
    with _progress() as on_cell:
        file = _measured(request, on_cell) if request.truth is None else read_cells(request.truth)
        judged = judge_all(file.cells, lambda done: on_cell("compared", done, len(file.cells)))
    share = tally(judged).share
    below = share is not None and share < request.bar
    if request.as_json:
        click.echo(json.dumps(document_of(judged, file, request.bar), sort_keys=True))
    else:
        _show(judged, file)
    if below:
        click.echo(
            f"wsrace: {100 * (share or 0):.2f} % of unmixed cells agree, below the bar of "
            f"{100 * request.bar:g} %",
            err=True,
        )
    return below


def document_of(judged: list[Judged], file: CellFile, bar: float) -> dict[str, object]:
    """Return everything as one JSON document."""
    from sim.report.text.conform import rows

    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": 0,
        "digest": digest_of(judged),
        "bar": bar,
        **rows(judged, _unread(file)),
        "ignored_columns": dict(file.unknown),
    }


def _unread(file: CellFile) -> dict[str, int]:
    """Return why lines hold no cell, with how many they are; the first few by number."""
    reasons = {f"line {one.line}: {one.why}": 1 for one in file.unread[:_FIRST]}
    if rest := len(file.unread) - len(reasons):
        reasons["further lines that hold no cell"] = rest
    return reasons


def _measured(request: Request, on_cell: "OnCell") -> CellFile:
    from sim.conformance.measure import measure, planned

    plan = planned(request.stacks, request.kinds, request.trials, request.out)
    return CellFile(tuple(measure(plan, on_cell, _tell_breakdown)))


def _tell_breakdown(line: str) -> None:
    text = f"wsrace: the server broke down by itself and the trial was made again: {line}"
    click.echo(printable(text), err=True)


def _show(judged: list[Judged], file: CellFile) -> None:
    from sim.report.text.conform import (
        agreement_table,
        disagreements,
        named_lines,
        summary_lines,
        told,
    )

    console = standard_console()
    for number, stack in enumerate(stacks(judged), 1):
        click.echo(f"[{number}] {printable(stack)}")
    console.print(agreement_table(judged))
    click.echo()
    for line in (*summary_lines(tally(judged)), *named_lines(judged)):
        click.echo(line)
    for reason, cells in (*not_covered(judged).items(), *_unread(file).items()):
        click.echo(f"not covered ({cells:,}): {printable(reason)}")
    for column, cells in islice(file.unknown.items(), _COLUMNS):
        name = fault(repr(column[:100]))
        click.echo(f"column {name} is not known and was ignored ({cells:,} cells)")
    if len(file.unknown) > _COLUMNS:
        click.echo(f"{len(file.unknown) - _COLUMNS:,} more columns are not known: --json lists all")
    differing = disagreements(judged)
    for one in differing[:SHOWN]:
        click.echo()
        for line in told(one):
            click.echo(line)
    if len(differing) > SHOWN:
        click.echo(f"\n{len(differing) - SHOWN:,} more disagreements: --json lists all")
    click.echo(f"\ndigest: {digest_of(judged)}")


OnCell = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@contextmanager
def _progress() -> Iterator[OnCell]:
    """Tell on stderr how far it is."""
    with Bar("cells", None, MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        yield lambda doing, done, total: bar.tell(done, total, what=printable(doing))
