"""The command `reproduce`: folder, progress, tables, sentences, pictures."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

from sim.commands.exact import run_exact
from sim.commands.terminal import BROKEN, DONE, STOPPED, Bar, make_folder, show, standard_console
from sim.errors import UserError
from sim.files.documents import REPRODUCED, STORE
from sim.files.outside import write_whole
from sim.model.plain import printable
from sim.report.text.reproduce import document_of, tell, tell_run
from sim.sweep.exact.reproduce import check_exact
from sim.sweep.identity import code
from sim.sweep.reproduce import Reproduction, Task, check_task, reproduce
from sim.sweep.ties import judged
from sim.workers.cluster import Cluster, open_cluster
from sim.workers.seam import cores

_FEW = 5
"""Trials that could not be run, of which each gets a line."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed."""

    scenario: str
    settings: tuple[str, ...]
    guards: tuple[str, ...]
    runs: int | None
    seed: int
    workers: int | None
    out: Path | None
    resume: bool
    as_json: bool
    exact: bool = False
    anew: bool = False
    cluster: Cluster | None = None


def cluster_of(
    dask: str | None, dask_ca: str | None, dask_cert: str | None, dask_key: str | None
) -> Cluster | None:
    """Return the cluster that was named, None for none. Raises UserError for half of one."""
    if dask is None and (dask_ca or dask_cert or dask_key):
        raise UserError("--dask-ca, --dask-cert, --dask-key: need --dask, the scheduler's address")
    return None if dask is None else Cluster(dask, dask_ca, dask_cert, dask_key)


def run(request: Request, stopwatch: Callable[[], float]) -> int:
    """Do what was asked; return the exit status."""
    task = Task(request.scenario, request.settings, request.guards, request.runs, request.seed)
    folder = _folder(request)
    if not request.exact:
        return _sample(request, task, folder, stopwatch)[0]
    check_exact(task)  # nothing is written for a task that cannot be run
    status, sampled = DONE, None
    workers = request.workers or cores()
    if request.runs is not None:
        status, sampled = _sample(request, task, folder, stopwatch)
    elif folder is not None:
        make_folder(folder)
    return max(status, run_exact(task, folder, workers, sampled, stopwatch))


def _sample(
    request: Request, task: Task, folder: Path | None, stopwatch: Callable[[], float]
) -> tuple[int, Reproduction]:
    """Run the trials of a task and tell of them; return the exit status, and what was found."""
    began = stopwatch()
    check_task(task)  # nothing is written for a task that cannot be run
    store = _store(folder, request)
    workers = request.workers or cores()
    progress = _Progress()
    opened = None if request.cluster is None else partial(open_cluster, request.cluster, code)
    with progress as bar:
        found = reproduce(
            task,
            store,
            workers,
            progress.tell,
            opened,
            bar.list_workers,
            must_be_known=request.resume,
            anew=request.anew,
        )
    document = json.dumps(document_of(found), sort_keys=True)
    if folder is not None:
        write_whole(folder / REPRODUCED, document + "\n", "--out")
    broken = _judged(found)
    if request.as_json and not request.exact:
        click.echo(document)
    elif not request.as_json:
        assert folder is not None
        _show(found, folder, workers)
        kept = f", {progress.kept:,} of them before" if progress.kept else ""
        trials = len(found.rows)
        seconds = stopwatch() - began
        click.echo(f"{trials:,} runs{kept}, in {seconds:.0f} s with the pictures")
    for line in (*broken, *_crashed(found)):
        click.echo(f"wsrace: {printable(line)}", err=True)
    return BROKEN if broken else STOPPED if found.crashes else DONE, found


def _crashed(found: Reproduction) -> Iterator[str]:
    """Yield a line for each trial that could not be run, for the first few of them."""
    for one in found.crashes[:_FEW]:
        cell = found.plan[one.cell].cell
        what = f"trial {one.trial} of {cell.injection}, {cell.guard}, {cell.runtime}"
        yield f"{what} ({cell.axis} = {cell.value:g}) could not be run: {one.why}"
    if found.crashes:
        yield f"{len(found.crashes):,} trials could not be run; they are in no rate"


def _folder(request: Request) -> Path | None:
    """Return where results go; with --json alone, nowhere."""
    if request.resume and request.anew:
        raise UserError("--resume, --anew: one goes on with what is there, the other forgets it")
    if request.resume and request.exact and request.runs is None:
        raise UserError("--resume: --exact makes no trials to go on with; --runs does")
    if request.out is None and request.as_json:
        if request.resume or request.anew:
            name, what = ("--resume", "go on with") if request.resume else ("--anew", "begin")
            raise UserError(f"{name}: needs --out, the folder to {what}")
        return None
    return request.out or Path(f"wsrace-{Path(request.scenario).stem}")


def _store(folder: Path | None, request: Request) -> Path | None:
    """Return the results file, its folder being there."""
    if folder is None:
        return None
    path = folder / STORE
    if request.resume and not path.exists():
        raise UserError(f"--resume: {path} does not exist")
    make_folder(folder)
    return path


class _Progress:
    """Tells on stderr how far it is. kept: trials that an earlier run had recorded."""

    def __init__(self) -> None:
        self.kept: int | None = None
        self._began = time.monotonic()
        note = TextColumn("{task.fields[note]}")
        self._bar = Bar("trials", None, MofNCompleteColumn(), TimeRemainingColumn(), note)

    def __enter__(self) -> Bar:
        return self._bar.__enter__()

    def tell(self, done: int, total: int) -> None:
        """Tell how many trials are there, how fast they come, and when that will be all."""
        if self.kept is None:  # the first call tells what an earlier run has left
            self.kept, self._began = done, time.monotonic()
        seconds, made = time.monotonic() - self._began, done - self.kept
        note = ""
        if seconds > 0 and made > 0:
            rate = made / seconds
            note = f"{rate:,.0f} per second, {(total - done) / rate:,.0f} s left"
        self._bar.tell(done, total, note)

    def __exit__(self, *_: object) -> None:
        self._bar.__exit__()


def _judged(found: Reproduction) -> tuple[str, ...]:
    """Return the broken expectations; another scenario than the shipped one promises nothing."""
    if changed := found.task.changes:
        click.echo(
            f"wsrace: expectations are not judged: --set {changed[0]} changes the scenario",
            err=True,
        )
        return ()
    broken, told = judged(found)
    for line in told:
        click.echo(f"wsrace: {printable(line)}", err=True)
    return broken


def _show(found: Reproduction, folder: Path, workers: int) -> None:
    from sim.report.plots.pictures import draw_all

    show(tell(found, standard_console().width))
    try:
        pictures = draw_all(found, folder, workers if len(found.scenarios) > 1 else 1)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: cannot be written: {error.strerror}"
        ) from None
    click.echo(f"\n{len(pictures)} pictures (PNG and SVG) and {REPRODUCED} lie in {folder}/")
    click.echo(f"all of it as one page: {shlex.join(['wsrace', 'report', str(folder)])}")
    show(tell_run(found))
