"""Somebody's own ASGI application as a subject: unmodified, on asyncio, behind uvicorn."""

import os
import platform
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Self

from sim.aio.session import AppJob
from sim.errors import NoAnswer, UserError, words_of
from sim.files.recorded import Times
from sim.files.recorded_app import RecordedApp
from sim.hosting.application import Application
from sim.hosting.findings import Served
from sim.hosting.promises import with_promises
from sim.hosting.target import load
from sim.model.app import AppCase, Bounds
from sim.model.appscript import Act
from sim.model.findings import Severities, Severity
from sim.model.outcome import Finding, Outcome
from sim.model.plain import printable
from sim.model.record import End, Ending, Event
from sim.model.schedule import Scheduler
from sim.runs.source import source_of
from sim.runs.subject import Moment, Subject

_WAITS = (Act.WAIT, Act.AFTER)
PACKAGES = ("uvicorn", "h11", "starlette", "fastapi", "websockets", "wsproto", "anyio")
"""Packages whose versions change what a schedule means."""


@dataclass(frozen=True, slots=True)
class AppSubject:
    """One application with its clients, its server and the bounds of what may happen."""

    case: AppCase
    application: Application = field(compare=False, repr=False)
    paths: tuple[str, ...]
    """What each client asks for."""
    severities: Severities = field(default_factory=Severities)

    @property
    def label(self) -> str:
        """The application, as it was named."""
        return self.case.target

    @property
    def checker(self) -> str:
        """Who looks at states before something is done."""
        return "app"

    @property
    def lanes(self) -> tuple[str, ...]:
        """No states are known beforehand."""
        return ()

    @property
    def untimed(self) -> bool:
        """Arrivals have no time of their own, but a bound."""
        return False

    @property
    def tellable(self) -> bool:
        """Whether its names are all that another process needs."""
        return True

    def modules(self) -> dict[str, str] | None:
        """Return where the application's module lies."""
        target = self.application.target
        promises = (*self.case.invariants, *self.case.at_end)
        names = dict.fromkeys((target.module, *(name.partition(":")[0] for name in promises)))
        files = {name: getattr(sys.modules.get(name), "__file__", None) for name in names}
        known = {name: file for name, file in files.items() if file}
        return known if target.module in known else None

    @property
    def has_own_code(self) -> bool:
        """Somebody's own code is all there is."""
        return True

    def options(self) -> list[str]:
        """Return the option that lets the application be imported."""
        promises = (*self.case.invariants, *self.case.at_end)
        named = [part for name in dict.fromkeys(promises) for part in ("--invariant", name)]
        return ["--app", self.label, *named]

    def words(self) -> str:
        """Return application, server and clients."""
        clients = " | ".join(one.typed for one in self.case.clients)
        return printable(f"{self.label} on uvicorn ({self.case.server}), {clients}")

    def job(self, scheduler: Scheduler, inspect: Callable[[Served], None] | None = None) -> AppJob:
        """Return its run. Raises UserError if uvicorn cannot load it.

        inspect: called when all is known that is to be said of it.
        """
        program = self.application.program(self.case, self.paths, inspect)
        before_states = self.application.before_states
        return AppJob(program, scheduler, self.case.bounds, before_states=before_states)

    def judge(self, end: End) -> Outcome:
        """Return what a run came to. Raises NoAnswer if it says nothing about the application."""
        if not end.ending.judged:
            raise NoAnswer(f"{end.ending}: {words_of(end.error)}")
        told = [_finding(event, self.severities) for event in end.events if event.kind == "finding"]
        findings = tuple(one for one in told if one is not None)
        names = _connections(self.case, end)
        classes = [_class(name, findings, end) for name in names]
        if whole := _kinds(one for one in findings if one.connection not in names):
            classes.append(whole)
        return Outcome(
            classes=tuple(classes),
            findings=findings,
            time_up=end.ending is Ending.TIME_LIMIT,
        )

    def variants(self, times: Times) -> tuple[Self, ...]:
        """Return itself: no time is listed, and none is drawn."""
        return (self,)

    def smaller(self) -> Iterator[Self]:
        """Yield it with tighter bounds, then with fewer clients, then with shorter scripts.

        What a script waits for may be the answer to anything before: then all of that stays, else
        every run would fail by waiting for what nobody asked for.
        """
        case, bounds = self.case, self.case.bounds
        for late in range(bounds.late):
            yield replace(self, case=replace(case, bounds=replace(bounds, late=late)))
        for less in _tighter(bounds):
            yield replace(self, case=replace(case, bounds=less))
        for index in range(len(case.clients)):
            if len(case.clients) > 1 and not _refers(case) and not _others_wait(case, index):
                clients = case.clients[:index] + case.clients[index + 1 :]
                paths = self.paths[:index] + self.paths[index + 1 :]
                yield replace(self, case=replace(case, clients=clients), paths=paths)
        for index, client in enumerate(case.clients):
            for place in range(len(client.steps)):
                steps = client.steps[:place] + client.steps[place + 1 :]
                if steps and _is_idle(case, index, place):
                    shorter = replace(client, steps=steps).retyped()
                    clients = (*case.clients[:index], shorter, *case.clients[index + 1 :])
                    yield replace(self, case=replace(case, clients=clients))

    def moments(self) -> Iterator[Moment]:
        """Yield nothing: clients act when their scripts say."""
        return iter(())

    def others(self) -> Iterator[Subject]:
        """Yield nothing: there are no guards of ours in it."""
        return iter(())

    def told(self) -> dict[str, Any]:
        """Return what tokens and files keep of it, as plain data."""
        target = self.application.target
        app = RecordedApp.of(
            self.case,
            self.paths,
            severities=self.severities,
            versions=versions(),
            source=(source_of(target.name) or "")[:16] or None,
            app_dir=_relative(target.app_dir),
            code=target.code,
        )
        return {"app": app.model_dump(mode="json", exclude_defaults=True)}

    def refuses(self, prop: str) -> str:
        """Return why a property cannot be asked, "" if it can."""
        return "" if prop == "no-error" else f"property: {prop!r} is about our chat turns"

    def limits(self) -> list[str]:
        """Return why even a search that came to its end is not complete."""
        return []

    def caveats(self) -> list[str]:
        """Return what a complete verdict does not see."""
        return []

    def is_check(self, where: str) -> bool:
        """Whether a line is the application's own."""
        return bool(where)

    def acts_for(self, task: str, handler: str) -> bool:
        """Whether a task is a handler, or one that it started."""
        return task == handler or task.startswith(f"{handler}/")

    def silence(self) -> str:
        """Return why nothing happened to a connection that it could have failed by."""
        return ""


