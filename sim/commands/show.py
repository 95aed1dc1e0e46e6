"""The command `show`: what a file of results holds, while others may still write to it."""

import json
from dataclasses import dataclass
from pathlib import Path

import click

from sim.commands.terminal import DONE, make_folder, refuse_folder, show, standard_console
from sim.errors import UserError
from sim.files.documents import STORE
from sim.report.rows import check_form, write_rows
from sim.report.text.show import document_of, tell
from sim.store.searches import searches_in
from sim.sweep.kept import KeptSweep, sweeps_in


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed."""

    source: Path
    """The file, or the folder that holds it."""
    as_json: bool = False
    plots: Path | None = None
    """A folder for plots of what is there."""
    rows: Path | None = None
    """A file for every trial."""


def run(request: Request) -> int:
    """Do what was asked; return the exit status. Raises UserError for a file that is none."""
    store = request.source / STORE if request.source.is_dir() else request.source
    if not store.is_file():
        raise UserError(f"{store}: there is no such file")
    if request.plots is not None:
        refuse_folder(request.plots, "--plots")
    if request.rows is not None:
        check_form(request.rows, "--rows")
    sweeps, searches = sweeps_in(store), searches_in(store)
    if request.as_json:
        click.echo(json.dumps(document_of(sweeps, searches), sort_keys=True))
    else:
        show(tell(sweeps, searches, str(store), standard_console().width))
    if request.rows is not None:
        count = write_rows(store, sweeps, request.rows, "--rows")
        click.echo(f"{count:,} rows lie in {request.rows}", err=request.as_json)
    if request.plots is not None:
        count = _draw(sweeps, request.plots)
        click.echo(f"{count} pictures lie in {request.plots}/", err=request.as_json)
    return DONE


def _draw(sweeps: list[KeptSweep], folder: Path) -> int:
    """Draw what is there of each sweep, each in a folder of its own if there are several."""
    from sim.report.plots.pictures import draw_all

    make_folder(folder, "--plots")
    count = 0
    for number, one in enumerate(sweeps, 1):
        if one.found.summary.results:
            there = folder if len(sweeps) == 1 else folder / f"sweep-{number}"
            count += len(draw_all(one.found, there))
    return count
