"""What a page says of each thing that it can be made of: a reproduction, an exploration, a run."""

import shlex
from collections.abc import Iterator, Sequence

from sim.errors import UserError
from sim.exploration.inquiry import Inquiry
from sim.exploration.verdict import FAILING
from sim.files.documents import ExploreDocument, VerdictRow
from sim.files.racefile import RaceFile
from sim.files.recorded import Recorded
from sim.files.token import decode
from sim.model.plain import fault, joined
from sim.report.html.again import again_explore, again_reproduce, option_of
from sim.report.html.cases import Case, case
from sim.report.html.drawing import drawing
from sim.report.html.grids import html_table
from sim.report.html.page import Figure, Page
from sim.report.plots.pictures import Picture, pictures_of, svgs_of
from sim.report.text.explore import verdict_table
from sim.report.text.reproduce import rates_table, sentences
from sim.runs.replay import Allowed, replayed
from sim.sweep.reproduce import Reproduction
from sim.sweep.ties import judged

NO_FORECAST = (
    "A rate is a rate over the injection times that the scenario draws; it is no forecast for a "
    "service.",
    "A pair of runtime and server that does not exist is labelled counterfactual.",
)
ONE_SCENARIO = (
    "A complete verdict is about one scenario: its messages, clients, injections and end time.",
)
ONE_RUN = ("One run says that something can happen, not how often it does.",)


def reproduction_page(found: Reproduction, workers: int = 1, guards: Sequence[str] = ()) -> Page:
    """Return the page of a reproduction. workers: processes that draw. guards: somebody's own that
    may be imported.
    """
    summary = list(sentences(found.summary))
    summary += _expected(found)
    trials, seed = len(found.rows), found.task.seed
    cases = [_case(token, _case_title(found, cell), guards) for cell, token in found.tokens]
    return Page(
        title=f"{found.task.name}: how often runs fail, and why",
        about=f"{trials:,} runs, seed {seed}, digest of all trials {found.summary.digest}",
        summary=summary,
        table_title="Rates",
        tables=[html_table(rates_table(found.summary))],
        figures=_figures(found, workers),
        cases=cases,
        again=[again_reproduce(found.task)],
        limits=NO_FORECAST,
    )


def _expected(found: Reproduction) -> Iterator[str]:
    """Say whether what the scenarios expect holds, as far as they are the shipped ones."""
    if found.task.changes or not any(one.expect for one in found.scenarios):
        return
    broken, told = judged(found)
    yield from (f"An expectation is broken: {line}." for line in broken)
    yield from (f"{line}." for line in told)
    if not broken:
        yield "All that the scenarios expect of their guards holds."


def exploration_page(
    found: ExploreDocument, files: Sequence[RaceFile] = (), guards: Sequence[str] = ()
) -> Page:
    """Return the page of an exploration. files: counterexamples that are too long for a token.

    guards: somebody's own guards and handlers that may be imported.
    """
    runs = {row.guard: run for row in found.guards if (run := _run_of(row, files)) is not None}
    what = "handlers" if any(row.handler for row in found.guards) else "guards"
    summary = list(_verdicts_in_words(found.guards))
    summary += [
        f"{row.guard}: its code is somebody's own, so its counterexample is run only with "
        f"{option_of(row)}."
        for row in found.guards
        if row.guard in runs and not _may_run(row.guard, guards)
    ]
    cases = [
        _case(run, f"{guard}: the smallest failing run that was found", guards)
        for guard, run in runs.items()
        if _may_run(guard, guards)
    ]
    return Page(
        title=f"{found.scenario}: which {what} hold, over all schedules",
        about=f"strategy {found.strategy}, times {found.times}, property {found.property}, "
        f"seed {found.seed}, digest {found.digest}",
        summary=summary,
        table_title="Verdicts",
        tables=[html_table(verdict_table(found.guards))],
        cases=cases,
        again=[again_explore(found)],
        limits=ONE_SCENARIO,
    )


def run_page(given: str | RaceFile, guards: Sequence[str] = (), name: str = "") -> Page:
    """Return the page of one run, a token or a race file. name: what the file is called."""
    shown = _case(given, "The run", guards, name)
    first = shown.runs[0]
    prop = given.property if isinstance(given, RaceFile) else decode(given).property
    kept = f"This run has the property {prop}. It ended like this: {first.outcome}."
    return Page(
        title=f"One run: {first.outcome}",
        about=f"{shown.about}; digest {first.digest}",
        summary=[f"{shown.why}.", shown.apart] if shown.why else [kept],
        table_title="",
        tables=(),
        cases=[shown],
        again=(),
        limits=ONE_RUN,
    )


def _run_of(row: VerdictRow, files: Sequence[RaceFile]) -> str | RaceFile | None:
    """Return the counterexample of a guard: its token, or the very run among the files.

    Raises UserError for a token of another run.
    """
    if row.verdict not in FAILING:
        return None
    if row.token is None:
        return next((one for one in files if one.digest == row.run), None)
    recorded = decode(row.token)
    if (recorded.handler or recorded.of_scenario().guard) != row.guard or row.run not in (
        None,
        recorded.digest,
    ):
        raise UserError(fault(f"guards: {row.guard}: token: it is of another run"))
    return row.token


def _verdicts_in_words(rows: Sequence[VerdictRow]) -> Iterator[str]:
    """Yield a sentence for all guards of which the same is said."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        because = f" This is so because {row.because}." if row.because else ""
        name = f"{row.guard} (counterfactual)" if row.counterfactual else row.guard
        groups.setdefault(f"{row.says}.{because}", []).append(name)
    for said, guards in groups.items():
        yield f"{joined(guards)}: {said}"


def _may_run(guard: str, guards: Sequence[str]) -> bool:
    return ":" not in guard or guard in guards


def _case(given: str | RaceFile, title: str, own_code: Sequence[str], name: str = "") -> Case:
    """Run a token or a race file again, and return what a page shows of it."""
    recorded: Recorded = decode(given) if isinstance(given, str) else given
    guard = recorded.of_scenario().guard
    own = guard if ":" in guard and guard in own_code else None
    handler = recorded.handler if recorded.handler in own_code else None
    done = replayed(recorded, Allowed(own, handler))
    inquiry = Inquiry(times=recorded.times, prop=recorded.property)
    what = given if isinstance(given, str) else name
    again = ["wsrace", "replay", what]
    again += [] if own is None else ["--guard", own]
    again += [] if handler is None else ["--handler", handler]
    return case(done.record, title, shlex.join(again) if what else "", inquiry)


def _case_title(found: Reproduction, cell: int) -> str:
    one = found.plan[cell].cell
    return f"{one.injection or '(unnamed)'}: one failing run with {one.guard}"


def _figures(found: Reproduction, workers: int) -> list[Figure]:
    svgs = svgs_of(found, workers)
    return [_figure(picture, svgs[picture.name]) for picture in pictures_of(found)]


def _figure(picture: Picture, svg: str) -> Figure:
    label = f"{picture.title}. {picture.note}"
    return Figure(
        picture.name,
        drawing(svg, picture.name, label),
        html_table(picture.view(), f"{picture.title}: the figures"),
    )
