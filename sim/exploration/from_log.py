"""From what a log tells to runs that do the same.

An application is asked what `wsrace check` asks, and what its runs raise is read as the server's
log would hold it, by the very reader that has read the log. So that a run meets the mechanism of a
log is not judged by two measures.
"""

import ast
import inspect
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from sim.errors import Divergence, NoAnswer
from sim.exploration.asked import Asked
from sim.exploration.check import Checked, check_app
from sim.exploration.reason import reasons_of
from sim.hosting.findings import Served
from sim.hosting.uvicorn import usual_server
from sim.hosting.watch import Access
from sim.kernel.series import run_once
from sim.logs.counting import Counts
from sim.logs.mechanism import BLIND, EATEN, REGISTRY, SERVER_CLOSE
from sim.logs.opened import Record as LogRecord
from sim.logs.patterns import BY_NAME, MECHANISMS, PATTERNS
from sim.logs.records import Records
from sim.logs.scanning import Before
from sim.model.app import SERVERS
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from sim.schedulers.replay import Replay

_HEAD: Final = "ERROR:    Exception in ASGI application"
"""How uvicorn begins what it logs of an exception that leaves the application."""
FAIL_ON: Final = ("escaped-disconnect",)
"""Findings that fail here, as each of them is an error in a log."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mechanism that a log tells of. records: how many. proved: whether their tracebacks prove
    it; else it is one of several that the text leaves. pattern: the name of theirs. own: the line
    of somebody's own at which most were raised, "" if none is told.
    """

    mechanism: str
    records: int
    proved: bool
    pattern: str
    own: str = ""


@dataclass(frozen=True, slots=True)
class Met:
    """A run of an application that meets a mechanism. fail_on: what the check has to be told to
    fail on, besides.
    """

    mechanism: str
    record: Record
    fail_on: tuple[str, ...] = ()


def wanted_of(counts: Counts) -> list[Wanted]:
    """Return the mechanisms of all bad patterns, and of proved warnings: what is proved first."""
    found: list[Wanted] = []
    for pattern in PATTERNS:
        count = counts.patterns[pattern.name]
        own = count.own.most_common(1)[0][0] if count.own else ""
        found += [
            Wanted(name, records, True, pattern.name, own)
            for name, records in sorted(count.proved.items())
        ]
        left = count.hits - count.proved.total()
        if left and pattern.kind == "bad" and not pattern.fallback:
            found += [Wanted(name, left, False, pattern.name, own) for name in pattern.consistent]
    found.sort(key=lambda one: (not one.proved, -one.records))
    first: dict[str, Wanted] = {}
    for one in found:
        first.setdefault(one.mechanism, one)
    return list(first.values())


def meet(
    wanted: Sequence[Wanted],
    asked: Asked,
    seconds: float,
    stopwatch: Callable[[], float],
    on_question: Callable[[Asked, str], None] = lambda asked, why: None,
) -> Iterator[Met]:
    """Yield for each wanted mechanism the first run of an application that meets it.

    asked: the application and its clients; without any, those are tried that a check makes up, and
    those that each mechanism names, on each server. seconds: for each of these; stopwatch gives
    them. on_question: called with what is asked next, and with why it gave no answer where it gave
    none. Raises UserError for what cannot be asked.
    """
    open_ = {one.mechanism for one in wanted}
    for question in _questions(wanted, asked, seconds):
        if not open_:
            return
        on_question(question, "")
        try:
            checked = check_app(question, stopwatch)
        except (Divergence, NoAnswer) as error:
            on_question(question, str(error))
            continue
        for met in _met_in(checked):
            if met.mechanism in open_:
                open_.remove(met.mechanism)
                yield met
        if checked.climbed.no_answer:
            on_question(question, checked.climbed.no_answer)


def _questions(wanted: Sequence[Wanted], asked: Asked, seconds: float) -> Iterator[Asked]:
    """Yield what is asked, one after the other; which server raises what differs."""
    asked = replace(asked, fail_on=FAIL_ON, seconds=seconds, cache=None)
    words = dict.fromkeys(MECHANISMS[one.mechanism].check for one in wanted)
    ways = [asked]
    if not asked.clients:
        ways += [_with(asked, shlex.split(one)) for one in words if one]
    yield from ways
    if "server" not in asked.case:
        for server in SERVERS:
            if server != usual_server():
                yield from (replace(one, case={**one.case, "server": server}) for one in ways)


def _with(asked: Asked, options: Sequence[str]) -> Asked:
    """Return what is asked with the options of `wsrace check` that a mechanism names."""
    clients = [value for name, value in pairwise(options) if name == "--client"]
    case = {**asked.case, "pings": True} if "--pings" in options else asked.case
    return replace(asked, clients=tuple(clients), case=case)


def _met_in(checked: Checked) -> Iterator[Met]:
    """Yield what the failures that were made small meet, and what all others do."""
    records = [one.record for one in checked.failures]
    records += [one for case in checked.climbed.cases for one in case.failing.values()]
    for record in records:
        for text in tracebacks_of(record):
            for one in read_traceback(text):
                fail_on = FAIL_ON if "escaped-disconnect" in one.names else ()
                name = one.proved or _by_reason(record, one)
                if name:
                    yield Met(name, record, fail_on)


def _by_reason(record: Record, told: LogRecord) -> str:
    """Return which of the mechanisms that a traceback leaves a run has met, "" if nobody knows.

    A log does not tell who wrote the state that raised; a run does.
    """
    left = {name for one in told.names for name in BY_NAME[one].consistent}
    for one in reasons_of(record):
        reason = one.reason
        if reason is None or reason.writer is None:
            continue
        name = ""
        if reason.state == "application_state":
            name = BLIND if _writes_where_a_call_failed(reason.writer) else SERVER_CLOSE
        elif reason.state == "client_state":
            name = EATEN
        elif reason.walked or reason.member:
            name = REGISTRY
        if name in left:
            return name
    return next(iter(left)) if len(left) == 1 else ""


def _writes_where_a_call_failed(writer: Access) -> bool:
    """Whether a state was written in an `except` clause, as Starlette's `send` does."""
    module = sys.modules[type(writer.found).__module__]
    tree = ast.parse(inspect.getsource(module))
    clauses = (one for one in ast.walk(tree) if isinstance(one, ast.ExceptHandler))
    return any(one.lineno <= writer.line <= (one.end_lineno or 0) for one in clauses)


def read_traceback(text: str) -> list[LogRecord]:
    """Return what a reader of logs makes of a traceback below the head that uvicorn writes."""
    found: list[LogRecord] = []
    records = Records(found.append)
    for number, line in enumerate((_HEAD, *text.splitlines()), 1):
        records.text(line, number, Before())
    records.finish()
    return found


def tracebacks_of(made: Record) -> list[str]:
    """Return what Python prints of each exception that is a finding of a run, made again.

    made: a run of an application.
    """
    subject = made.subject
    assert isinstance(subject, AppSubject), "of an application"
    found: list[str] = []
    run_once(subject.job(Replay(made.schedule), _noting(found)))
    return list(dict.fromkeys(found))


def _noting(found: list[str]) -> Callable[[Served], None]:
    def note(served: Served) -> None:
        errors = [one.error for one in served.found if one.error is not None]
        found.extend("".join(traceback.format_exception(error)) for error in errors)

    return note
