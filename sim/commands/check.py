"""The command `check`: an application of somebody's own under every schedule within bounds."""

import importlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import click

from sim.commands.terminal import Bar, make_folder, show
from sim.errors import UserError
from sim.exploration.case import CaseFound
from sim.exploration.inquiry import Inquiry
from sim.exploration.ladder import Climbed, Ladder, Rung
from sim.exploration.shrink import Shrinker
from sim.files.outside import write_whole
from sim.hosting.application import Application
from sim.hosting.routes import paths_for
from sim.hosting.target import load
from sim.hosting.uvicorn import usual_server
from sim.model.app import AppCase, Bounds
from sim.model.appscript import Script, parse
from sim.model.findings import Severities
from sim.model.plain import printable
from sim.report.text.check import document_of, status_of, tell
from sim.runs.app import AppSubject
from sim.runs.fresh import FreshProcess
from sim.runs.replay import file_of, write_file
from sim.runs.subject import Record

BOUNDS = tuple(one.name for one in fields(Bounds))
"""Options that bound what may happen."""
CASE = ("server", "factory", "lifespan", "root_path", "pings")
"""Options that say how the application is served."""
MESSAGE = "{}"
"""What clients send unless somebody says what messages look like."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed."""

    target: str
    path: str | None = None
    clients: tuple[str, ...] = ()
    message: str | None = None
    app_dir: str = "."
    env_file: str | None = None
    loop: str = "asyncio"
    code: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    seconds: float = 10.0
    as_json: bool = False
    out: Path | None = None
    case: dict[str, Any] = field(default_factory=dict)
    """Of an `AppCase`: what was given."""
    bounds: dict[str, Any] = field(default_factory=dict)
    """Of `Bounds`: what was given."""


def run(request: Request, stopwatch: Callable[[], float]) -> int:
    """Do what was asked. Return the exit status: 0 race-free, 1 a failure, 3 no answer."""
    began = stopwatch()
    subject, scripts = _subject(request)
    ladder = Ladder(
        subject,
        scripts,
        lambda some: _paths(subject, some),
        alone=len(request.clients) <= 1,
        bounds=tuple(request.bounds),
    )
    if request.out is not None:
        make_folder(request.out)
    with Bar("looking") as bar:
        climbed = ladder.climb(
            lambda made: _say_failure(bar, made),
            lambda rung, case: _say_case(bar, rung, case),
            lambda: stopwatch() - began > request.seconds,
        )
        climbed = _judged(climbed, request)
        bar.tell(note="making failures small, and running them again elsewhere")
        smallest = _smallest(climbed)
        climbed, smallest = _confirmed(climbed, smallest)
    document = document_of(climbed, subject, smallest, stopwatch() - began)
    if request.out is not None:
        _keep(request.out, document, smallest)
    if request.as_json:
        click.echo(json.dumps(document, sort_keys=True))
    else:
        show(tell(climbed, subject, smallest, stopwatch() - began))
    return status_of(climbed)


# -- what is asked ---------------------------------------------------------------------------------


def _subject(request: Request) -> tuple[AppSubject, list[Script]]:
    """Return the application, and the scripts of its clients. Raises UserError."""
    if request.loop != "asyncio":
        raise UserError(
            f"--loop {request.loop!r}: only asyncio's own loop can be simulated; start uvicorn "
            "with --loop asyncio to have what is checked"
        )
    severities = Severities(request.fail_on, request.allow)
    bounds = Bounds(**request.bounds)
    scripts = _scripts(request)
    _read_environment(request.env_file)
    factory = bool(request.case.get("factory", False))
    target = load(request.target, request.app_dir, factory, request.code)
    served = {**request.case, "server": request.case.get("server") or usual_server()}
    case = AppCase(target=request.target, clients=(scripts[0],), bounds=bounds, **served)
    application = Application(target)
    subject = AppSubject(case, application, ("/",), severities)
    return replace(subject, paths=_paths(subject, scripts[:1])), scripts


def _paths(subject: AppSubject, scripts: Sequence[Script]) -> tuple[str, ...]:
    app = subject.application.loaded(subject.case)
    return paths_for(app, tuple(one.path for one in scripts), subject.label)


