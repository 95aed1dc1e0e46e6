"""A run of an application, executed on the real kernel, and whether it went the same there.

It counts as confirmed only if its whole history is the same, every send and receive of every
handler with its result, everything that clients saw, in the same order, and if it fails by the same
findings. What could not be placed is counted apart: it says nothing.
"""

import select
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.aio.tape import Tape
from sim.errors import UserError
from sim.kernel.series import run_plan
from sim.kernel.trace import digest
from sim.live.steered.executed import Attempt, Executed
from sim.live.steered.kernel import RealSelector, RealWorld
from sim.model.engine import Plan
from sim.model.record import End, Event
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from sim.schedulers.replay import Replay

RUN_S = 10.0
"""How long one run may take on the real clock."""
_SHORT_NS = 1_000_000_000
"""What comes so soon after the last thing that is seen is executed, too."""
_OF_THE_SYSTEM = frozenset({"arrived", "late", "landed", "finding"})
"""Events that tell what the system did, which is done and not seen, and what is said in the end."""


def execute(
    made: Record,
    times: int,
    stopwatch: Callable[[], float],
    seconds: float = 60.0,
    run_s: float = RUN_S,
    on_attempt: Callable[[int], None] = lambda made: None,
) -> Executed:
    """Execute a run of an application on the real kernel.

    times: how often. stopwatch: gives seconds. seconds: how long all of it may take; a run that is
    under way is finished. run_s: how long one may take. on_attempt: called after each execution
    with how many there were. Raises UserError for a run of something else than an application.
    """
    subject = made.subject
    if not isinstance(subject, AppSubject):
        raise UserError("--live: only applications are executed on the real kernel")
    if not hasattr(select, "epoll"):
        raise UserError("--live, --confirm: only Linux has epoll, which is what is led")
    job = subject.job(Replay(made.schedule))
    tape = Tape()
    attempts: list[Attempt] = []
    left_out_s, refused = 0.0, ""

    def plan() -> Plan:
        nonlocal left_out_s, refused
        began = stopwatch()
        expected = yield replace(job, system=tape.make)
        if not _is(made, expected):
            refused = "made again in this process it went otherwise, so nothing could be confirmed"
            return
        last = _last_seen(tape, expected)
        while len(attempts) < times and (not attempts or stopwatch() - began < seconds):
            takes_s = tape.turns[last].now_ns / 1e9 if tape.turns else 0.0
            if takes_s > run_s:
                refused = f"the run takes {takes_s:,.0f} s, and {run_s:g} s are waited for in all"
                return
            left_out_s = tape.ends_ns / 1e9 - takes_s
            system = _System(tape, len(subject.case.connections), last, run_s)
            try:
                end = yield replace(job, scheduler=Replay(()), system=system)
            finally:
                system.close()
            attempt = _compared(expected, end, system.problem)
            if attempt.lacks_findings and last < len(tape.turns) - 1:
                last = len(tape.turns) - 1  # what is found came of the end that was left out
                continue
            attempts.append(attempt)
            on_attempt(len(attempts))

    run_plan(plan())
    return Executed(times, tuple(attempts), left_out_s, refused)


class _System:
    """Makes the loop of one execution, and says afterwards whether it could be led."""

    def __init__(self, tape: Tape, connections: int, last: int, limit_s: float) -> None:
        self._given = tape, last, limit_s
        self._connections = connections
        self._world: RealWorld | None = None

    def __call__(self, job: AppJob) -> SimLoop:
        self._world = RealWorld(job, *self._given)
        self._world.prepare(self._connections)
        return SimLoop(self._world, RealSelector(self._world))

    @property
    def problem(self) -> str:
        """Why it could not be led, "" if it could."""
        return self._world.problem if self._world is not None else "it never began"

    def close(self) -> None:
        """Close its connections."""
        if self._world is not None:
            self._world.close()


def _is(made: Record, again: End) -> bool:
    """Whether a run that was made again is the same one, with what was found in it."""
    return (
        again.ending.judged
        and again.ending is made.end.ending
        and again.schedule == made.end.schedule
        and digest(again.events) == made.digest
    )


def _last_seen(tape: Tape, expected: End) -> int:
    """Return the last turn that is executed: after it nothing is seen before time moves on.

    All of them if what is left takes no second.
    """
    last = len(tape.turns) - 1
    if not tape.turns:
        return last
    history = [number for number, event in _numbered(expected.events) if _is_history(event)]
    while last > 0 and history and tape.turns[last].events > history[-1]:
        last -= 1
    by_ns = tape.turns[last].now_ns + _SHORT_NS
    while last + 1 < len(tape.turns) and tape.turns[last + 1].now_ns <= by_ns:
        last += 1
    return last


def _numbered(events: Sequence[Event]) -> Iterator[tuple[int, Event]]:
    """Yield events with their places, up to where the server begins to stop."""
    for number, event in enumerate(events):
        if event.kind == "stop":
            return
        yield number, event


def _is_history(event: Event) -> bool:
    return event.kind not in _OF_THE_SYSTEM


def _history(end: End) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what happened in a run, in order, without when."""
    return [
        (event.task, event.kind, dict(event.values))
        for _, event in _numbered(end.events)
        if _is_history(event)
    ]


def _findings(end: End) -> set[tuple[str, str, str]]:
    """Return what was found in a run: kind, connection, line."""
    return {
        (str(one.values["name"]), str(one.values["connection"]), str(one.values["where"]))
        for one in end.events
        if one.kind == "finding"
    }


def _compared(expected: End, end: End, problem: str) -> Attempt:
    """Return what came of one execution.

    problem: why it could not be led on. If it had gone another way before, that is why.
    """
    wanted, seen = _history(expected), _history(end)
    for number, (one, other) in enumerate(zip(wanted, seen, strict=False), 1):
        if one != other:
            return Attempt(True, False, f"event {number}: {_words(other)} instead of {_words(one)}")
    if problem:
        return Attempt(placed=False, same=False, why=problem)
    if len(wanted) != len(seen):
        both = min(len(wanted), len(seen))
        longer = wanted if len(wanted) > len(seen) else seen
        where = "only in the simulated run" if longer is wanted else "only on the real kernel"
        return Attempt(True, False, f"event {both + 1}: {_words(longer[both])}, {where}")
    if differing := sorted(_findings(expected) ^ _findings(end)):
        kind, connection, where = differing[0]
        whose = f" of {connection}" if connection else ""
        there = "only" if differing[0] in _findings(end) else "not"
        why = f"{there} found there: {kind}{whose} {where}".rstrip()
        return Attempt(True, False, why, lacks_findings=True)
    return Attempt(placed=True, same=True)


def _words(one: tuple[str, str, dict[str, Any]]) -> str:
    task, kind, values = one
    told = " ".join(f"{name}={value}" for name, value in values.items() if value != task)
    return f"{task} {kind} {told}".rstrip()
