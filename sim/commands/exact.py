"""The command `reproduce --exact`: rates that are computed, as tables, a document and pictures."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from sim.commands.terminal import BROKEN, DONE, STOPPED, Bar, show
from sim.errors import UserError
from sim.files.documents import COMPUTED
from sim.files.outside import write_whole
from sim.model.plain import printable
from sim.model.results import CellResult
from sim.report.text import reproduce
from sim.report.text.exact import document_of, tell, unanswered
from sim.sweep.exact.reproduce import ExactReproduction, broken_expectations, exact_reproduce
from sim.sweep.reproduce import Reproduction, Task


def run_exact(
    task: Task,
    folder: Path | None,
    workers: int,
    sampled: Reproduction | None,
    stopwatch: Callable[[], float],
) -> int:
    """Compute, tell and draw; return the exit status.

    folder: where results go; None prints the document. sampled: trials, to be drawn on the lines.
    """
    began = stopwatch()
    with Bar("curves") as bar:
        found = exact_reproduce(
            task, workers, lambda done, total, what: bar.tell(done, total, note=what)
        )
    told = document_of(found)
    if folder is None and sampled is not None:
        told["trials"] = reproduce.document_of(sampled)
    document = json.dumps(told, sort_keys=True)
    if folder is None:
        click.echo(document)
    else:
        write_whole(folder / COMPUTED, document + "\n", "--out")
        show(tell(found))
        pictures = _draw(found, folder, sampled.summary.results if sampled is not None else ())
        seconds = stopwatch() - began
        some = f"{len(pictures)} pictures" if len(pictures) != 1 else "a picture"
        click.echo(f"{some} (PNG and SVG) and {COMPUTED} lie in {folder}/")
        click.echo(f"{seconds:.0f} s with the pictures")
    broken = () if task.changes else broken_expectations(found)
    for line in broken:
        click.echo(f"wsrace: {printable(line)}", err=True)
    for one in found.unanswered:
        click.echo(f"wsrace: {unanswered(one)}", err=True)
    return STOPPED if found.unanswered else BROKEN if broken else DONE


def _draw(found: ExactReproduction, folder: Path, samples: Sequence[CellResult]) -> list[Path]:
    from sim.report.plots.exact import draw_exact

    try:
        return draw_exact(found, samples, folder)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: cannot be written: {error.strerror}"
        ) from None
