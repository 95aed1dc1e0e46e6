"""An application to be checked by a test: what the fixture `wsrace_app` gives."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from sim.errors import UserError
from sim.exploration.asked import BOUNDS, CASE, Asked
from sim.exploration.check import Checked, check_app
from sim.exploration.verdict import Verdict
from sim.files.recorded import Recorded
from sim.files.recorded_app import RecordedApp
from sim.hosting.promises import promise_named
from sim.hosting.target import Target
from sim.runs.subject import Record
from sim.testing.frames import hide_frames

_PLAIN = tuple(
    one.name for one in fields(Asked) if one.name not in ("target", "case", "bounds", "loop")
)


class AppFailed(AssertionError):
    """An application fails, or there is no answer. `checked`: what was found out."""

    def __init__(self, message: str, checked: Checked | None = None) -> None:
        self.checked = checked
        super().__init__(message)


@hide_frames
def check(app: object, **asked: Any) -> Checked:
    """Check an application under every schedule within bounds.

    app: "module:app", or the application itself if a module has it by a name. asked: path, clients
    (one script, or several), message, app_dir, env_file, code, fail_on, allow, seconds, confirm,
    sometimes; server, factory, lifespan, root_path, pings; invariants and at_end, functions without
    arguments that must hold after every turn, and when a run is over; and the bounds late,
    stall_ms, grain_ms, latency_ms, until_ms, gone_ms, partial, splits, start (`sim.model.app`).
    Returns what was found if it is race-free within them. Raises AppFailed if it is not, or if
    there is no answer, and UserError for what cannot be asked.
    """
    checked = AppChecker({}, None).check(app, **asked)
    assert checked is not None, "nothing is replayed"
    return checked


class AppChecker:
    """Checks applications for a test."""

    def __init__(self, options: Mapping[str, Any], replay: Recorded | None) -> None:
        """Prepare. options: what holds for every check. replay: the one run to make instead."""
        self._options = dict(options)
        self._replay = replay
        self.replayed = False
        """Whether the run to replay was one of its own."""

    @hide_frames
    def check(self, app: object = None, **asked: Any) -> Checked | None:
        """As `check`; with what the marker says, unless something else is said here.

        Returns None where a run is replayed instead, and passes; the test is skipped if that run is
        none of its own.
        """
        options = {**self._options, **asked}
        app = options.pop("app", None) if app is None else app
        if app is None:
            raise UserError("wsrace_app: which application? check('module:app')")
        question, target = asked_of(app, options)
        if self._replay is not None:
            self._make_again(self._replay, question)
            return None
        checked = check_app(question, time.perf_counter, target=target)
        if checked.climbed.verdict is not Verdict.RACE_FREE:
            from sim.report.text.check import in_words  # loaded only for what fails

            raise AppFailed(in_words(checked), checked)
        return checked

    def _make_again(self, recorded: Recorded, question: Asked) -> None:
        """Make the run to replay, if it is one of this test: same application, same path."""
        if recorded.app is None or not _is_run_of(recorded.app, question):
            pytest.skip("the run to replay is none of this test")
        from sim.runs.app import app_allowed
        from sim.runs.replay import (
            repeat,  # it knows runs on Trio, too, which a check does not need
        )

        self.replayed = True
        promises = (*question.case.get("invariants", ()), *question.case.get("at_end", ()))
        subject = app_allowed(recorded.app, question.target, promises=promises)
        made: Record = repeat(recorded, subject)
        if made.outcome.failed:
            findings = [one for one in made.outcome.findings if one.failure]
            told = "\n".join(f"{one.kind} [{one.connection}]: {one.text}" for one in findings)
            raise AppFailed(f"the replayed run fails:\n{told}")


def _is_run_of(recorded: RecordedApp, question: Asked) -> bool:
    asked = question.path or ""
    same = "{" in asked or not asked or asked in recorded.paths
    return recorded.target == question.target and same


def asked_of(app: object, options: Mapping[str, Any]) -> tuple[Asked, Target | None]:
    """Return the question as the command puts it. Raises UserError for an option that is none."""
    known = (*_PLAIN, *CASE, *BOUNDS)
    faults = [
        f"{name}: no such option; there are: {', '.join(known)}"
        for name in options
        if name not in known
    ]
    faults += _faults_of_types(options)
    if faults:
        raise UserError(*faults)
    plain = {name: _tuple(name, options[name]) for name in _PLAIN if name in options}
    case = {name: options[name] for name in CASE if name in options}
    for name in case.keys() & {"invariants", "at_end"}:
        case[name] = tuple(map(_name_of, _tuple(name, case[name])))
    bounds = {name: options[name] for name in BOUNDS if name in options}
    if isinstance(app, str):
        return Asked(app, **plain, case=case, bounds=bounds), None
    target = _found(app, str(plain.get("app_dir", ".")))
    return Asked(target.name, **plain, case=case, bounds=bounds), target


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("confirm", "max_schedules", "seed", "late", "partial", "splits"), (int,)),
    **dict.fromkeys(("seconds", "stall_ms", "grain_ms", "latency_ms"), (int, float)),
    **dict.fromkeys(("until_ms", "gone_ms", "shutdown_at_ms", "grace_ms"), (int, float)),
    **dict.fromkeys(("cache", "message", "path", "app_dir", "env_file", "strategy"), (str,)),
}
_LEAST = {"confirm": 0, "max_schedules": 1, "seconds": 0}


def _faults_of_types(options: Mapping[str, Any]) -> list[str]:
    """Return a fault for each option that is of another kind than it has to be."""
    faults = []
    for name, value in options.items():
        kinds = _KINDS.get(name)
        if kinds is None or value is None:
            continue
        if not isinstance(value, kinds) or isinstance(value, bool):
            wanted = " or ".join(one.__name__ for one in kinds)
            faults.append(f"{name}: expected {wanted}, got {value!r}")
        elif isinstance(value, int | float) and value < _LEAST.get(name, value):
            faults.append(f"{name}: expected at least {_LEAST[name]}, got {value!r}")
    return faults


def _tuple(name: str, value: Any) -> Any:
    """Return several values as a tuple; one alone is one of them."""
    if name not in ("clients", "code", "fail_on", "allow", "sometimes", "invariants", "at_end"):
        return value
    one: Sequence[Any] = (value,) if isinstance(value, str) or callable(value) else value
    allowed = (str,) if name not in ("invariants", "at_end") else (str, FunctionType)
    if not isinstance(one, Sequence) or not all(isinstance(each, allowed) for each in one):
        wanted = "texts" if allowed == (str,) else "functions, or their names"
        raise UserError(f"{name}: expected {wanted}, got {value!r}")
    return tuple(one)


def _name_of(promise: object) -> str:
    """Return the name by which a function is found. Raises UserError if none finds it."""
    if isinstance(promise, str):
        return promise
    name = f"{getattr(promise, '__module__', '')}:{getattr(promise, '__qualname__', '')}"
    if "<" in name or promise_named(name) is not promise:
        raise UserError(f"invariant {name!r}: expected a function that its module has by this name")
    return name


def _found(app: object, app_dir: str) -> Target:
    """Return an application by the name that a module has for it. Raises UserError if none has."""
    here = os.path.abspath(app_dir)
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(module, ModuleType) or not file or not _is_below(file, here):
            continue
        for attribute, value in vars(module).items():
            if value is app:
                return Target(f"{name}:{attribute}", app, app_dir=app_dir)
    kind = type(app).__name__
    raise UserError(f"app: no module below {here} has this {kind} by a name; say 'module:app'")


def _is_below(file: str, folder: str) -> bool:
    return Path(file).is_relative_to(folder) and "site-packages" not in file
