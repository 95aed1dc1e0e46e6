"""The command `report`: what was found, as one HTML file that can be sent around."""

from dataclasses import dataclass
from pathlib import Path

import click

from sim.errors import UserError
from sim.model.documents import (
    EXPLORED,
    REPRODUCED,
    STORE,
    ExploreDocument,
    ReproduceDocument,
    read_document,
)
from sim.model.plain import printable
from sim.model.racefile import SUFFIX
from sim.replaying import is_file, read_file, written
from sim.report.html.page import Page
from sim.report.html.page import written as page_text
from sim.report.html.pages import exploration_page, reproduction_page, run_page
from sim.sweep.reproduce import cores, kept

NAME = "report.html"


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. source: a folder, a file or a token. guards: code that may be imported."""

    source: str
    out: Path | None
    guards: tuple[str, ...] = ()
    workers: int | None = None


def run(request: Request) -> None:
    """Write the report. Raises UserError for what is typed wrong; then nothing is written."""
    out = request.out or Path(NAME)
    if out.is_dir():
        raise UserError(f"-o: {out}: is a folder; expected the name of a file")
    if not out.parent.is_dir():
        raise UserError(f"-o: {out}: the folder {out.parent} does not exist")
    text = page_text(_page(request))
    written(out, text, "-o")
    click.echo(f"{printable(str(out))}: {len(text.encode()) / 1e6:.2f} MB, needs no network")


def _page(request: Request) -> Page:
    source = Path(request.source)
    if not is_file(request.source):
        return run_page(request.source, request.guards)
    if source.is_dir():
        return _folder(source, request)
    if request.source.endswith(SUFFIX):
        return run_page(read_file(source), request.guards)
    return _document(source, source.parent, request)


def _folder(folder: Path, request: Request) -> Page:
    """Return the page of what a command wrote into a folder."""
    for name in (REPRODUCED, EXPLORED):
        if (folder / name).is_file():
            return _document(folder / name, folder, request)
    raise UserError(
        f"{folder}: holds neither {REPRODUCED} of `wsrace reproduce` nor {EXPLORED} of "
        "`wsrace explore --out`"
    )


def _document(path: Path, folder: Path, request: Request) -> Page:
    found = read_document(path)
    if isinstance(found, ReproduceDocument):
        workers = request.workers or cores()
        return reproduction_page(
            kept(found, folder / STORE, request.guards), workers, request.guards
        )
    assert isinstance(found, ExploreDocument)
    files = [read_file(one) for one in sorted(folder.glob(f"*{SUFFIX}"))]
    return exploration_page(found, files, request.guards)
