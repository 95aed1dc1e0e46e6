"""An application asked every question that fits into its time, and what it came to.

What the command and the test fixture share: the question as people put it, the search, and what
came of it once that was confirmed.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from sim.aio.session import ready
from sim.errors import UserError
from sim.exploration.app_confirm import confirmed
from sim.exploration.asked import MESSAGE, Asked, failures_kept, paths_of, prepare
from sim.exploration.case import CaseFound
from sim.exploration.circumstances import Circumstances, circumstances_of
from sim.exploration.ladder import Climbed, Ladder, Rung
from sim.exploration.reason import Explained, reasons_of, stands_in
from sim.exploration.state_audit import StateAudit, audit_states
from sim.exploration.verdict import Verdict
from sim.hosting.standing import Stand
from sim.hosting.target import Target
from sim.live.steered.attempt import execute
from sim.live.steered.executed import Executed
from sim.model.appscript import Script
from sim.runs.app import AppSubject
from sim.runs.fresh import warm
from sim.runs.subject import Record

_OTHERS_S = 2.0
"""Once something fails, other causes are looked for at least so long."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which the simplest case fails, made small."""

    record: Record
    explained: list[Explained]
    """What fails in it, and why."""
    stands: list[Stand]
    """Where every task stands, if it came to stand still."""
    circumstances: Circumstances
    """What it came of."""
    executed: Executed | None = None
    """What came of it on the real kernel, if that was asked for."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it."""

    climbed: Climbed
    subject: AppSubject
    failures: list[Failure]
    seconds: float
    made_up: bool = False
    """Whether what clients send was made up."""
    audited: StateAudit | None = None
    """What the audit of states came to, if there was one."""


def _nothing(*_: object) -> None:
    """Outside of a command nobody wants to know meanwhile."""


def check_app(
    asked: Asked,
    stopwatch: Callable[[], float],
    on_failure: Callable[[Record], None] = _nothing,
    on_case: Callable[[Rung, CaseFound], None] = _nothing,
    target: Target | None = None,
) -> Checked:
    """Ask an application.

    stopwatch: gives seconds. on_failure: called with a failing run as soon as there is one.
    on_case: called when a case was looked at. target: the application, if it is here already.
    Raises UserError for what cannot be asked.
    """
    if _loop_runs():
        with ThreadPoolExecutor(1) as pool:  # in this one nothing can run a loop of its own
            return pool.submit(check_app, asked, stopwatch, on_failure, on_case, target).result()
    began = stopwatch()
    warm()  # it starts while the application is imported
    subject, scripts = prepare(asked, target)
    warm()  # and imports what that has needed while the search goes on
    with ready():
        return _checked(asked, subject, scripts, stopwatch, began, on_failure, on_case)


def _checked(
    asked: Asked,
    subject: AppSubject,
    scripts: list[Script],
    stopwatch: Callable[[], float],
    began: float,
    on_failure: Callable[[Record], None],
    on_case: Callable[[Rung, CaseFound], None],
) -> Checked:
    ends = began + asked.seconds

    def on_looked(rung: Rung, case: CaseFound) -> None:
        nonlocal ends
        if case.fails:  # other causes are looked for as long again, and no longer
            now = stopwatch()
            ends = min(ends, now + max(now - began, _OTHERS_S))
        on_case(rung, case)

    failures = failures_kept(asked, scripts)
    before = failures.tried(subject, on_failure) if failures is not None else []
    for rung in before:
        for case in rung.cases:
            on_case(rung, case)  # it shortens no search: the answer is to be that of the first time
    climbed = Ladder(
        subject,
        scripts,
        partial(paths_of, subject),
        alone=not asked.clients or len(scripts) == 1,
        bounds=tuple(asked.bounds),
        way=asked.way(),
    ).climb(on_failure, on_looked, lambda: ends - stopwatch(), before)
    climbed = _met(_judged(climbed, asked), asked, subject.application.situations)
    audited = _audited(climbed, asked, stopwatch) if asked.audit else None
    smallest = confirmed(climbed)
    if failures is not None and not climbed.no_answer:
        try:
            failures.keep(smallest)
        except UserError as error:  # what was found is no less true
            climbed.aside = "; ".join(filter(None, [climbed.aside, *error.faults]))
    explained = [failure_of(one) for one in smallest]
    if asked.confirm:
        explained = [
            replace(one, executed=execute(one.record, asked.confirm, stopwatch))
            for one in explained
        ]
    made_up = not asked.clients and asked.message is None
    return Checked(climbed, subject, explained, stopwatch() - began, made_up, audited)


def failure_of(made: Record) -> Failure:
    """Return a failing run of an application with all that can be told of it."""
    stands = stands_in(made) if made.end.waiting else []
    return Failure(made, reasons_of(made), stands, circumstances_of(made))


def _loop_runs() -> bool:
    """Whether an event loop runs in this thread, as in a notebook or a test that is a coroutine."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


# -- what came of it -------------------------------------------------------------------------------


def _judged(climbed: Climbed, asked: Asked) -> Climbed:
    """Return it with no answer where a made-up message is what fails, and nothing else."""
    if asked.clients or asked.message is not None or climbed.no_answer:
        return climbed
    read = sum(case.read for case in climbed.cases)
    failed = sum(case.read_failing for case in climbed.cases)
    others = sum(sum(case.endings[one] for one in case.failing) for case in climbed.cases) - failed
    kinds = {
        finding.kind
        for case in climbed.cases
        for made in case.failing.values()
        for finding in made.outcome.findings
        if finding.failure
    }
    if not read or failed < read or others or kinds != {"escape"}:
        return climbed
    example = next(made for case in climbed.cases for made in case.failing.values())
    finding = next(one for one in example.outcome.findings if one.failure)
    where = f" at {finding.where}" if finding.where else ""
    climbed.no_answer = (
        f"every schedule in which the made-up message {MESSAGE!r} was read ends by {finding.text}"
        f"{where}; say what your messages look like: --message or --client 'send:..., close'"
    )
    return climbed


def _met(climbed: Climbed, asked: Asked, situations: dict[str, bool]) -> Climbed:
    """Return it with no answer where nothing fails, and a situation was never met."""
    wanted = dict.fromkeys(asked.sometimes, False) | situations
    climbed.situations = wanted
    never = [repr(name) for name, met in sorted(wanted.items()) if not met]
    if never and climbed.verdict is Verdict.RACE_FREE:
        schedules = sum(case.schedules for case in climbed.cases)
        climbed.no_answer = (
            f"nothing fails, but in {schedules} schedules {', '.join(never)} was never met; other "
            "clients, or wider bounds, may lead there"
        )
    return climbed


def _audited(climbed: Climbed, asked: Asked, stopwatch: Callable[[], float]) -> StateAudit:
    """Audit the states of every case; no answer if two that count as equal are not."""
    began, found = stopwatch(), StateAudit()

    def time_is_up() -> bool:
        return stopwatch() - began > asked.seconds

    for case in climbed.cases:
        if climbed.no_answer or time_is_up():
            break
        found += audit_states(case.subject, time_is_up=time_is_up)
        climbed.no_answer = found.difference
    return found