def _tighter(bounds: Bounds) -> Iterator[Bounds]:
    """Yield bounds that allow less: half the stall, whole sends, whole frames."""
    if bounds.late and bounds.stall_ms > bounds.grain_ms:
        yield replace(bounds, stall_ms=bounds.stall_ms / 2)
    if bounds.partial:
        yield replace(bounds, partial=0)
    if bounds.splits:
        yield replace(bounds, splits=0)


def _refers(case: AppCase) -> bool:
    """Whether a client waits for another one by its number, so that none can be left out."""
    return any(step.act is Act.AFTER for client in case.clients for step in client.steps)


def _others_wait(case: AppCase, index: int) -> bool:
    """Whether a client waits for messages that another one may have caused."""
    others = (client for number, client in enumerate(case.clients) if number != index)
    return any(step.act in _WAITS for client in others for step in client.steps)


def _is_idle(case: AppCase, index: int, place: int) -> bool:
    """Whether nothing waits for what a step may cause; waiting itself causes nothing."""
    steps = case.clients[index].steps
    if steps[place].act in _WAITS:
        return True
    later = any(step.act in _WAITS for step in steps[place + 1 :])
    return not later and not _others_wait(case, index)


def _relative(folder: str) -> str:
    """Return a folder as it is to be found from where a run is made again."""
    relative = os.path.relpath(folder)
    return folder if relative.startswith("..") else relative


def _finding(event: Event, severities: Severities) -> Finding | None:
    values = event.values
    name = str(values["name"])
    severity = severities.of(name)
    if severity is Severity.OFF:
        return None
    return Finding(
        name,
        severity is Severity.FAIL,
        str(values["connection"]),
        str(values["text"]),
        str(values["where"]),
        str(values["cause"]),
    )


def _kinds(findings: Iterator[Finding]) -> str:
    """Return kinds of findings in a line, failures first."""
    ordered = sorted(findings, key=lambda one: not one.failure)
    return " + ".join(dict.fromkeys(one.kind for one in ordered))


def _class(name: str, findings: tuple[Finding, ...], end: End) -> str:
    """Return how one connection ended."""
    if found := _kinds(one for one in findings if one.connection == name):
        return found
    ended = ""
    for event in end.events:
        if event.kind == "stop":
            break
        if event.values.get("connection") != name:
            continue
        if event.kind == "client.answered":
            return str(event.values["status"])
        ended = _ENDS.get(event.kind, ended)
    return ended or "not called"


def _connections(case: AppCase, end: End) -> list[str]:
    """Return the connections of a run: each client's, and those of the requests that it made."""
    before = takewhile(lambda one: one.kind != "stop", end.events)
    asked = {str(one.values["connection"]) for one in before if one.kind == "client.asked"}
    return [name for name in case.connections if name in asked or "." not in name]


_ENDS = {
    "app.called": "waiting",
    "app.returned": "returned",
    "app.raised": "gone",
    "app.cancelled": "cancelled",
}
"""How a connection stands after an event of its handler."""


@cache
def versions() -> Mapping[str, str]:
    """Return the versions that decide what a schedule means."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return MappingProxyType(found)


def app_allowed(
    recorded: RecordedApp,
    allowed: str | None,
    app_dir: str | None = None,
    promises: Collection[str] = (),
) -> AppSubject:
    """Return what a recorded run of an application was one of, if a person has named it, too.

    app_dir: where it lies; None for where it lay then. promises: functions that must hold, which a
    person has named. Raises UserError otherwise, if it cannot be loaded, and if the versions here
    are others.
    """
    if allowed != recorded.target:
        raise UserError(
            f"app {recorded.target!r}: code of your own runs only if you name it: "
            f"--app {recorded.target}"
        )
    for name in (*recorded.invariants, *recorded.at_end):
        if name not in promises:
            raise UserError(
                f"invariant {name!r}: code of your own runs only if you name it: --invariant {name}"
            )
    _check_versions(recorded.versions)
    case = recorded.case()
    target = load(recorded.target, app_dir or recorded.app_dir, recorded.factory, recorded.code)
    target = with_promises(target, (*recorded.invariants, *recorded.at_end))
    return AppSubject(case, Application(target), recorded.paths, recorded.severities())


def _check_versions(told: dict[str, str]) -> None:
    """Raise UserError if a run was recorded with versions in which it means something else."""
    here = versions()
    faults = [
        f"{name} {told.get(name, 'none')} made it, here is {here.get(name, 'none')}"
        for name in sorted({*told, *here})
        if told.get(name) != here.get(name)
    ]
    if faults:
        raise UserError(
            f"run: {'; '.join(faults)}. A schedule means something else there: "
            "install these versions, or search again with `wsrace check`"
        )
