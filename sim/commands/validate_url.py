"""The command `validate` with `--url`: a plan against a running server, go or no-go."""

import json
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import click

from sim.commands.growing import Growing, faults_of, settle
from sim.commands.terminal import Bar, show
from sim.errors import UserError
from sim.files.catalog import open_plan
from sim.files.clients import read_clients
from sim.live.visiting.address import Address, parse_address
from sim.live.visiting.crowd import OnProgress, Visits, visit
from sim.live.visiting.seen import Visited
from sim.logs.triage import Triage, add, begin_triage
from sim.model.appscript import Script
from sim.model.plain import printable
from sim.model.plan import Plan
from sim.model.scriptreader import parse
from sim.report.text.visited import Told, document_of, tell
from sim.validation.appended import Appended, borders_of
from sim.validation.visited import judged_from_outside
from sim.validation.visits import Cast, cast_of, cast_of_scripts

T = TypeVar("T")
NO_GO, NO_ANSWER = 1, 3
RATE: Final = 20.0
"""New connections in a second, unless somebody says another number."""
_SPARE_FILES: Final = 64
"""Files that the process needs besides its connections."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. clients: scripts, or "@FILE", instead of the plan's visits. seconds: how long
    it may take; None for as long as the plan does. rate: new connections in a second.
    """

    plan: str
    url: str
    logs: Sequence[str] = ()
    clients: Sequence[str] = ()
    seconds: float | None = None
    rate: float = RATE
    seed: int = 0
    allow_remote: bool = False
    ignore_unknown: bool = False
    """Whether errors in the log that nobody knows are no concern."""
    raw: bool = False
    """Whether examples are shown with addresses, secrets and people."""
    as_json: bool = False


def run(request: Request) -> int:
    """Do what was asked; return the exit status.

    Raises UserError for what is typed wrong, before anything is opened, and NoAnswer where there is
    no server that lets clients in.
    """
    address, plan, cast = _checked(request)
    visits = _visits(request, address, plan, cast)
    _allow_files(visits.clients)
    logs = [Growing(name) for name in dict.fromkeys(request.logs)]

    def mark(_: float) -> None:
        for log in logs:
            log.mark()

    with _progress(visits.seconds) as on_progress:
        visited = visit(visits, mark, on_progress)
    triage, appended = _read(request, plan, logs, visited) if logs else (None, None)
    found = judged_from_outside(plan, cast, visited, appended)
    told = Told(str(address), request.seed, visits.clients, cast, visited, found, triage, appended)
    if request.as_json:
        click.echo(json.dumps(document_of(told), sort_keys=True))
    else:
        show(tell(told))
    if told.open:
        click.echo(printable(f"wsrace: no answer: {told.open}"), err=True)
        return NO_ANSWER
    return 0 if found.go else NO_GO


def _checked(request: Request) -> tuple[Address, Plan, Cast]:
    """Look at all that was typed. Raises UserError with every fault of it."""
    faults: list[str] = []
    address = _tried(lambda: parse_address(request.url), faults)
    if address is not None and not address.is_here and not request.allow_remote:
        faults.append(
            f"--url: {printable(address.host)} is not this machine: --allow-remote says that you "
            "may send it connections"
        )
    faults += faults_of(request.logs)
    plan = _tried(lambda: open_plan(request.plan), faults)
    cast = None
    if request.clients:
        cast = _tried(lambda: cast_of_scripts(_scripts(request.clients)), faults)
    elif plan is not None:
        cast = _tried(lambda: cast_of(plan), faults)
    if faults:
        raise UserError(*faults)
    assert address is not None
    assert plan is not None
    assert cast is not None
    return address, plan, cast


def _tried(make: Callable[[], T], faults: list[str]) -> T | None:
    """Return what is made, or take down what is wrong with it."""
    try:
        return make()
    except UserError as error:
        faults += error.faults
        return None


def _scripts(typed: Sequence[str]) -> list[Script]:
    """Return the scripts that were typed, or stand in files. Raises UserError."""
    found: list[Script] = []
    for one in typed:
        found += read_clients(one[1:]) if one.startswith("@") else [parse(one)]
    return found


def _visits(request: Request, address: Address, plan: Plan, cast: Cast) -> Visits:
    where, seconds = plan.deployment, plan.minutes * 60
    if request.seconds is not None:
        seconds = min(seconds, request.seconds)
    return Visits(
        address=address,
        parts=cast.parts,
        clients=where.clients,
        ramp_s=where.ramp_ms / 1000,
        away_ms=where.away_ms,
        seconds=seconds,
        rate=request.rate,
        answer_s=where.answer_ms / 1000,
        seed=request.seed,
        moments=tuple(60 * minute for minute in borders_of(plan) if 60 * minute < seconds),
    )


def _allow_files(clients: int) -> None:
    """Let the process open as many connections as there are clients. Raises UserError if not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = clients + _SPARE_FILES
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UserError(
            f"deployment.clients: {clients:,} connections at once need {needed:,} open files, and "
            f"this process may have {hard:,} (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _read(
    request: Request, plan: Plan, logs: Sequence[Growing], visited: Visited
) -> tuple[Triage, Appended]:
    """Count what was appended to logs."""
    settle(logs)
    appended = Appended(borders_of(plan), ignore_unknown=request.ignore_unknown)
    triage = begin_triage(also=appended.add, raw=request.raw)
    for log in logs:
        chunks = appended.passing(log.chunks(), log.marks)
        try:
            add(triage, log.called, chunks)
        except OSError as error:
            appended.problems.append(f"{log.name} cannot be read: {error.strerror}")
        except KeyboardInterrupt:
            triage.complete = False
        if (problem := log.problem()) and any(one.opened for one in visited.seen):
            appended.problems.append(problem)
    appended.close(triage)
    return triage, appended


@contextmanager
def _progress(seconds: float) -> Iterator[OnProgress]:
    """Tell on stderr how far it is."""
    with Bar("visiting, seconds", seconds) as bar:
        yield lambda now, opened, over: bar.tell(
            min(now, seconds), note=f"{opened:,} connections open, {over:,} sessions over"
        )
