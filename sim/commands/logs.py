"""The command `logs`: which lines of a log are those of the race, and what they speak for."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from sim.commands.terminal import show
from sim.errors import UserError
from sim.logs.counting import Between
from sim.logs.files import assumed_of, faults_of, read, time_of
from sim.logs.times import Assumed
from sim.logs.triage import Triage, begin_triage
from sim.model.plain import printable
from sim.report.text.logs import document_of, tell

FINDINGS, NO_ANSWER = 1, 3


@dataclass(frozen=True, slots=True)
class Reproduce:
    """What is to be written. out: the file. app: "module:app", "" for none; path, clients and
    app_dir go with it.
    """

    out: Path
    app: str = ""
    path: str | None = None
    clients: tuple[str, ...] = ()
    app_dir: str = ""

    def faults(self) -> list[str]:
        """Return what is wrong, a line for each fault. Nothing is written."""
        faults = []
        if self.out.suffix != ".py":
            faults.append(
                f"--reproduce: expected a file of tests such as test_from_log.py, got {self.out}"
            )
        elif self.out.exists():
            faults.append(f"--reproduce: {self.out} exists already")
        given = {"--path": self.path, "--client": self.clients, "--app-dir": self.app_dir}
        if not self.app:
            faults += [f"{name}: goes with --app" for name, value in given.items() if value]
        return [printable(one) for one in faults]


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. files: paths, or "-" for standard input. since, until: times, "" for none."""

    files: Sequence[str]
    as_json: bool = False
    since: str = ""
    until: str = ""
    ignore_unknown: bool = False
    """Whether errors that nobody knows are no concern."""
    day: str = ""
    """Of times that say none, as are `year` and `zone`; "" for nothing."""
    year: str = ""
    zone: str = ""
    raw: bool = False
    """Whether examples are shown with addresses, secrets and people."""
    reproduce: Reproduce | None = None


def run(request: Request, stopwatch: Callable[[], float] = time.perf_counter) -> int:
    """Look at the files and tell. Return the exit status. Raises UserError for what is typed wrong.

    1 for a bad record, 3 for no answer: something was not read, an error that nobody knows, or one
    without a time where times are asked for. 0 only if there is nothing of that. A file that cannot
    be read to its end is counted up to there. Ctrl-C ends the reading and what was counted is told.
    """
    between, assumed = _times(request)
    triage = begin_triage(between, assumed=assumed, raw=request.raw)
    read(triage, request.files, quiet=request.as_json)
    if request.as_json:
        click.echo(json.dumps(document_of(triage), sort_keys=True))
    else:
        show(tell(triage))
    if request.reproduce is not None and triage.complete:
        from sim.commands.reproducing import write_tests  # loaded only for that

        write_tests(request.reproduce, request.files, triage.counts, stopwatch)
    if not triage.complete:
        click.echo("wsrace: stopped; what was read until then is counted", err=True)
    if triage.counts.kinds["bad"]:
        return FINDINGS
    return NO_ANSWER if _stays_open(triage, request) else 0


def _stays_open(triage: Triage, request: Request) -> bool:
    """Say on stderr why logs without a bad record are no all-clear. Return whether they are not."""
    counts = triage.counts
    unknown = 0 if request.ignore_unknown else counts.unknown
    reasons = []
    if not triage.is_whole:
        reasons.append("not all of it was read")
    if unknown:
        reasons.append(f"errors that are not known here: {unknown:,} (--ignore-unknown)")
    if counts.undated:
        reasons.append(f"errors without a time, where times are asked for: {counts.undated:,}")
    if reasons:
        click.echo(f"wsrace: no all-clear: {'; '.join(reasons)}", err=True)
    return bool(reasons)


def _times(request: Request) -> tuple[Between, Assumed]:
    """Check all that was typed before anything is read."""
    faults = faults_of(request.files)
    assumed = assumed_of(request.day, request.year, request.zone, faults)
    since = time_of("since", request.since, faults, assumed)
    until = time_of("until", request.until, faults, assumed)
    if request.reproduce is not None:
        faults += request.reproduce.faults()
    if faults:
        raise UserError(*faults)
    return Between(since, until), assumed
