"""The process in which runs are made again: what `sim.runs.fresh` starts and asks.

It imports what takes long, runs nothing, and forks for each request.
"""

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from typing import Any

from sim.errors import Divergence, WsraceError
from sim.files.racefile import from_text
from sim.files.recorded import Recorded
from sim.runs.fresh import FORKS, Answer
from sim.runs.replay import Allowed, repeat, subject_of


def serve() -> None:
    """Answer the requests on standard input, each in a fork."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what somebody's code prints is no answer
    for line in sys.stdin:
        asked = json.loads(line)
        if not FORKS:
            _serve_one(asked, out)
            return
        if "load" in asked:
            _load_libraries(asked["load"])
            continue
        child = os.fork()
        if child == 0:
            try:
                _serve_one(asked, out)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


def _load_libraries(names: list[str]) -> None:
    """Import libraries before the forks, each of which would do it again otherwise."""
    for name in names:
        with suppress(Exception):  # whoever needs it will say what is wrong with it
            importlib.import_module(name)


def _serve_one(asked: dict[str, Any], out: int) -> None:
    sys.path[:] = asked["path"]
    os.environ.clear()
    os.environ.update(asked["environment"])
    try:
        os.chdir(asked["folder"])
        with _prepared_for(asked["runs"]):
            answers: Any = [asdict(_answer(request)) for request in asked["runs"]]
    except BaseException as error:
        answers = f"{type(error).__name__}: {error}"
    told = json.dumps({"number": asked["number"], "answers": answers}) + "\n"
    os.write(out, told.encode())


def _prepared_for(runs: Sequence[dict[str, Any]]) -> AbstractContextManager[object]:
    """Return what prepares this process once for several runs, if they are an application's."""
    if not any("app" in json.loads(request["file"]) for request in runs):
        return nullcontext()
    from sim.aio.session import ready  # who runs scenarios alone needs no asyncio

    return ready()


def _answer(request: dict[str, Any]) -> Answer:
    try:
        for name, file in request["modules"].items():
            _load(name, file)
        recorded = from_text(request["file"].encode(), "run")
        made = repeat(recorded, subject_of(recorded, _all_of(recorded)))
    except Divergence as error:  # it went otherwise, so soon that it has another schedule
        return Answer("diverged", f"another way: {error}")
    except WsraceError as error:
        return Answer(error=str(error))
    return Answer(made.digest, made.outcome.label)


def _all_of(recorded: Recorded) -> Allowed:
    """Allow all that a run names: whoever asked has named it already."""
    scenario = recorded.scenario
    guard = scenario.guard if scenario is not None and ":" in scenario.guard else None
    app = recorded.app
    if app is None:
        return Allowed(guard, recorded.handler)
    promises = (*app.invariants, *app.at_end)
    return Allowed(guard, recorded.handler, app.target, promises=promises)


def _load(name: str, file: str) -> None:
    """Import a module from its file, unless it is what its name finds.

    Test runners import files under names of their own, which may find something else or nothing.
    """
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is not None and found.origin and os.path.realpath(found.origin) == file:
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
