"""The command `logs`: which lines of a log are those of the race, and what they speak for."""

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sim.errors import UserError
from sim.logs.counting import Between
from sim.logs.times import from_text
from sim.logs.triage import Triage, add, begun
from sim.model.plain import fault, printable

STDIN = "-"
FINDINGS, STOPPED = 1, 3
_READ = 1 << 18
"""Bytes that are asked for at once."""

OnBytes = Callable[[int], None]
"""Called with how many bytes more were read, as they stand in the file."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. files: paths, or "-" for standard input. since, until: times, "" for none."""

    files: Sequence[str]
    as_json: bool = False
    since: str = ""
    until: str = ""


def run(request: Request) -> int:
    """Look at the files and tell. Return the exit status. Raises UserError for what is typed wrong.

    A file that cannot be read to its end is counted up to there. Ctrl-C ends the reading and what
    was counted is told.
    """
    between = _between(request)
    triage = begun(between)
    with _progress(request) as on_bytes:
        for name in request.files:
            if triage.complete:
                _add(triage, name, on_bytes)
    if request.as_json:
        from sim.report.logs import document_of

        click.echo(json.dumps(document_of(triage), sort_keys=True))
    else:
        _show(triage)
    if not triage.complete:
        click.echo("wsrace: stopped; what was read until then is counted", err=True)
        return STOPPED
    return FINDINGS if triage.counts.kinds["bad"] else 0


def _between(request: Request) -> Between:
    """Check all that was typed before anything is read."""
    faults = [line for name in request.files if (line := _fault(name))]
    if request.files.count(STDIN) > 1:
        faults.append("-: standard input can be read only once")
    ends: dict[str, int | None] = {}
    for option, text in (("since", request.since), ("until", request.until)):
        found = from_text(text, whole=True) if text else None
        if text and found is None:
            example = "2025-09-14T10:00:00Z"
            faults.append(fault(f"--{option}: expected a time such as {example}, got {text!r}"))
        ends[option] = found.ns if found else None
    if faults:
        raise UserError(*faults)
    return Between(**ends)


def _fault(name: str) -> str:
    """Return what is wrong with a file, "" if nothing is. It is not opened: a pipe can be opened
    only once.
    """
    if name == STDIN:
        return ""
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        return fault(f"{name}: cannot be read: {what}")
    if stat.S_ISDIR(mode):
        return fault(f"{name}: cannot be read: Is a directory")
    return "" if os.access(name, os.R_OK) else fault(f"{name}: cannot be read: Permission denied")


def _add(triage: Triage, name: str, on_bytes: OnBytes) -> None:
    why: list[str] = []

    def chunks() -> Iterator[bytes]:
        """Yield what can be read; end where it cannot, or where a person stops it."""
        try:
            with _opened(name) as file:
                while chunk := file.read1(_READ):
                    on_bytes(len(chunk))
                    yield chunk
        except OSError as error:
            why.append(f"it could not be read further: {error.strerror or error}")
        except KeyboardInterrupt:
            triage.complete = False

    try:
        add(triage, name, chunks())
    except KeyboardInterrupt:
        triage.complete = False
    triage.files[-1].unreadable.update(why)


@contextmanager
def _opened(name: str) -> Iterator[BufferedIOBase]:
    if name == STDIN:
        stdin: Any = getattr(sys.stdin, "buffer", None)
        if stdin is None:
            raise OSError("standard input is closed")
        yield stdin
        return
    with Path(name).open("rb") as file:
        yield file


def _show(triage: Triage) -> None:
    from sim.report.log_words import conclusion
    from sim.report.logs import busiest, explained, over_time, pattern_table, summary

    counts = triage.counts
    for line in summary(triage):
        click.echo(line)
    if any(counts.kinds.values()):
        click.echo()
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(pattern_table(counts))
    for lines in (explained(counts), over_time(counts), busiest(counts)):
        told = list(lines)
        if told:
            click.echo("\n" + "\n".join(told))
    click.echo()
    for line in conclusion(counts):
        click.echo(printable(line))


@contextmanager
def _progress(request: Request) -> Iterator[OnBytes]:
    """A bar on stderr; none for --json, or where nobody looks."""
    sizes = [_size(name) for name in request.files]
    bar = Progress(
        TextColumn("reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        disable=request.as_json or not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("reading", total=sum(sizes) if all(sizes) else None)
        yield lambda more: bar.advance(task, more)


def _size(name: str) -> int:
    """Return the bytes of a file, 0 if they are not known beforehand."""
    try:
        return 0 if name == STDIN else os.stat(name).st_size
    except OSError:
        return 0
