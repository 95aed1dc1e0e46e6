"""The command `explore`: one verdict per guard, then the counterexamples."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from sim.commands.searching import News, Search, search_group, search_side_by_side
from sim.commands.terminal import Bar, make_folder, show
from sim.errors import UserError
from sim.exploration.confirm import confirm
from sim.exploration.inquiry import Inquiry
from sim.exploration.kept import SearchLog
from sim.exploration.spread import search_in_pieces
from sim.exploration.there import Elsewhere
from sim.exploration.told import code
from sim.exploration.verdict import Verdict
from sim.files.catalog import open_scenario
from sim.files.documents import EXPLORED, STORE
from sim.files.outside import write_whole
from sim.model.plain import printable
from sim.model.scenario import Batch, Scenario, known_guard
from sim.model.ticks import from_ms, seconds
from sim.report.text.explore import Answer, document_of, file_name, tell
from sim.runs.handler import HandlerSubject
from sim.runs.keep import write_file
from sim.runs.own import guard_allowed, import_handler
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Subject
from sim.runs.times import usual_times
from sim.workers.cluster import Cluster, open_cluster
from sim.workers.seam import local

QUICK = 6_000
"""Schedules for each guard unless more are asked for."""
ENOUGH = 1_000
"""Schedules after which none of them looks further in virtual time then: some seconds."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. times: None for "all" where times are drawn and not listed, else "fixed"."""

    scenario: str
    settings: tuple[str, ...]
    guards: tuple[str, ...]
    times: str | None
    inquiry: dict[str, Any] = field(default_factory=dict)
    audit: bool = False
    out: Path | None = None
    as_json: bool = False
    handlers: tuple[str, ...] = ()
    factory: bool = False
    fidelity: str = "asgi"
    seconds: float | None = None
    """How long to search, in all; None for as long as it takes."""
    workers: int = 1
    """Processes that search: guards side by side, or parts of all of them."""
    cluster: Cluster | None = None
    """Whose workers search instead."""
    anew: bool = False
    """Whether to forget what `out` holds of what is asked."""


def run(request: Request, stopwatch: Callable[[], float]) -> int:
    """Do what was asked. Return the exit status: 1 for a broken expectation, 3 for no answer."""
    scenario = _scenario(request)
    times = request.times or usual_times(scenario)
    idle = from_ms(scenario.handler.receive_timeout_ms)
    inquiry = _quick(Inquiry(times=times, **request.inquiry), request, idle)  # type: ignore[arg-type]
    subjects = _subjects(scenario, request)
    for subject in subjects:  # nothing is searched if one of them cannot be
        subject.variants(inquiry.times)
        if why := subject.refuses(inquiry.prop):
            raise UserError(why)
    _check_cluster(inquiry, request)
    if request.out is not None:
        make_folder(request.out)
    answers = _search(subjects, inquiry, request, stopwatch)
    asked = (request.scenario, request.settings)
    document = document_of(scenario.name, inquiry, answers, *asked)
    text = json.dumps(document, sort_keys=True)
    if request.out is not None:
        _keep(request.out, answers, text)
    if request.as_json:
        click.echo(text)
    else:
        show(tell(answers, request.out))
        click.echo(f"\ndigest: {document['digest']}")
    return _status(scenario, answers)


def _check_cluster(inquiry: Inquiry, request: Request) -> None:
    """Raise UserError for what a cluster, or a folder, cannot do."""
    if request.anew and request.out is None:
        raise UserError("--anew: needs --out, the folder that holds what was found before")
    if request.cluster is None or inquiry.is_divisible:
        return
    if inquiry.way.reads_steps:
        what = "worlds that stand alike are compared within one process: add --count"
    else:
        what = f"{inquiry.strategy} draws schedules: it is not made in pieces"
    raise UserError(f"--dask: {what}")


def _quick(inquiry: Inquiry, request: Request, idle: int) -> Inquiry:
    """Return what is asked with an end to it: a verdict that does not arrive is none.

    idle: the tick at which a handler's first wait is over, which people ask about first. A number
    of schedules, for what is searched must not depend on how fast a machine is.
    """
    endless = inquiry.count or request.seconds is not None or inquiry.way.draws
    if endless or inquiry.max_schedules is not None:
        return inquiry
    return replace(inquiry, max_schedules=QUICK, enough=ENOUGH, at_least=idle)


def _scenario(request: Request) -> Scenario:
    opened = open_scenario(request.scenario, request.settings)
    if isinstance(opened, Batch):
        names = ", ".join(entry.scenario for entry in opened.include)
        raise UserError(f"{request.scenario}: a batch; explore one of its scenarios: {names}")
    return opened if opened.name else opened.model_copy(update={"name": request.scenario})


def _subjects(scenario: Scenario, request: Request) -> list[ScenarioSubject]:
    """Return what is asked about: handlers of somebody's own, else guards. Raises UserError."""
    fidelity = Fidelity(request.fidelity)
    if not request.handlers:
        if request.factory:
            raise UserError("--factory: it says what the names of --handler stand for")
        if len(set(request.guards)) < len(request.guards):
            raise UserError("--guard: the same guard stands there twice")
        guards = request.guards or scenario.sweep.guards
        return [_with_guard(scenario, guard, fidelity, request.guards) for guard in guards]
    if request.guards:
        raise UserError("--guard: a handler of your own has its own checks; ask for one of both")
    if len(set(request.handlers)) < len(request.handlers):
        raise UserError("--handler: the same handler stands there twice")
    return [
        HandlerSubject(scenario, fidelity, own=import_handler(name, request.factory))
        for name in request.handlers
    ]


