"""A failure of an application as a page shows it, beside the nearest run that passes."""

import shlex

from sim.exploration.check import Failure, failure_of
from sim.exploration.reason import watched_of
from sim.files.racefile import RaceFile
from sim.files.token import decode
from sim.model.plain import printable
from sim.report.html.beside import beside
from sim.report.html.cases import Case, Shown
from sim.report.html.lanes import lanes
from sim.report.html.sources import snippets_of_files
from sim.report.text.check import needs, server_words
from sim.report.trace.appwalk import in_lanes, lanes_of, walk_of, with_window
from sim.report.trace.events import connection_of
from sim.runs.app import AppSubject
from sim.runs.replay import Allowed, replayed
from sim.runs.subject import Record


def app_case(given: str | RaceFile, allowed: Allowed, title: str, name: str = "") -> Case:
    """Return what a page shows of a run of an application, a token or a race file.

    allowed: the application, if it may be imported. name: what the file is called. Raises UserError
    if it may not.
    """
    recorded = decode(given) if isinstance(given, str) else given
    found = replayed(recorded, allowed).record
    subject = found.subject
    assert isinstance(subject, AppSubject), "of an application"
    runs, why, apart = [("run", found)], list[str](), ""
    if _fails(found):
        failure = failure_of(found)
        parting = failure.circumstances.parting
        runs, why = [("failing run", found)], _why(failure)
        apart = "No passing run was found among other schedules."
        if parting is not None:
            runs.append(("nearest passing run that was found", parting.passing))
            apart = "Beside it stands the nearest passing run that was found."
    app = subject.application.loaded(subject.case)
    what = given if isinstance(given, str) else name
    again = ["wsrace", "replay", what, *subject.options()] if what else []
    return _put(
        title,
        f"{server_words(subject.case, app)}; {needs(found)}",
        why,
        apart,
        runs,
        shlex.join(again),
    )


def _fails(found: Record) -> bool:
    return any(one.failure for one in found.outcome.findings)


def _why(failure: Failure) -> list[str]:
    """Return the reason of a failure, and what stood around it; the failure itself comes first."""
    lines: list[str] = []
    for one in failure.explained:
        where = f" at {one.finding.where}" if one.finding.where else ""
        whose = f" of {one.finding.connection}" if one.finding.connection else ""
        lines.append(f"{one.finding.kind}{whose}: {one.finding.text}{where}")
        if one.reason is not None:
            lines += [line.strip() for line in one.reason.lines()]
    lines += [stand.line() for stand in failure.stands]
    lines += failure.circumstances.lines()
    return [printable(line) for line in lines]


def _put(
    title: str,
    about: str,
    why: list[str],
    apart: str,
    runs: list[tuple[str, Record]],
    again: str,
) -> Case:
    """Return a case of one or two runs. apart: what is said of the passing one."""
    failing = runs[0][1]
    connection = connection_of(failing)
    watched = watched_of(failing)
    walks = [walk_of(run, watched) for _, run in runs]
    names = lanes_of(walks)
    moments = [in_lanes(walk, names) for walk in walks]
    moments[0] = with_window(moments[0], connection)
    told = beside(moments)
    shown = tuple(
        Shown(
            role,
            run.outcome.label,
            run.digest,
            _fails(run),
            walk,
            lanes(walk, names, told.parting),
        )
        for (role, run), walk in zip(runs, told.walks, strict=True)
    )
    files = {where: file for walk in walks for where, file in walk.files.items()}
    places = {
        where: files[where]
        for walk in told.walks
        for one in walk.moments
        for where in (one.where, one.handler)
        if where in files
    }
    sources = snippets_of_files(places)
    return Case(
        title=title,
        about=about,
        why=why[0].rstrip(".") if why else "",
        apart=apart,
        runs=shown,
        parting=told.parting,
        again=again,
        sources=sources,
        states=tuple(names),
        reasons=tuple(why[1:]),
    )
