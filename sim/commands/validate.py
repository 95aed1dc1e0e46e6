"""The command `validate`: a plan against a simulated deployment or a real log, go or no-go."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from sim import __version__
from sim.commands.terminal import Bar, standard_console
from sim.errors import UserError
from sim.exploration.explain import explain
from sim.files.catalog import open_plan
from sim.live.overhead import guard_costs
from sim.logs.files import faults_of, read, time_of
from sim.logs.triage import begun
from sim.model.plain import printable
from sim.model.plan import Plan
from sim.model.scenario import known_guard
from sim.report.logged import deciding, document_of_log, no_answer, opening
from sim.report.text.validate import criteria_rows, decision_lines, validation_table
from sim.runs.own import guard_named, own_guard_of
from sim.runs.replay import token_of
from sim.runs.subject import Record
from sim.sweep.reproduce import cores
from sim.validation.criteria import Reason, Validation, validated
from sim.validation.deployment import OnClients, Session, deploy, session_again
from sim.validation.logged import answered, judged_by_log
from sim.validation.timeline import Timeline

SCHEMA = "wsrace.validate.1"
NO_GO, NO_ANSWER = 1, 3


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. guard: None for the plan's own. seed: None for 0. logs: files, "-" for
    standard input; none for a simulated deployment. since: a time, "" for none.
    """

    plan: str
    guard: str | None
    seed: int | None
    workers: int | None
    as_json: bool
    logs: Sequence[str] = ()
    since: str = ""


def run(request: Request) -> int:
    """Do what was asked; return the exit status. Raises UserError for what is typed wrong."""
    since = _since(request)
    plan = open_plan(request.plan)
    guard = _guard(request, plan)
    overhead_us = _overhead_us(plan, guard)
    if request.logs:
        return _run_log(request, Timeline(plan.minutes, since), plan, guard, overhead_us)
    seed = request.seed or 0
    with _progress() as on_clients:
        workers = request.workers or cores()
        sessions = deploy(plan, guard, seed, workers, on_clients)
    found = validated(plan, guard, sessions, overhead_us)
    if request.as_json:
        click.echo(json.dumps(document_of(found, sessions, seed), sort_keys=True))
    else:
        _show(found, sessions, seed)
    return 0 if found.go else NO_GO


def _since(request: Request) -> int | None:
    """Check what was typed about logs before anything is read; return when minute 0 begins."""
    faults = faults_of(request.logs)
    since = time_of("since", request.since, faults)
    if request.logs:
        given = {"seed": request.seed, "workers": request.workers}
        faults += [
            f"--{name}: not with --log, nothing is simulated"
            for name, value in given.items()
            if value is not None
        ]
    elif request.since:
        faults.append("--since: goes with --log")
    if faults:
        raise UserError(*faults)
    return since


def _run_log(
    request: Request, timeline: Timeline, plan: Plan, guard: str, overhead_us: float | None
) -> int:
    """Judge the plan on logs. Return the exit status."""
    triage = begun(also=timeline.add)
    read(triage, request.logs, quiet=request.as_json)
    if not triage.complete:
        click.echo("wsrace: stopped before the end of the log: no answer", err=True)
        return NO_ANSWER
    found = judged_by_log(plan, guard, timeline, overhead_us)
    if request.as_json:
        document = document_of_log(found, triage, timeline, SCHEMA)
        click.echo(json.dumps(document, sort_keys=True))
    else:
        click.echo(f"{printable(plan.title or plan.name)}: judged on a log")
        _show_lines(opening(triage, timeline))
        standard_console().print(validation_table(found))
        click.echo()
        _show_lines(deciding(found, timeline))
    if not answered(found):
        click.echo(f"wsrace: no answer: {no_answer(found)}", err=True)
        return NO_ANSWER
    return 0 if found.go else NO_GO


def _guard(request: Request, plan: Plan) -> str:
    guard = request.guard or plan.deployment.guard
    try:
        known_guard(guard)
    except ValueError as error:
        raise UserError(f"--guard: {error}") from None
    if ":" in guard and request.guard is None:
        raise UserError(f"guard {guard!r}: code of your own runs only if named with --guard")
    return guard


def _overhead_us(plan: Plan, guard: str) -> float | None:
    """Measure what the guard costs, if the plan asks for it."""
    if not any("overhead_us" in phase.criteria for phase in plan.phases):
        return None
    own = own_guard_of(guard) or guard_named(guard)
    return guard_costs((own,))[0].extra_ns / 1000


def document_of(found: Validation, sessions: list[Session], seed: int) -> dict[str, Any]:
    """Return everything as one JSON document. The digest is that of the sessions."""
    text = json.dumps([asdict(one) for one in sessions], sort_keys=True)
    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": seed,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "source": "simulation",
        "plan": found.plan.name,
        "guard": found.guard,
        "go": found.go,
        "sessions": len(sessions),
        "criteria": criteria_rows(found),
        "reasons": [
            {
                "text": reason.text,
                "why": _why(found, seed, reason),
                "token": _token(found, seed, reason),
            }
            for reason in found.reasons
        ],
    }


def _again(found: Validation, seed: int, reason: Reason) -> Record | None:
    """Return the first run of those that a reason tells of."""
    if reason.first is None:
        return None
    return session_again(found.plan, found.guard, seed, reason.first)


def _why(found: Validation, seed: int, reason: Reason) -> str:
    """Say what the guard read and what the receive depends on, in the first run that fails."""
    run_again = _again(found, seed, reason)
    if run_again is None or not run_again.outcome.failed:
        return ""
    return explain(run_again).sentence()


def _token(found: Validation, seed: int, reason: Reason) -> str | None:
    run_again = _again(found, seed, reason)
    return None if run_again is None else token_of(run_again)


def _show(found: Validation, sessions: list[Session], seed: int) -> None:
    plan = found.plan
    click.echo(
        f"{printable(plan.title or plan.name)}: guard {printable(found.guard)}, "
        f"{plan.deployment.clients:,} clients, {plan.minutes:g} minutes, {len(sessions):,} sessions"
    )
    standard_console().print(validation_table(found))
    click.echo()
    _show_lines(decision_lines(found, lambda reason: _why(found, seed, reason)))
    for reason in found.reasons[:1]:
        click.echo(f"one of these runs:\nwsrace replay {_token(found, seed, reason)}")


def _show_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


@contextmanager
def _progress() -> Iterator[OnClients]:
    """Tell on stderr how far it is."""
    with Bar("clients", None, MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        yield lambda done, total: bar.tell(done, total)
