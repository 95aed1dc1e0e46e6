"""The check of an application: a verdict with its reasons for people, a document for programs."""

import io
import platform
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim import __version__
from sim.exploration.asked import MESSAGE
from sim.exploration.case import succeeds
from sim.exploration.check import Checked, Failure
from sim.exploration.circumstances import Circumstances
from sim.exploration.ladder import Climbed, Rung
from sim.exploration.reason import Reason
from sim.exploration.shrink import deviations
from sim.exploration.verdict import Verdict
from sim.files.documents import CHECK
from sim.model.app import AppCase, Bounds
from sim.model.findings import FINDINGS
from sim.model.outcome import Finding
from sim.model.plain import printable
from sim.report.text.executed import executed_document, executed_lines
from sim.runs.app import AppSubject, versions
from sim.runs.keep import token_or_none
from sim.runs.subject import Record

_WIDTH = 120
_FAILURES = 3
"""So many different failures are told."""
_FRAMEWORKS = {"fastapi": "FastAPI", "starlette": "Starlette", "quart": "Quart"}


def status_of(climbed: Climbed) -> int:
    """Return the exit status: 0 for race-free, 1 for a failure, 3 for no answer."""
    verdict = climbed.verdict
    if verdict is Verdict.INCONCLUSIVE:
        return 3
    return 0 if verdict is Verdict.RACE_FREE else 1


def tell(checked: Checked) -> Iterator[str | Text | Table]:
    """Yield what was found."""
    climbed, case = checked.climbed, checked.subject.case
    asked = dict.fromkeys(path for one in climbed.cases for path in one.subject.paths if path)
    paths = ", ".join(asked)
    app = checked.subject.application.loaded(case)
    yield Text(printable(f"{paths or case.target} on {server_words(case, app)}"), style="bold")
    yield ""
    yield Text(printable(_verdict_line(climbed)), style=_STYLES[climbed.verdict])
    yield from _rows(climbed)
    if climbed.shared:
        shared = ", ".join(climbed.shared)
        yield Text(printable(f"connections share {shared}: two were asked about"))
    for one in checked.failures[:_FAILURES]:
        yield ""
        yield from _failure(one)
    yield ""
    yield from _labelled("bounds", bounds_words(climbed, case))
    for words in (*_notes(climbed), *_asides(checked)):
        yield from _labelled("notes", words)
    if checked.failures:
        yield from _again(checked.failures[0].record)
    yield Text(f"{checked.seconds:.1f} s")


_STYLES = {
    Verdict.RACE_FREE: "green",
    Verdict.RACY: "red",
    Verdict.ALWAYS: "red",
    Verdict.INCONCLUSIVE: "yellow",
}


def server_words(case: AppCase, app: object) -> str:
    """Return on what an application was run."""
    server = f"uvicorn {versions().get('uvicorn', '')} ({case.server})"
    python = f"CPython {platform.python_version()}"
    return ", ".join((server, *_framework(app), python, "asyncio's own loop"))


def _framework(app: object) -> Iterator[str]:
    """Yield the framework that an application is built on, if it is a known one."""
    for kind in type(app).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in _FRAMEWORKS:
            yield f"{_FRAMEWORKS[package]} {version(package)}"
            return


def _verdict_line(climbed: Climbed) -> str:
    verdict = climbed.verdict
    if climbed.no_answer:
        return f"no answer: {climbed.no_answer}"
    failing = climbed.failing
    if failing is not None:
        rung = next(one for one in climbed.rungs if failing in one.cases)
        whole = "complete" if failing.complete else "not complete"
        looked = f"{failing.schedules} schedules, {failing.states} states, {whole}"
        count = f"{len(failing.failing)} of {len(failing.endings)} endings fail"
        said = f"{verdict}: {count} ({rung.words}; {looked})"
        return said if verdict is Verdict.RACY else f"{said}: it is no race"
    schedules = sum(case.schedules for case in climbed.cases)
    if verdict is Verdict.RACE_FREE:
        asked = "; ".join(rung.words for rung in climbed.rungs if rung.complete)
        return f"race-free within the bounds below: no failure in {schedules} schedules ({asked})"
    if climbed.unmet:
        told = "; ".join(_answered(what, by) for what, by in climbed.unmet.items())
        return f"inconclusive: no request did what it was for: {told}"
    if climbed.cases and not any(case.opened for case in climbed.cases):
        return (
            "inconclusive: no connection was opened in any schedule; --path, header:NAME=VALUE and "
            "subprotocol:NAME in --client say what to ask for"
        )
    return f"inconclusive: no failure in {schedules} schedules, and too few were looked at"


def _answered(what: str, statuses: Mapping[str, int]) -> str:
    """Return by what a request was answered."""
    said = ", ".join(f"{status} in {count}" for status, count in statuses.items())
    return f"{what} was answered by {said} schedules"