def _with_guard(
    scenario: Scenario, guard: str, fidelity: Fidelity, allowed: Sequence[str]
) -> ScenarioSubject:
    try:
        known_guard(guard)
    except ValueError as error:
        raise UserError(f"--guard: {error}") from None
    own = guard_allowed(guard, allowed)
    changed = Scenario.model_validate({**scenario.model_dump(exclude_unset=True), "guard": guard})
    return ScenarioSubject(changed, fidelity, own)


def _search(
    subjects: Sequence[ScenarioSubject],
    inquiry: Inquiry,
    request: Request,
    stopwatch: Callable[[], float],
) -> list[Answer]:
    """Search, make small what fails, and see that it fails in a new process, too."""
    if inquiry.is_divisible:
        return _search_in_pieces(subjects, inquiry, request, stopwatch)
    workers = min(request.workers, len(subjects))
    asked = Search(inquiry, request.audit, request.seconds)
    with Bar("guards searched", len(subjects)) as bar:
        show_news = partial(_show_news, bar, set())
        if workers == 1:
            answers = search_group(subjects, asked, stopwatch, show_news)
        else:
            groups = [
                partial(_group, request, range(part, len(subjects), workers), asked)
                for part in range(workers)
            ]
            answers = search_side_by_side(groups, show_news)
            places = {one.label: place for place, one in enumerate(subjects)}
            answers.sort(key=lambda one: places[one.found.guard])
        return _confirmed(answers)


def _search_in_pieces(
    subjects: Sequence[ScenarioSubject],
    inquiry: Inquiry,
    request: Request,
    stopwatch: Callable[[], float],
) -> list[Answer]:
    """Search in pieces: what `--out` holds of them is not made again."""
    with (
        Bar("guards searched", len(subjects)) as bar,
        ExitStack() as opened,
    ):
        log = None
        if request.out is not None:
            log = opened.enter_context(closing(SearchLog(request.out / STORE, request.anew)))
        cluster = request.cluster
        there = local(request.workers) if cluster is None else open_cluster(cluster, code)
        workers = opened.enter_context(there)
        makers = None if workers is None else Elsewhere(workers)
        search = partial(search_in_pieces, makers=makers, log=log)
        asked = Search(inquiry, request.audit, request.seconds)
        show_news = partial(_show_news, bar, set())
        answers = search_group(subjects, asked, stopwatch, show_news, search=search)
        if log is not None and log.found:
            bar.say_once(f"{log.found:,} parts of the search were there already", "kept")
        return _confirmed(answers)


def _confirmed(answers: Sequence[Answer]) -> list[Answer]:
    """Return answers whose failures were seen in a new process, too."""
    told = confirm([(one.found, one.example) for one in answers])
    return [
        replace(answer, found=found, example=example)
        for answer, (found, example) in zip(answers, told, strict=True)
    ]


def _group(request: Request, which: Iterable[int], asked: Search) -> tuple[list[Subject], Search]:
    """Return some of the subjects of a request, made where they are searched."""
    subjects = _subjects(_scenario(request), request)
    return [subjects[index] for index in which], asked


def _show_news(bar: Bar, done: set[str], news: News) -> None:
    """Say how far the search for one guard is; that it fails, as soon as it is known."""
    shown = printable(news.label)
    if news.so_far is None:
        if news.done:
            done.add(news.label)
            bar.tell(len(done))
        else:
            bar.tell(note=f"{shown}: fails, making the run small")
        return
    so_far = news.so_far
    note = f"{shown}: {so_far.looked:,} looked at"
    if so_far.failing:
        note += f", {so_far.failing:,} fail"
        bar.say_once(f"{shown}: fails: {so_far.failure} (found after {so_far.looked:,})", shown)
    elif so_far.reached:
        note += f", race-free before {seconds(so_far.reached):.6g} s"
    bar.tell(note=note)


def _keep(folder: Path, answers: Sequence[Answer], document: str) -> None:
    """Write the document and a file for each counterexample."""
    for answer in answers:
        if answer.example is not None:
            write_file(folder / file_name(answer.found.guard), answer.example.file())
    write_whole(folder / EXPLORED, f"{document}\n", "--out")


def _status(scenario: Scenario, answers: Sequence[Answer]) -> int:
    """Return 1 if a verdict is not the promised one, 3 if a question stayed open, else 0."""
    broken = False
    for answer in answers:
        promised = scenario.expected(answer.found.guard, scenario.runtime)
        verdict = answer.found.verdict
        judged = promised in tuple(Verdict) and verdict is not Verdict.INCONCLUSIVE
        if judged and (promised == Verdict.RACY) is not answer.found.fails:
            click.echo(
                f"wsrace: {printable(answer.found.guard)}: expected {promised}, found {verdict}",
                err=True,
            )
            broken = True
        if answer.audited is not None and answer.audited.differences:
            broken = True
    if broken:
        return 1
    return 3 if any(one.found.verdict is Verdict.INCONCLUSIVE for one in answers) else 0
