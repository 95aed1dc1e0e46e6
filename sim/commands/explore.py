"""The command `explore`: one verdict per guard, then the counterexamples."""

import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from sim import __version__
from sim.commands.terminal import Bar, standard_console
from sim.errors import UserError
from sim.exploration.audit import Audit, audit_subject
from sim.exploration.confirm import confirm
from sim.exploration.counterexample import Counterexample, counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import search
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.files.documents import EXPLORE, EXPLORED, VerdictRow
from sim.files.outside import write_whole
from sim.files.racefile import SUFFIX
from sim.model.outcome import class_named
from sim.model.plain import printable
from sim.model.scenario import Batch, Scenario, known_guard
from sim.runs.handler import HandlerSubject
from sim.runs.own import guard_allowed, import_handler
from sim.runs.replay import write_file
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.times import usual_times


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out about one guard."""

    found: Exploration
    example: Counterexample | None
    audited: Audit | None
    seconds: float


def run(request: Request, stopwatch: Callable[[], float]) -> int:
    """Do what was asked. Return the exit status: 1 for a broken expectation, 3 for no answer."""
    scenario = _scenario(request)
    times = request.times or usual_times(scenario)
    inquiry = Inquiry(times=times, **request.inquiry)  # type: ignore[arg-type]
    subjects = _subjects(scenario, request)
    for subject in subjects:  # nothing is searched if one of them cannot be
        subject.variants(inquiry.times)
        if why := subject.refuses(inquiry.prop):
            raise UserError(why)
    if request.out is not None:
        _make(request.out)
    answers = _search(subjects, inquiry, request, stopwatch)
    document = document_of(scenario.name, inquiry, answers, request)
    text = json.dumps(document, sort_keys=True)
    if request.out is not None:
        _keep(request.out, answers, text)
    if request.as_json:
        click.echo(text)
    else:
        _show(answers, document, request.out)
    return _status(scenario, answers)


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
        guards = request.guards or scenario.sweep.guards
        return [_with_guard(scenario, guard, fidelity, request.guards) for guard in guards]
    if request.guards:
        raise UserError("--guard: a handler of your own has its own checks; ask for one of both")
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
    answers: list[Answer] = []
    with Bar("guards searched", len(subjects)) as bar:
        for subject in subjects:

            def on_run(looked: int, name: str = subject.label) -> None:
                bar.tell(note=f"{printable(name)}: {looked:,} looked at")

            began = stopwatch()
            found = search(subject, inquiry, on_run)
            example = counterexample(found)
            audited = _audit(subject, inquiry) if request.audit else None
            answers.append(Answer(found, example, audited, stopwatch() - began))
            bar.tell(len(answers))
        told = confirm([(one.found, one.example) for one in answers])
    return [
        replace(answer, found=found, example=example)
        for answer, (found, example) in zip(answers, told, strict=True)
    ]


def _audit(subject: ScenarioSubject, inquiry: Inquiry) -> Audit:
    """Swap independent steps of a subject, at the first of its listed times."""
    return audit_subject(subject.variants(inquiry.times)[0], inquiry.seed)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: {folder}: {error.strerror}") from None


def file_name(guard: str) -> str:
    """Return what the file of a guard's counterexample is called."""
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in guard) + SUFFIX


def _keep(folder: Path, answers: Sequence[Answer], document: str) -> None:
    """Write the document and a file for each counterexample."""
    for answer in answers:
        if answer.example is not None:
            write_file(folder / file_name(answer.found.guard), answer.example.file())
    write_whole(folder / EXPLORED, f"{document}\n", "--out")


def document_of(
    scenario: str, inquiry: Inquiry, answers: Sequence[Answer], request: Request
) -> dict[str, Any]:
    """Return everything as one JSON document. The digest leaves `seconds` out."""
    rows = [_row(answer) for answer in answers]
    counted = [{key: row[key] for key in row if key != "seconds"} for row in rows]
    text = json.dumps(counted, sort_keys=True)
    return {
        "schema": EXPLORE,
        "wsrace": __version__,
        "seed": inquiry.seed,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "scenario": scenario,
        "strategy": inquiry.strategy,
        "times": inquiry.times,
        "property": inquiry.prop,
        "source": request.scenario,
        "settings": list(request.settings),
        "bound": inquiry.bound,
        "max_schedules": inquiry.max_schedules,
        "guards": rows,
    }


def _row(answer: Answer) -> dict[str, Any]:
    found, example = answer.found, answer.example
    row: dict[str, Any] = {
        "guard": found.guard,
        "handler": _handler(found),
        "verdict": str(found.verdict),
        "complete": found.complete,
        "says": found.words(),
        "scope": found.scope,
        "bound": found.bound,
        "classes": found.classes,
        "schedules": found.schedules,
        "failing": found.failing,
        "outcomes": dict(sorted(found.outcomes.items())),
        "also": {kind: {"runs": n, "text": text} for kind, (n, text) in found.remarks.items()},
        "because": found.because(),
        "choices": found.points,
        "deepest": found.deepest,
        "counterfactual": found.scenario.counterfactual,
        "seconds": round(answer.seconds, 3),
        "token": (example.token or None) if example is not None else None,
        "run": example.record.digest if example is not None else None,
        "counterexample": example.summary() if example is not None else None,
    }
    if answer.audited is not None:
        differences = [one.words() for one in answer.audited.differences]
        row["audit"] = {"swaps": answer.audited.swaps, "differences": differences}
    return row


def _handler(found: Exploration) -> str | None:
    """Return the name of somebody's own handler, None for ours."""
    return found.guard if isinstance(found.subject, HandlerSubject) else None


def _show(answers: Sequence[Answer], document: dict[str, Any], folder: Path | None) -> None:
    from sim.report.text.explore import outcome_words, telling, verdict_table

    console = standard_console()
    plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    rows = [VerdictRow.model_validate(row) for row in document["guards"]]
    console.print(verdict_table(rows))
    console.print()
    for answer in answers:
        found = answer.found
        unreal = " (counterfactual)" if found.scenario.counterfactual else ""
        console.print(f"{printable(found.guard)}{unreal}: {found.words()}", **plain)
        console.print(f"  outcomes: {outcome_words(found)}", **plain)
        for kind, (runs, said) in found.remarks.items():
            about = said or class_named(kind).summary
            console.print(
                f"  also: {kind} in {runs:,} of {found.looked:,}: {printable(about)}", **plain
            )
        if found.because():
            console.print(f"  because: {found.because()}", **plain)
        if answer.audited is not None:
            console.print(f"  audit: {answer.audited.swaps} swaps of independent steps", **plain)
            for one in answer.audited.differences[:5]:
                console.print(f"  audit: {one.words()}", **plain)
    for answer in answers:
        if answer.example is None:
            continue
        console.print()
        for part in telling(answer.example):
            console.print(part, **(plain if isinstance(part, str) else {}))
        if folder is not None:
            click.echo(f"  file: {folder / file_name(answer.found.guard)}")
        if answer.example.token:
            again = ["wsrace", "replay", answer.example.token, *answer.found.subject.options()]
            click.echo(f"  {shlex.join(again)}")
        elif folder is None:
            click.echo("  too long for a token: --out DIR keeps it as a file")
    click.echo(f"\ndigest: {document['digest']}")


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
