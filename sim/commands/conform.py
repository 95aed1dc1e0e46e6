"""The command `conform`: cells from a file, or measured here and now, against the model."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from sim.commands.terminal import Bar, show
from sim.conformance.cells import CellFile, read_cells
from sim.conformance.judge import judge_all
from sim.conformance.score import tally
from sim.errors import UserError
from sim.model.plain import printable
from sim.report.text.conform import document_of, tell
from sim.workers.seam import cores, local

_FEW = 300
"""So few cells are compared before processes have started."""


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
    workers: int | None = None
    """Processes that simulate; None for one per core."""


def run(request: Request) -> bool:
    """Do what was asked; return whether the model is below the bar."""
    if math.isnan(request.bar):
        raise UserError("--bar: expected a number from 0 to 1, got nan")
    with _progress() as on_cell:
        file = _measured(request, on_cell) if request.truth is None else read_cells(request.truth)
        count = len(file.cells)
        with local((request.workers or cores()) if count > _FEW else 1) as workers:
            judged = judge_all(file.cells, lambda done: on_cell("compared", done, count), workers)
    share = tally(judged).share
    below = share is not None and share < request.bar
    if request.as_json:
        click.echo(json.dumps(document_of(judged, file, request.bar), sort_keys=True))
    else:
        show(tell(judged, file))
    if below:
        click.echo(
            f"wsrace: {100 * (share or 0):.2f} % of unmixed cells agree, below the bar of "
            f"{100 * request.bar:g} %",
            err=True,
        )
    return below


def _measured(request: Request, on_cell: "OnCell") -> CellFile:
    from sim.conformance.measure import measure, plan_measuring

    plan = plan_measuring(request.stacks, request.kinds, request.trials, request.out)
    return CellFile(tuple(measure(plan, on_cell, _tell_breakdown)))


def _tell_breakdown(line: str) -> None:
    text = f"wsrace: the server broke down by itself and the trial was made again: {line}"
    click.echo(printable(text), err=True)


OnCell = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@contextmanager
def _progress() -> Iterator[OnCell]:
    """Tell on stderr how far it is."""
    with Bar("cells", None, MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        yield lambda doing, done, total: bar.tell(done, total, what=printable(doing))
