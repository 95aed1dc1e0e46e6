"""Applications of `tests/helpers/apps` as subjects, and what all of their runs come to."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sim.hosting.application import Application
from sim.hosting.routes import paths_for
from sim.hosting.target import load
from sim.kernel.series import run_once, run_search
from sim.model.app import AppCase, Bounds, ServerName
from sim.model.findings import Severities
from sim.model.record import End, Ending
from sim.model.schedule import Search
from sim.model.scriptreader import parse
from sim.runs.app import AppSubject
from sim.runs.subject import Record, record
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.pruned import Pruned

FOLDER = Path(__file__).parent / "apps"
TALK = "send:hi, close"


def subject(
    target: str,
    *clients: str,
    server: ServerName = "websockets-sansio",
    bounds: Bounds | None = None,
    severities: Severities | None = None,
    factory: bool = False,
) -> AppSubject:
    """Return an application, "module:app" of the folder, with clients as they are typed."""
    scripts = tuple(map(parse, clients or (TALK,)))
    application = _application(target, factory)
    case = AppCase(target, scripts, server, bounds or Bounds(), factory)
    paths = paths_for(application.loaded(case), scripts, target)
    return AppSubject(case, application, paths, severities or Severities())


@cache
def _application(target: str, factory: bool) -> Application:
    return Application(load(target, str(FOLDER), factory))


def usual(one: AppSubject) -> End:
    """Return the run in which everything goes its usual way."""
    return run_once(one.job(Fifo()))


def told(one: AppSubject) -> Record:
    """Return that run, judged."""
    return record(one, usual(one))


def endings(
    one: AppSubject, states: bool = True, most: int = 20_000
) -> tuple[dict[str, int], Search]:
    """Return how often each ending was met in a whole search, and the search."""
    search = Pruned() if states else Exhaustive()
    found: dict[str, int] = {}

    def on_end(end: End) -> None:
        if end.ending is not Ending.REDUNDANT:
            label = record(one, end).outcome.label
            found[label] = found.get(label, 0) + 1

    series = run_search(one.job(Fifo()), search, on_end, most)
    assert series.complete, f"more than {most} runs"
    return found, search


def kinds(labels: Sequence[str]) -> set[str]:
    """Return the findings that labels name."""
    return {kind for label in labels for part in label.split(", ") for kind in part.split(" + ")}
