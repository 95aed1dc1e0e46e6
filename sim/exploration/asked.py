"""What is asked of an application, as people put it, and how it is prepared to be asked."""

import importlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sim.errors import UserError
from sim.exploration.failures import Failures
from sim.exploration.way import Way
from sim.files.clients import read_clients
from sim.hosting.application import Application
from sim.hosting.promises import with_promises
from sim.hosting.routes import paths_for
from sim.hosting.target import Target, load
from sim.hosting.uvicorn import usual_server
from sim.model.app import AppCase, Bounds
from sim.model.appscript import Act, Script
from sim.model.findings import Severities
from sim.model.scriptreader import parse
from sim.peer.client import HOST
from sim.peer.request import check_requests
from sim.runs.app import AppSubject
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
    """Folder of failing schedules, which are tried first; None or "none" for none."""
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


def prepare(asked: Asked, target: Target | None = None) -> tuple[AppSubject, list[Script]]:
    """Return the application, and the scripts of its clients. Raises UserError."""
    if asked.loop != "asyncio":
        raise UserError(
            f"--loop {asked.loop!r}: only asyncio's own loop can be simulated; start uvicorn with "
            "--loop asyncio to have what is checked"
        )
    if "" in asked.sometimes:
        raise UserError("--sometimes '': expected the name of a situation")
    severities = Severities(asked.fail_on, asked.allow)
    asked.way()
    bounds = Bounds(**asked.bounds)
    scripts = _scripts(asked)
    _read_environment(asked.env_file)
    promises = (*asked.case.get("invariants", ()), *asked.case.get("at_end", ()))
    if target is None:
        factory = bool(asked.case.get("factory", False))
        target = load(asked.target, asked.app_dir, factory, asked.code)
    target = with_promises(target, promises)
    given = {name: value for name, value in asked.case.items() if value is not None}
    served = {"server": usual_server(), **given} if "server" not in given else given
    case = AppCase(target=target.name, clients=(scripts[0],), bounds=bounds, **served)
    subject = AppSubject(case, Application(target), ("/",), severities)
    return replace(subject, paths=paths_of(subject, scripts[:1])), scripts


def paths_of(subject: AppSubject, scripts: Sequence[Script]) -> tuple[str, ...]:
    """Return what each client asks for. Raises UserError where that cannot be told."""
    app = subject.application.loaded(subject.case)
    return paths_for(app, scripts, subject.label)


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
        found += [_with_path(one, asked.path or "").retyped() for one in read]
    if not faults:
        faults += [fault for one in found for fault in _nobody(one, len(found))]
        faults += [fault for one in found for fault in _no_request(one)]
    if asked.clients and asked.message is not None:
        faults.append("--message: it is for clients that are made up; --client says what they send")
    if faults:
        raise UserError(*faults)
    return found


def _no_request(script: Script) -> Sequence[str]:
    """Return a fault if a script has requests that HTTP does not allow, or a path for nothing."""
    if script.path and not script.connects:
        return [f"client {script.typed!r}: a path is for a WebSocket, and it opens none"]
    try:
        check_requests(script, HOST)
    except UserError as error:
        return [f"client {script.typed!r}: {fault}" for fault in error.faults]
    return []


def _with_path(script: Script, path: str) -> Script:
    """Return a script that asks for a path, unless it says one or opens no WebSocket."""
    return replace(script, path=script.path or path) if script.connects else script


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


_HOW = ("seconds", "strategy", "max_schedules", "seed", "confirm", "audit", "cache", "sometimes")
"""What of a question says how an answer is looked for, and not what is asked."""


def failures_kept(asked: Asked, scripts: Sequence[Script]) -> Failures | None:
    """Return the failing schedules that are kept of a question, None if none are to be."""
    folder = asked.cache or "none"
    if folder == "none":
        return None
    told = {one.name: getattr(asked, one.name) for one in fields(asked)}
    question = {name: value for name, value in told.items() if name not in _HOW}
    question["clients"] = [one.typed for one in scripts]
    return Failures(Path(folder), question)
