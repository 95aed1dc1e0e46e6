"""What all commands share on a terminal: consoles, progress, exit statuses, code of one's own."""

import errno
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

import click
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from sim.errors import NoAnswer, UserError, WsraceError
from sim.model.plain import fault, printable

DONE, BROKEN, BAD_INPUT, STOPPED = 0, 1, 2, 3
"""Exit statuses: what is expected holds; it does not, or a judgement is no; bad input, nothing was
written; stopped before an answer, finished parts are kept."""
WIDTH = 160
"""Columns where nobody says how many there are."""
_EVERY_S = 5.0
"""So often a line tells how far it is where there is no terminal for a bar."""


def standard_console() -> Console:
    """Return what prints tables to standard output."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def show(parts: Iterable[str | Text | Table]) -> None:
    """Print what a report yields: texts are wrapped, a str is a line to be copied as it stands."""
    console = standard_console()
    for part in parts:
        if isinstance(part, str):
            click.echo(part)
        else:
            console.print(part)


def milliseconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a time in milliseconds: a number of them, or with its unit, "100ms", "2s", "1m"."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?", value.strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no time; expected for example 100ms, 2s or 1m")
    unit = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}.get(found[2] or "ms", 1)
    return float(found[1]) * unit


class _WithLines(Progress):
    """A bar with lines of text below it."""

    lines: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield what is shown."""
        yield self.make_tasks_table(self.tasks)
        yield from (Text(printable(line), style="dim") for line in self.lines)


class Bar:
    """Tells on stderr how far a command is: a bar on a terminal, else a line every five seconds."""

    def __init__(self, what: str, total: float | None = None, *columns: ProgressColumn) -> None:
        self._terminal = sys.stderr.isatty()
        self._told = time.monotonic()
        self._progress = _WithLines(
            TextColumn("{task.description}"),
            BarColumn(),
            *(columns or (TextColumn("{task.fields[note]}"),)),
            console=Console(stderr=True),
            disable=not self._terminal,
        )
        self._task = self._progress.add_task(what, total=total, note="")

        self._said: set[str] = set()

    def say_once(self, line: str, about: str) -> None:
        """Print a line on stderr at once, the first time that there is one about a thing."""
        if about not in self._said:
            self._said.add(about)
            said = Text(f"wsrace: {printable(line)}")  # neither markup nor emoji in it
            self._progress.console.print(said, soft_wrap=True)

    def list_workers(self, lines: Sequence[str]) -> None:
        """Show a line for each worker below the bar; nothing where there is no terminal."""
        self._progress.lines = lines

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(
        self,
        done: float | None = None,
        total: float | None = None,
        note: str | None = None,
        what: str | None = None,
    ) -> None:
        """Say how far it is, and with what; None leaves things as they are."""
        task = self._progress.tasks[0]
        self._progress.update(
            self._task,
            description=task.description if what is None else what,
            completed=task.completed if done is None else done,
            total=task.total if total is None else total,
            note=task.fields["note"] if note is None else note,
        )
        now = time.monotonic()
        if not self._terminal and now - self._told >= _EVERY_S:
            self._told = now
            of = "" if task.total is None else f" of {task.total:,.0f}"
            rest = f", {task.fields['note']}" if task.fields["note"] else ""
            click.echo(
                printable(f"wsrace: {task.description}: {task.completed:,.0f}{of}{rest}"), err=True
            )


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def duration(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return a time such as "90s" in seconds. Raises BadParameter for anything else."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|min|h)", value)
    if found is None or float(found[1]) == 0:
        raise click.BadParameter(f"{value!r}: expected a time such as 90s, 10m or 2h")
    return float(found[1]) * _UNITS[found[2]]


def refuse_folder(folder: Path, option: str = "--out") -> None:
    """Raise UserError if the folder that an option names cannot be made, before anything is done.

    It is not made yet: for bad input nothing is written.
    """
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    if not there.is_dir():
        raise UserError(f"{option}: {folder}: {os.strerror(errno.ENOTDIR)}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{option}: {folder}: {os.strerror(errno.EACCES)}")


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make the folder that an option names, if need be. Raises UserError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option}: {folder}: {error.strerror}") from None


def import_from_here(names: Iterable[str | None]) -> None:
    """Let what a person named, "module:name", be found in the folder that they stand in.

    An installed command has the folder of its script on the path instead, as `python -m` has not.
    """
    here = os.getcwd()
    if any(name and ":" in name for name in names) and here not in sys.path:
        sys.path.insert(0, here)


@contextmanager
def errors_as_statuses(
    go_on: Callable[[], str] | None = None, keeps: bool = True
) -> Iterator[None]:
    """Print what a user can mend in one line each, without a traceback.

    go_on: returns the command that goes on where this one was stopped. keeps: whether what was
    finished is kept then.
    """
    try:
        yield
    except UserError as error:
        _fail(error.faults, BAD_INPUT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(DONE)
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        _fail((fault(f"{place}{error.strerror or error}"),), BAD_INPUT)
    except NoAnswer as error:
        _fail((fault(f"no answer: {error}"),), STOPPED)
    except WsraceError as error:
        _fail((f"{type(error).__name__}: {error}",), BROKEN)
    except KeyboardInterrupt:
        lines = ["stopped; what was finished is kept" if keeps else "stopped"]
        if go_on is not None and keeps:
            lines.append(f"to go on: {go_on()}")
        _fail(lines, STOPPED)


def _fail(lines: Iterable[str], status: int) -> NoReturn:
    for line in lines:
        click.echo(f"wsrace: {line}", err=True)
    sys.exit(status)