def _rows(climbed: Climbed) -> Iterator[Table]:
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for column in ("", "clients", "schedules", "states", "fail", ""):
        table.add_column(column, justify="right" if column in ("schedules", "states") else "left")
    for rung in climbed.rungs:
        for index, case in enumerate(rung.cases):
            clients = " | ".join(one.typed for one in case.subject.case.clients)
            fail = f"{len(case.failing)} of {len(case.endings)} endings"
            table.add_row(
                Text("" if index else printable(rung.words)),
                Text(printable(clients)),
                str(case.schedules),
                str(case.states),
                fail if case.fails else "0",
                "complete" if case.complete else "cut",
            )
        if len(rung.cases) < rung.wanted:
            left = rung.wanted - len(rung.cases)
            table.add_row("", f"{left} more not looked at", "", "", "", "cut")
    yield table


def _failure(failure: Failure) -> Iterator[Text]:
    """Tell one failure: what, whose, where, why, what it needs, and whether a kernel does it."""
    record = failure.record
    before: Reason | None = None
    for one in failure.explained:
        finding = one.finding
        where = f" ({finding.where})" if finding.where else ""
        whose = f" [{finding.connection}]" if finding.connection else ""
        yield Text(printable(f"  {finding.kind}{whose}: {finding.text}{where}"), style="red")
        yield Text(printable(f"    {FINDINGS[finding.kind].definition}"), style="dim")
        if one.reason is not None and one.reason != before:
            for line in one.reason.lines():
                yield Text(printable(f"    {line}"))
        before = one.reason
    for stand in failure.stands:
        yield Text(printable(f"    {stand.line()}"))
    yield Text(printable(f"    {needs(record)}"))
    for line in failure.circumstances.lines():
        yield Text(printable(f"    {line}"))
    if failure.executed is not None:
        for line in executed_lines(failure.executed):
            yield Text(printable(f"    {line}"))


def needs(record: Record) -> str:
    """Return which of a run's choices are not the usual ones."""
    others = [choice for choice in record.schedule if choice.deviates]
    count = f"{deviations(record.schedule)} of {len(record.schedule)} choices not the default"
    told = ", ".join(
        f"{one.question.asker or one.question.kind}: {one.option}" for one in others[:4]
    )
    clients = " | ".join(one.typed for one in _case(record).clients)
    more = ", ..." if len(others) > 4 else ""
    return f"needs: {clients}; {count}" + (f" ({told}{more})" if told else "")


def _case(record: Record) -> AppCase:
    subject = record.subject
    assert isinstance(subject, AppSubject), "what is checked is an application"
    return subject.case


def bounds_words(climbed: Climbed, case: AppCase) -> str:
    """Return the bounds of what was looked at: those of the last question that was answered."""
    failing = climbed.failing
    done = [rung for rung in climbed.rungs if rung.complete and rung.cases]
    if failing is not None:
        bounds = failing.subject.case.bounds
    else:
        bounds = _widest(done) if done else case.bounds
    late = "never late" if not bounds.late else f"late at most {_times(bounds.late)}"
    by = f", by {bounds.stall_ms:g} ms" if bounds.late else ""
    said = [
        *filter(None, [climbed.way.words()]),
        f"the process {late}{by}",
        f"bytes under way for at most {bounds.latency_ms / 1000:g} s",
        f"{bounds.until_ms / 1000:g} s after a client's last act has come",
        f"{bounds.gone_ms / 1000:g} s after the last one left",
        "server pings" if case.pings else "no server pings",
        "choices from when all are open" if bounds.start == "open" else "choices from the request",
        f"{bounds.splits} frames in two halves" if bounds.splits else "whole frames",
        f"{bounds.partial} partial sends" if bounds.partial else "whole sends",
        "the clock is seen at deadlines",
        "100 turns without time",
        "Linux TCP",
    ]
    return "; ".join(said)


