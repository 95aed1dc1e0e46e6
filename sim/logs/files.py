"""Files of logs: whether they can be read, and reading them, with a bar."""

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone, tzinfo
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sim.logs.times import NOTHING, Assumed, from_text
from sim.logs.triage import Triage, add
from sim.model.plain import fault

STDIN = "-"
_AHEAD: Final = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})?")
_READ = 1 << 18
"""Bytes that are asked for at once."""

OnBytes = Callable[[int], None]
"""Called with how many bytes more were read, as they stand in the file."""


def faults_of(files: Sequence[str]) -> list[str]:
    """Return what is wrong with files, a line for each fault. Nothing is read."""
    faults = [line for name in files if (line := _fault(name))]
    if files.count(STDIN) > 1:
        faults.append("-: standard input can be read only once")
    return faults


def time_of(option: str, text: str, faults: list[str], assumed: Assumed = NOTHING) -> int | None:
    """Return the time that was typed, in nanoseconds since 1970; None for "".

    faults: gets a line if it is no time. assumed: what it does not say itself.
    """
    found = from_text(text, whole=True, assumed=assumed) if text else None
    if text and found is None:
        example = "2025-09-14T10:00:00Z"
        faults.append(fault(f"--{option}: expected a time such as {example}, got {text!r}"))
    return found.ns if found else None


def assumed_of(day: str, year: str, zone: str, faults: list[str]) -> Assumed:
    """Return what was typed of times that do not say it themselves; "" for nothing.

    faults: gets a line for each that cannot be.
    """
    said = Assumed()
    if day:
        try:
            said = replace(said, day=date.fromisoformat(day))
        except ValueError:
            faults.append(fault(f"--date: expected a day such as 2025-09-14, got {day!r}"))
    if year:
        if year.isascii() and year.isdigit() and 1970 <= int(year) < 2200:
            said = replace(said, year=int(year))
        else:
            faults.append(fault(f"--year: expected a year such as 2025, got {year!r}"))
    if day and year and not faults and int(year) != int(day[:4]):
        faults.append(f"--date and --year: {day} is not in {year}")
    if zone and (known := _zone(zone)) is None:
        example = "+02:00, UTC or Europe/Berlin"
        faults.append(fault(f"--zone: expected a zone such as {example}, got {zone!r}"))
    elif zone:
        said = replace(said, zone=known)
    return said


def _zone(text: str) -> tzinfo | None:
    """Return a zone by its distance from UTC, or by its name; None if nobody knows it."""
    if (found := _AHEAD.fullmatch(text)) is not None:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        ahead = timedelta(minutes=minutes if found[1] == "+" else -minutes)
        return timezone(ahead) if abs(ahead) < timedelta(hours=24) else None
    try:
        return UTC if text in ("UTC", "GMT", "Z") else ZoneInfo(text)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # a folder is an OSError
        return None


def read(triage: Triage, files: Sequence[str], quiet: bool) -> None:
    """Count files; "-" is standard input. quiet: without a bar.

    A file that cannot be read to its end is counted up to there. Ctrl-C ends the reading:
    `triage.complete` is False then.
    """
    with _progress(files, quiet) as on_bytes:
        for name in files:
            if triage.complete:
                _add(triage, name, on_bytes)


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
    last = triage.files[-1]
    last.unreadable.update(why)
    triage.files[-1] = replace(last, unread=last.unread or bool(why))


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


@contextmanager
def _progress(files: Sequence[str], quiet: bool) -> Iterator[OnBytes]:
    """A bar on stderr; none where nobody looks."""
    sizes = [_size(name) for name in files]
    bar = Progress(
        TextColumn("reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
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
