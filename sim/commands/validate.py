"""The command `validate`: a plan against a simulated deployment or a real log, go or no-go."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click
from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from sim.commands.terminal import Bar, show
from sim.errors import UserError
from sim.files.catalog import open_plan
from sim.live.overhead import guard_costs
from sim.logs.files import assumed_of, faults_of, read, time_of
from sim.logs.times import Assumed
from sim.logs.triage import Triage, begin_triage
from sim.model.plan import Plan
from sim.model.scenario import known_guard
from sim.report.text.validate import document_of, document_of_log, no_answer, tell, tell_log
from sim.runs.own import guard_named, own_guard_of
from sim.validation.criteria import Overhead, Validation, validated
from sim.validation.deployment import OnClients, deploy
from sim.validation.logged import has_answer, judged_by_log
from sim.validation.timeline import Timeline
from sim.workers.seam import cores

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
    day: str = ""
    """Of times in the log that say none, as are `year` and `zone`; "" for nothing."""
    year: str = ""
    zone: str = ""
    ignore_unknown: bool = False
    """Whether errors in the log that nobody knows are no concern."""
    raw: bool = False
    """Whether examples are shown with addresses, secrets and people."""


def run(request: Request) -> int:
    """Do what was asked; return the exit status. Raises UserError for what is typed wrong."""
    since, assumed = _times(request)
    plan = open_plan(request.plan)
    guard = _guard(request, plan)
    overhead = _overhead(plan, guard)
    if request.logs:
        timeline = Timeline(plan.minutes, since, request.ignore_unknown, request.raw)
        triage = begin_triage(also=timeline.add, assumed=assumed)
        read(triage, request.logs, quiet=request.as_json)
        return _tell_log(request, triage, timeline, judged_by_log(plan, guard, timeline, overhead))
    seed = request.seed or 0
    with _progress() as on_clients:
        workers = request.workers or cores()
        sessions = deploy(plan, guard, seed, workers, on_clients)
    found = validated(plan, guard, sessions, overhead)
    if request.as_json:
        click.echo(json.dumps(document_of(found, sessions, seed), sort_keys=True))
    else:
        show(tell(found, sessions, seed))
    return 0 if found.go else NO_GO


def _times(request: Request) -> tuple[int | None, Assumed]:
    """Check what was typed about logs before anything is read.

    Return when minute 0 begins, and what is said of times that do not say it.
    """
    faults = faults_of(request.logs)
    assumed = assumed_of(request.day, request.year, request.zone, faults)
    since = time_of("since", request.since, faults, assumed)
    if request.logs:
        simulating = {"seed": request.seed, "workers": request.workers}
        faults += [
            f"--{name}: not with --log, nothing is simulated"
            for name, value in simulating.items()
            if value is not None
        ]
    else:
        given = {
            "since": request.since,
            "date": request.day,
            "year": request.year,
            "zone": request.zone,
            "ignore-unknown": request.ignore_unknown,
            "raw": request.raw,
        }
        faults += [f"--{name}: goes with --log" for name, value in given.items() if value]
    if faults:
        raise UserError(*faults)
    return since, assumed


def _tell_log(request: Request, triage: Triage, timeline: Timeline, found: Validation) -> int:
    """Tell what came of a plan on logs. Return the exit status."""
    if not triage.complete:
        click.echo("wsrace: stopped before the end of the log: no answer", err=True)
        return NO_ANSWER
    if request.as_json:
        click.echo(json.dumps(document_of_log(found, triage, timeline), sort_keys=True))
    else:
        show(tell_log(found, triage, timeline))
    if not has_answer(found):
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


def _overhead(plan: Plan, guard: str) -> Overhead | None:
    """Measure what the guard costs, if the plan asks for it."""
    if not any("overhead_us" in phase.criteria for phase in plan.phases):
        return None
    own = own_guard_of(guard) or guard_named(guard)
    (cost,) = guard_costs((own,))
    return Overhead(cost.extra_ns / 1000, cost.extra_low / 1000, cost.extra_high / 1000)


@contextmanager
def _progress() -> Iterator[OnClients]:
    """Tell on stderr how far it is."""
    with Bar("clients", None, MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        yield lambda done, total: bar.tell(done, total)
