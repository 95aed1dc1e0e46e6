"""An application asked every question that fits into its time, and what it came to.

What the command and the test fixture share: the question as people put it, the search, and what
came of it once that was confirmed.
"""

import asyncio
import importlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from sim.aio.session import ready
from sim.errors import UserError
from sim.exploration.app_confirm import confirmed
from sim.exploration.case import CaseFound
from sim.exploration.circumstances import Circumstances, circumstances_of
from sim.exploration.failures import Failures
from sim.exploration.ladder import Climbed, Ladder, Rung
from sim.exploration.reason import Explained, reasons_of, stands_in
from sim.exploration.state_audit import StateAudit, audit_states
from sim.exploration.verdict import Verdict
from sim.exploration.way import Way
from sim.files.clients import read_clients
from sim.hosting.application import Application
from sim.hosting.promises import promise_named
from sim.hosting.routes import paths_for
from sim.hosting.standing import Stand
from sim.hosting.target import Target, load
from sim.hosting.uvicorn import usual_server
from sim.live.steered.attempt import execute
from sim.live.steered.executed import Executed
from sim.model.app import AppCase, Bounds
from sim.model.appscript import Act, Script, parse
from sim.model.findings import Severities
from sim.runs.app import AppSubject
from sim.runs.fresh import warm
from sim.runs.subject import Record
from sim.schedulers.strategies import STATES

BOUNDS = tuple(one.name for one in fields(Bounds))
"""Options that bound what may happen."""
CASE = (
    "server",
    "factory",
    "lifespan",
    "root_path",
    "pings",
    "shutdown_at_ms",
    "grace_ms",
    "invariants",
    "at_end",
)
"""Options that say how the application is served."""
_OTHERS_S = 2.0
"""Once something fails, other causes are looked for at least so long."""
MESSAGE = "{}"
"""What clients send unless somebody says what messages look like."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an application."""

    target: str
    """"module:app", as uvicorn takes it."""
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
    """How long to look."""
    strategy: str = STATES
    """How schedules are searched."""
    max_schedules: int | None = None
    """Runs for each case, at most."""
    seed: int = 0
    """Where chance begins, if schedules are drawn."""
    confirm: int = 0
    """How often each failure is executed on the real kernel."""
    sometimes: tuple[str, ...] = ()
    """Situations that the search must meet, besides those that the code names."""
    cache: str | None = None
    """Folder of failing schedules, which are tried first; None for none."""
    audit: bool = False
    """Whether to go on from states that count as equal, and to see that what follows is equal."""
    case: dict[str, Any] = field(default_factory=dict)
    """Of an `AppCase`: what was given."""
    bounds: dict[str, Any] = field(default_factory=dict)
    """Of `Bounds`: what was given."""

    def way(self) -> Way:
        """Return how schedules are searched. Raises UserError for a way that is none."""
        most = {} if self.max_schedules is None else {"most": self.max_schedules}
        return Way(self.strategy, seed=self.seed, **most)


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which the simplest case fails, made small."""

    record: Record
    explained: list[Explained]
    """What fails in it, and why."""
    stands: list[Stand]
    """Where every task stands, if it came to stand still."""
    circumstances: Circumstances
    """What it came of."""
    executed: Executed | None = None
    """What came of it on the real kernel, if that was asked for."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it."""

    climbed: Climbed
    subject: AppSubject
    failures: list[Failure]
    seconds: float
    made_up: bool = False
    """Whether what clients send was made up."""
    audited: StateAudit | None = None
    """What the audit of states came to, if there was one."""


def _nothing(*_: object) -> None:
    """Outside of a command nobody wants to know meanwhile."""


def check_app(
    asked: Asked,
    stopwatch: Callable[[], float],
    on_failure: Callable[[Record], None] = _nothing,
    on_case: Callable[[Rung, CaseFound], None] = _nothing,
    target: Target | None = None,
) -> Checked:
    """Ask an application.

    stopwatch: gives seconds. on_failure: called with a failing run as soon as there is one.
    on_case: called when a case was looked at. target: the application, if it is here already.
    Raises UserError for what cannot be asked.
    """
    _refuse_running_loop()
    began = stopwatch()
    warm()  # it starts while the application is imported
    subject, scripts = prepare(asked, target)
    warm()  # and imports what that has needed while the search goes on
    with ready():
        return _checked(asked, subject, scripts, stopwatch, began, on_failure, on_case)


def _checked(
    asked: Asked,
    subject: AppSubject,
    scripts: list[Script],
    stopwatch: Callable[[], float],
    began: float,
    on_failure: Callable[[Record], None],
    on_case: Callable[[Rung, CaseFound], None],
) -> Checked:
    ends = began + asked.seconds

    def on_looked(rung: Rung, case: CaseFound) -> None:
        nonlocal ends
        if case.fails:  # other causes are looked for as long again, and no longer
            now = stopwatch()
            ends = min(ends, now + max(now - began, _OTHERS_S))
        on_case(rung, case)

    failures = _failures(asked, scripts)
    before = failures.tried(subject, on_failure) if failures is not None else []
    for rung in before:
        for case in rung.cases:
            on_looked(rung, case)
    climbed = Ladder(
        subject,
        scripts,
        partial(_paths, subject),
        alone=not asked.clients or len(scripts) == 1,
        bounds=tuple(asked.bounds),
        way=asked.way(),
    ).climb(on_failure, on_looked, lambda: ends - stopwatch(), before)
    climbed = _met(_judged(climbed, asked), asked, subject.application.situations)
    audited = _audited(climbed, asked, stopwatch) if asked.audit else None
    smallest = confirmed(climbed)
    if failures is not None and not climbed.no_answer:
        failures.keep(smallest)
    explained = [_explained(one, asked, stopwatch) for one in smallest]
    made_up = not asked.clients and asked.message is None
    return Checked(climbed, subject, explained, stopwatch() - began, made_up, audited)