def _scripts(request: Request) -> list[Script]:
    """Return the scripts that were typed, else those that are tried where nothing was."""
    faults: list[str] = []
    found: list[Script] = []
    for typed in request.clients or usual_scripts(request.message or MESSAGE):
        try:
            script = parse(typed)
        except UserError as error:
            faults += error.faults
            continue
        found.append(replace(script, path=script.path or request.path or "").retyped())
    if request.clients and request.message is not None:
        faults.append("--message: it is for clients that are made up; --client says what they send")
    if faults:
        raise UserError(*faults)
    return found


def usual_scripts(message: str) -> list[str]:
    """Return what clients do unless somebody says: the ways in which connections end."""
    send = f"send:{json.dumps(message)}"
    return [f"{send}, close", "sleep:30000, close", f"{send}, drop", f"{send}, rst"]


def _read_environment(file: str | None) -> None:
    if file is None:
        return
    if not os.path.isfile(file):
        raise UserError(f"--env-file {file!r}: no such file")
    try:
        dotenv = importlib.import_module("dotenv")
    except ImportError:
        raise UserError("--env-file: needs python-dotenv, as uvicorn does") from None
    dotenv.load_dotenv(file)


# -- what came of it -------------------------------------------------------------------------------


def _judged(climbed: Climbed, request: Request) -> Climbed:
    """Return it with no answer where a made-up message is what fails, and nothing else."""
    if request.clients or request.message is not None or climbed.no_answer:
        return climbed
    read = sum(case.read for case in climbed.cases)
    failed = sum(case.read_failing for case in climbed.cases)
    others = sum(sum(case.endings[one] for one in case.failing) for case in climbed.cases) - failed
    kinds = {
        finding.kind
        for case in climbed.cases
        for made in case.failing.values()
        for finding in made.outcome.findings
        if finding.failure
    }
    if not read or failed < read or others or kinds != {"escape"}:
        return climbed
    example = next(made for case in climbed.cases for made in case.failing.values())
    finding = next(one for one in example.outcome.findings if one.failure)
    where = f" at {finding.where}" if finding.where else ""
    climbed.no_answer = (
        f"every schedule in which the made-up message {MESSAGE!r} was read ends by {finding.text}"
        f"{where}; say what your messages look like: --message or --client 'send:..., close'"
    )
    return climbed


def _smallest(climbed: Climbed) -> list[Record]:
    """Return a small run for each failing ending of the first case that fails, simplest first."""
    if climbed.no_answer or climbed.failing is None:
        return []
    inquiry = Inquiry(strategy="exhaustive")
    made = [Shrinker(inquiry, one).shrink().record for one in climbed.failing.failing.values()]
    made.sort(key=lambda one: (sum(choice.deviates for choice in one.schedule), one.end.steps))
    kinds: dict[object, Record] = {}
    for one in made:
        what = frozenset(
            (finding.kind, finding.where) for finding in one.outcome.findings if finding.failure
        )
        kinds.setdefault(what, one)
    return list(kinds.values())


def _confirmed(climbed: Climbed, smallest: list[Record]) -> tuple[Climbed, list[Record]]:
    """Run what is told, and a few other runs, in a new process; no answer if one differs."""
    if climbed.no_answer or not climbed.cases:
        return climbed, smallest
    records = [*smallest, *(made for case in climbed.cases for made in case.kept[:_SPREAD])]
    for made, answer in zip(records, FreshProcess(records).answers(), strict=True):
        if answer.error:
            climbed.no_answer = f"its runs cannot be made in a new process: {answer.error}"
            return climbed, []
        if not answer.same(made):
            climbed.no_answer = (
                "a run goes otherwise in a new process, in which none went before it: "
                f"{answer.outcome} instead of {made.outcome.label}"
            )
            return climbed, []
    return climbed, smallest


_SPREAD = 3
"""So many runs of each case are made again in a new process."""


def _keep(folder: Path, document: dict[str, Any], smallest: list[Record]) -> None:
    for number, made in enumerate(smallest, 1):
        write_file(folder / f"failure-{number}.race.json", file_of(made))
    write_whole(folder / "check.json", json.dumps(document, sort_keys=True) + "\n", "--out")


def _say_failure(bar: Bar, made: Record) -> None:
    finding = next(one for one in made.outcome.findings if one.failure)
    where = f" ({finding.where})" if finding.where else ""
    bar.say_once(printable(f"fails: {finding.kind}: {finding.text}{where}"), finding.kind)


def _say_case(bar: Bar, rung: Rung, case: CaseFound) -> None:
    clients = " | ".join(one.typed for one in case.subject.case.clients)
    bar.tell(note=printable(f"{rung.words}: {clients}: {case.schedules} schedules"))
