"""What a page says of an application: of a check, or of one of its runs."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from sim.files.documents import CheckDocument
from sim.files.racefile import RaceFile
from sim.files.token import decode
from sim.report.html.app_cases import app_case
from sim.report.html.grids import html_table
from sim.report.html.page import Page
from sim.runs.replay import Allowed

_WITHIN = (
    "A verdict holds within its bounds, for these clients, on asyncio's own loop.",
    "One run says that something can happen, not how often it does.",
)


def check_page(
    found: CheckDocument, files: Sequence[tuple[str, RaceFile]], allowed: Allowed
) -> Page:
    """Return the page of a check. files: its failures, by the names of their files.

    allowed: the application, if it may be imported; without it no run is shown.
    """
    cases = []
    if allowed.app is not None:
        cases = [
            app_case(
                race, allowed, f"{name.partition('.')[0]}: {', '.join(race.outcome.classes)}", name
            )
            for name, race in files
        ]
    summary = [f"{found.says[0].upper()}{found.says[1:]}.", f"Bounds: {found.bounds}."]
    summary += [f"Note: {note}." for note in found.notes]
    if not files and any(case.failing for rung in found.rungs for case in rung.cases):
        summary.append("No run of it lies beside this document, so that none is shown.")
    if files and allowed.app is None:
        summary.append(f"Its failures are run, and shown, only with --app {found.target}.")
    return Page(
        title=f"{found.target}: {found.verdict}",
        about=found.on,
        summary=summary,
        table_title="What was asked",
        tables=[html_table(_table(found))],
        cases=cases,
        again=[],
        limits=_WITHIN,
    )


def _table(found: CheckDocument) -> Table:
    table = Table()
    for column in ("question", "clients", "schedules", "states", "endings that fail", "searched"):
        right = column in ("schedules", "states")
        table.add_column(column, justify="right" if right else "left")
    for rung in found.rungs:
        for case in rung.cases:
            fails = f"{len(case.failing)} of {len(case.endings)}" if case.failing else "none"
            table.add_row(
                rung.asks,
                " | ".join(case.clients),
                f"{case.schedules:,}",
                f"{case.states:,}",
                Text(fails, style="red" if case.failing else "green"),
                "completely" if case.complete else Text("in part", style="yellow"),
            )
    return table


def app_run_page(given: str | RaceFile, allowed: Allowed, name: str = "") -> Page:
    """Return the page of one run of an application, a token or a race file.

    allowed: the application. name: what the file is called. Raises UserError if it may not be
    imported.
    """
    recorded = decode(given) if isinstance(given, str) else given
    assert recorded.app is not None, "of an application"
    shown = app_case(given, allowed, "The run", name)
    first = shown.runs[0]
    return Page(
        title=f"{recorded.app.target}: {first.outcome}",
        about=f"{shown.about}; digest {first.digest}",
        summary=[f"{shown.why}.", shown.apart] if shown.why else [f"It ended so: {first.outcome}."],
        table_title="",
        tables=(),
        cases=[shown],
        again=(),
        limits=_WITHIN[1:],
    )
