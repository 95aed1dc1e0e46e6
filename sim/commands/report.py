"""The command `report`: what was found, as one HTML file that can be sent around."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from sim.errors import UserError
from sim.files.documents import (
    CHECKED,
    EXPLORED,
    REPRODUCED,
    STORE,
    CheckDocument,
    ExploreDocument,
    ReproduceDocument,
    read_document,
)
from sim.files.outside import write_whole
from sim.files.racefile import SUFFIX, RaceFile
from sim.files.recorded import Recorded
from sim.files.token import PREFIX, decode
from sim.model.plain import fault, printable
from sim.model.properties import PROPERTIES
from sim.report.html.app_pages import app_run_page, check_page
from sim.report.html.page import Page, html_of
from sim.report.html.pages import exploration_page, reproduction_page, run_page
from sim.runs.keep import is_file, read_file
from sim.runs.replay import Allowed
from sim.schedulers.strategies import STRATEGIES
from sim.sweep.kept import load_reproduction
from sim.workers.seam import cores

NAME, STDOUT = "report.html", "-"


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. source: a folder, a file or a token. guards: guards and handlers that may be
    imported."""

    source: str
    out: Path | None
    guards: tuple[str, ...] = ()
    workers: int | None = None
    app: str | None = None
    """An application that may be imported."""
    app_dir: str | None = None
    """Where it lies; None for where it lay when it was checked."""
    promises: tuple[str, ...] = ()
    """Functions that must hold, which may be imported."""

    @property
    def allowed(self) -> Allowed:
        """What of an application's may be imported."""
        return Allowed(app=self.app, app_dir=self.app_dir, promises=self.promises)


def run(request: Request) -> None:
    """Write the report. Raises UserError for what is typed wrong; then nothing is written."""
    out = request.out or Path(NAME)
    to_stdout = str(out) == STDOUT
    if not to_stdout:
        _check(out)
    text = html_of(_page(request))
    if to_stdout:
        click.echo(text, nl=False)
        return
    write_whole(out, text, "-o")
    click.echo(f"{printable(str(out))}: {len(text.encode()) / 1e6:.2f} MB, needs no network")


def _check(out: Path) -> None:
    """See that a file can be written there, before anything is drawn."""
    if not str(out).strip(".") or out.is_dir():
        raise UserError(f"-o: {out}: expected the name of a file, or - for standard output")
    if not out.parent.is_dir():
        raise UserError(f"-o: {out}: the folder {out.parent} does not exist")


def _page(request: Request) -> Page:
    source = Path(request.source)
    if not is_file(request.source):
        if not request.source.startswith(PREFIX):
            what = "there is no such file or folder, and it is no token"
            raise UserError(fault(f"{request.source}: {what}"))
        recorded = decode(request.source)
        if recorded.app is not None:
            return app_run_page(request.source, request.allowed)
        _check_guards(request.guards, _code_of(recorded))
        return run_page(request.source, request.guards)
    if source.is_dir():
        return _folder(source, request)
    if request.source.endswith(SUFFIX):
        race = read_file(source)
        if race.app is not None:
            return app_run_page(race, request.allowed, source.name)
        _check_guards(request.guards, _code_of(race))
        return run_page(race, request.guards, source.name)
    return _document(source, source.parent, request)


def _folder(folder: Path, request: Request) -> Page:
    """Return the page of what a command wrote into a folder."""
    for name in (REPRODUCED, EXPLORED, CHECKED):
        if (folder / name).is_file():
            return _document(folder / name, folder, request)
    raise UserError(
        f"{folder}: holds neither {REPRODUCED} of `wsrace reproduce` nor {EXPLORED} of "
        f"`wsrace explore --out` nor {CHECKED} of `wsrace check --out`"
    )


def _document(path: Path, folder: Path, request: Request) -> Page:
    found = read_document(path)
    if isinstance(found, ReproduceDocument):
        named = {guard for one in found.scenarios for guard in found.guards or one.sweep.guards}
        _check_guards(request.guards, named)
        reproduction = load_reproduction(found, folder / STORE, request.guards)
        return reproduction_page(reproduction, request.workers or cores(), request.guards)
    if isinstance(found, CheckDocument):
        return check_page(found, _failures_of(found, folder), request.allowed)
    assert isinstance(found, ExploreDocument)
    _check_words(path, found)
    _check_guards(request.guards, {row.guard for row in found.guards})
    files = [read_file(one) for one in sorted(folder.glob(f"*{SUFFIX}"))]
    return exploration_page(found, files, request.guards)


def _failures_of(found: CheckDocument, folder: Path) -> list[tuple[str, RaceFile]]:
    """Return the failures that lie beside a check, with their files' names."""
    races = [(one.name, read_file(one)) for one in sorted(folder.glob(f"*{SUFFIX}"))]
    return [(name, race) for name, race in races if race.app and race.app.target == found.target]


def _code_of(recorded: Recorded) -> set[str]:
    """Return the names of the guard and the handler of a run."""
    return {name for name in (recorded.of_scenario().guard, recorded.handler) if name}


def _check_words(path: Path, found: ExploreDocument) -> None:
    """Refuse an exploration by a strategy or for a property that does not exist."""
    faults = [
        fault(f"{path}: {key}: unknown value {given!r}; allowed: {', '.join(known)}")
        for key, given, known in (
            ("strategy", found.strategy, STRATEGIES),
            ("property", found.property, PROPERTIES),
        )
        if given not in known
    ]
    if faults:
        raise UserError(*faults)


def _check_guards(named: Iterable[str], used: Collection[str]) -> None:
    """Refuse guards that the source does not use: nothing is imported for a slip."""
    faults = [
        fault(f"{name!r} is not used there; used: {', '.join(sorted(used))}")
        for name in named
        if name not in used
    ]
    if faults:
        raise UserError(*faults)