def _widest(rungs: list[Rung]) -> Bounds:
    return max(
        (case.subject.case.bounds for rung in rungs for case in rung.cases),
        key=lambda one: (one.late, one.latency_ms),
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _notes(climbed: Climbed) -> Iterator[str]:
    """Yield what is said beside the verdict, once each."""
    notes: dict[str, tuple[int, Finding]] = {}
    for one in climbed.cases:
        for kind, (count, finding) in one.notes.items():
            runs, first = notes.get(kind, (0, finding))
            notes[kind] = runs + count, first
    for kind, (count, finding) in sorted(notes.items()):
        where = f" ({finding.where})" if finding.where else ""
        yield f"{kind} in {count} schedules: {finding.text}{where}"
    for what, statuses in climbed.answers.items():
        if not all(map(succeeds, statuses)):
            yield _answered(what, statuses)
    for name, met in sorted(climbed.situations.items()):
        yield f"sometimes {name!r}: {'met' if met else 'never met'}"
    opaque = climbed.cases[0].subject.application.opaque if climbed.cases else {}
    if opaque:
        names = ", ".join(sorted(opaque))
        yield f"nobody can look into objects of {names}: what they keep from run to run is not seen"


def _asides(checked: Checked) -> Iterator[str]:
    """Yield what is said of the check itself."""
    if checked.climbed.aside:
        yield checked.climbed.aside
    if checked.audited is not None and not checked.audited.difference:
        pairs = checked.audited.pairs
        yield f"audit: {pairs} times two ways led to one state; from both the same followed"
    if checked.made_up and not checked.climbed.no_answer:
        message = repr(MESSAGE)
        yield (
            f"{message} was made up; say what your messages look like: "
            """--client 'send:{"type": "join"}, close'"""
        )
    if find_spec("uvloop") is not None:
        yield "uvloop is installed: this verdict is for asyncio's loop (uvicorn --loop asyncio)"


def _labelled(label: str, words: str) -> Iterator[Text]:
    yield Text(printable(f"{label:<8}{words}"))


def _again(record: Record) -> Iterator[str | Text]:
    token = token_or_none(record)
    if token:
        options = shlex.join(record.subject.options())
        yield f"again   wsrace replay {token} {options}"
    words = "".join(f", {name}={value!r}" for name, value in asked_in_test(record).items())
    yield Text(printable(f'test    wsrace_app.check("{_case(record).target}"{words})'))


def asked_in_test(record: Record) -> dict[str, object]:
    """Return what a test has to ask besides the application to get to a run of it."""
    case = _case(record)
    clients = [f"{path} {_bare(one.typed)}".strip() for one, path in _asked(record)]
    said = {"clients": clients, "invariants": list(case.invariants), "at_end": list(case.at_end)}
    return {name: value for name, value in said.items() if value}


def _asked(record: Record) -> Iterator[tuple[Any, str]]:
    subject = record.subject
    assert isinstance(subject, AppSubject), "what is checked is an application"
    yield from zip(subject.case.clients, subject.paths, strict=True)


def _bare(typed: str) -> str:
    """Return a script without its path."""
    return typed.partition(" ")[2] if typed.startswith("/") else typed


def in_words(checked: Checked) -> str:
    """Return what was found as plain text, for a test that fails."""
    console = Console(width=_WIDTH, color_system=None, file=io.StringIO())
    with console.capture() as told:
        for part in tell(checked):
            console.print(part, markup=False, soft_wrap=isinstance(part, str))
    return told.get()


def document_of(checked: Checked) -> dict[str, Any]:
    """Return what was found as plain data."""
    climbed, subject = checked.climbed, checked.subject
    return {
        "schema": CHECK,
        "wsrace": __version__,
        "target": subject.case.target,
        "server": subject.case.server,
        "versions": dict(versions()),
        "on": server_words(subject.case, subject.application.loaded(subject.case)),
        "verdict": str(climbed.verdict),
        "says": _verdict_line(climbed),
        "notes": [*_notes(climbed), *_asides(checked)],
        "no_answer": climbed.no_answer,
        "shared": list(climbed.shared),
        "bounds": bounds_words(climbed, subject.case),
        "situations": climbed.situations,
        "audit": None if checked.audited is None else asdict(checked.audited),
        "seconds": round(checked.seconds, 3),
        "rungs": [
            {
                "asks": rung.words,
                "complete": rung.complete,
                "cases": [
                    {
                        "clients": [one.typed for one in case.subject.case.clients],
                        "paths": list(case.subject.paths),
                        "bounds": asdict(case.subject.case.bounds),
                        "complete": case.complete,
                        "schedules": case.schedules,
                        "states": case.states,
                        "endings": dict(case.endings),
                        "failing": sorted(case.failing),
                        "notes": {
                            kind: {"schedules": count, **asdict(finding)}
                            for kind, (count, finding) in sorted(case.notes.items())
                        },
                    }
                    for case in rung.cases
                ],
            }
            for rung in climbed.rungs
        ],
        "failures": [_failure_document(one) for one in checked.failures],
    }


def _failure_document(failure: Failure) -> dict[str, Any]:
    record = failure.record
    return {
        "outcome": record.outcome.label,
        "findings": [asdict(finding) for finding in record.outcome.findings],
        "why": {
            each.finding.text: list(each.reason.lines())
            for each in failure.explained
            if each.reason is not None
        },
        "waiting": [asdict(waiting) for waiting in record.end.waiting],
        "stands": [asdict(stand) for stand in failure.stands],
        "came_of": _circumstances_document(failure.circumstances),
        "needs": needs(record),
        "deviations": deviations(record.schedule),
        "choices": len(record.schedule),
        "digest": record.digest,
        "token": token_or_none(record),
        "executed": None if failure.executed is None else executed_document(failure.executed),
    }


def _circumstances_document(found: Circumstances) -> dict[str, Any]:
    parting = found.parting
    return {
        "delivered": found.delivered,
        "stall_ms": found.stall_ms,
        "passes": None
        if parting is None
        else {
            "choice": parting.index,
            "failed": parting.failed,
            "passed": parting.passed,
            "outcome": parting.passing.outcome.label,
            "token": token_or_none(parting.passing),
        },
    }