_HOW = ("seconds", "strategy", "max_schedules", "seed", "confirm", "audit", "cache", "sometimes")
"""What of a question says how an answer is looked for, and not what is asked."""


def _failures(asked: Asked, scripts: Sequence[Script]) -> Failures | None:
    """Return the failing schedules that are kept of a question, None if none are to be."""
    if not asked.cache:
        return None
    told = {one.name: getattr(asked, one.name) for one in fields(asked)}
    question = {name: value for name, value in told.items() if name not in _HOW}
    question["clients"] = [one.typed for one in scripts]
    return Failures(Path(asked.cache), question)


def _explained(made: Record, asked: Asked, stopwatch: Callable[[], float]) -> Failure:
    executed = execute(made, asked.confirm, stopwatch) if asked.confirm else None
    stands = stands_in(made) if made.end.waiting else []
    return Failure(made, reasons_of(made), stands, circumstances_of(made), executed)


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UserError("an event loop runs in this thread: check applications where none does")


# -- what is asked ---------------------------------------------------------------------------------


def prepare(asked: Asked, target: Target | None = None) -> tuple[AppSubject, list[Script]]:
    """Return the application, and the scripts of its clients. Raises UserError."""
    if asked.loop != "asyncio":
        raise UserError(
            f"--loop {asked.loop!r}: only asyncio's own loop can be simulated; start uvicorn with "
            "--loop asyncio to have what is checked"
        )
    severities = Severities(asked.fail_on, asked.allow)
    asked.way()
    bounds = Bounds(**asked.bounds)
    scripts = _scripts(asked)
    _read_environment(asked.env_file)
    promises = (*asked.case.get("invariants", ()), *asked.case.get("at_end", ()))
    theirs = tuple(dict.fromkeys(name.partition(":")[0].partition(".")[0] for name in promises))
    if target is None:
        factory = bool(asked.case.get("factory", False))
        target = load(asked.target, asked.app_dir, factory, (*asked.code, *theirs))
    elif theirs:
        target = replace(target, code=(*target.code, *theirs))
    for name in promises:
        promise_named(name)
    given = {name: value for name, value in asked.case.items() if value is not None}
    served = {"server": usual_server(), **given} if "server" not in given else given
    case = AppCase(target=target.name, clients=(scripts[0],), bounds=bounds, **served)
    subject = AppSubject(case, Application(target), ("/",), severities)
    return replace(subject, paths=_paths(subject, scripts[:1])), scripts


def _paths(subject: AppSubject, scripts: Sequence[Script]) -> tuple[str, ...]:
    app = subject.application.loaded(subject.case)
    return paths_for(app, tuple(one.path for one in scripts), subject.label)


def _scripts(asked: Asked) -> list[Script]:
    """Return the scripts that were typed, else those that are tried where nothing was."""
    faults: list[str] = []
    found: list[Script] = []
    for typed in asked.clients or usual_scripts(asked.message or MESSAGE):
        try:
            read = read_clients(typed[1:]) if typed.startswith("@") else [parse(typed)]
        except UserError as error:
            faults += error.faults
            continue
        found += [replace(one, path=one.path or asked.path or "").retyped() for one in read]
    if not faults:
        faults += [fault for one in found for fault in _nobody(one, len(found))]
    if asked.clients and asked.message is not None:
        faults.append("--message: it is for clients that are made up; --client says what they send")
    if faults:
        raise UserError(*faults)
    return found


def _nobody(script: Script, clients: int) -> list[str]:
    """Return a fault for each client that a script waits for and that is not there."""
    return [
        f"client {script.typed!r}: {step.typed()}: there is no {step.text}; clients that are "
        f"given: {clients}"
        for step in script.steps
        if step.act is Act.AFTER and int(step.text[1:]) not in range(1, clients + 1)
    ]


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


def _judged(climbed: Climbed, asked: Asked) -> Climbed:
    """Return it with no answer where a made-up message is what fails, and nothing else."""
    if asked.clients or asked.message is not None or climbed.no_answer:
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


def _met(climbed: Climbed, asked: Asked, situations: dict[str, bool]) -> Climbed:
    """Return it with no answer where nothing fails, and a situation was never met."""
    wanted = dict.fromkeys(asked.sometimes, False) | situations
    climbed.situations = wanted
    never = [repr(name) for name, met in sorted(wanted.items()) if not met]
    if never and climbed.verdict is Verdict.RACE_FREE:
        schedules = sum(case.schedules for case in climbed.cases)
        climbed.no_answer = (
            f"nothing fails, but in {schedules} schedules {', '.join(never)} was never met; other "
            "clients, or wider bounds, may lead there"
        )
    return climbed


def _audited(climbed: Climbed, asked: Asked, stopwatch: Callable[[], float]) -> StateAudit:
    """Audit the states of every case; no answer if two that count as equal are not."""
    began, found = stopwatch(), StateAudit()

    def time_is_up() -> bool:
        return stopwatch() - began > asked.seconds

    for case in climbed.cases:
        if climbed.no_answer or time_is_up():
            break
        found += audit_states(case.subject, time_is_up=time_is_up)
        climbed.no_answer = found.difference
    return found
