"""The command `validate`: a plan against a simulated deployment, and go or no-go."""

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim import __version__
from sim.catalog import open_plan
from sim.errors import UserError
from sim.exploration.explain import explain
from sim.live.overhead import guard_costs
from sim.model.plain import printable
from sim.model.plan import Plan
from sim.model.scenario import known_guard
from sim.playing import Record, guard_named, import_guard
from sim.replaying import token_of
from sim.sweep.reproduce import cores
from sim.validation.criteria import Reason, Validation, validated
from sim.validation.deployment import OnClients, Session, deploy, session_again

SCHEMA = "wsrace.validate.1"


@dataclass(frozen=True, slots=True)
class Request:
    """What was typed. guard: None for the plan's own."""

    plan: str
    guard: str | None
    seed: int
    workers: int | None
    as_json: bool


def run(request: Request) -> bool:
    """Do what was asked; return whether it is a no-go."""
    plan = open_plan(request.plan)
    guard = _guard(request, plan)
    overhead_us = _overhead_us(plan, guard)
    with _progress(request.as_json) as on_clients:
        workers = request.workers or cores()
        sessions = deploy(plan, guard, request.seed, workers, on_clients)
    found = validated(plan, guard, sessions, overhead_us)
    if request.as_json:
        click.echo(json.dumps(document_of(found, sessions, request.seed), sort_keys=True))
    else:
        _show(found, sessions, request.seed)
    return not found.go


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
    own = import_guard(guard) if ":" in guard else guard_named(guard)
    return guard_costs((own,))[0].extra_ns / 1000


def document_of(found: Validation, sessions: list[Session], seed: int) -> dict[str, Any]:
    """Return everything as one JSON document. The digest is that of the sessions."""
    text = json.dumps([asdict(one) for one in sessions], sort_keys=True)
    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": seed,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "plan": found.plan.name,
        "guard": found.guard,
        "go": found.go,
        "sessions": len(sessions),
        "criteria": [
            {
                "phase": one.phase,
                "criterion": one.criterion,
                **one.bound.model_dump(exclude_none=True),
                "figure": one.figure,
                "of": one.of,
                "passes": one.passes,
            }
            for one in found.judgements
        ],
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
    own = import_guard(found.guard) if ":" in found.guard else None
    return explain(run_again, guard=own).sentence()


def _token(found: Validation, seed: int, reason: Reason) -> str | None:
    run_again = _again(found, seed, reason)
    return None if run_again is None else token_of(run_again)


def _show(found: Validation, sessions: list[Session], seed: int) -> None:
    from sim.report.validation import decision_lines, validation_table

    plan = found.plan
    console = Console(width=None if sys.stdout.isatty() else 120)
    click.echo(
        f"{printable(plan.title or plan.name)}: guard {printable(found.guard)}, "
        f"{plan.deployment.clients:,} clients, {plan.minutes:g} minutes, {len(sessions):,} sessions"
    )
    console.print(validation_table(found))
    click.echo()
    for line in decision_lines(found, lambda reason: _why(found, seed, reason)):
        click.echo(line)
    for reason in found.reasons[:1]:
        click.echo(f"one of these runs:\nwsrace replay {_token(found, seed, reason)}")


@contextmanager
def _progress(quiet: bool) -> Iterator[OnClients]:
    """A bar on stderr; none for --json, or where nobody looks."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet or not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("clients", total=None)

        def on_clients(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield on_clients
