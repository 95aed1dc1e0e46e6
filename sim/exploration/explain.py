"""Says why a failing run fails: who checked what, who used what, and who wrote it between.

Found in the recorded reads and writes, not written in. The *use* is the last shared state of the
connection that the handler touched before it failed. The *writer* is the last write of that state
by anybody before the use. The *check* is what the handler's loop, or somebody's own guard, read
last before the use. If the check read other state than the use depends on, the guard looks at the
wrong thing; if it read the same and the write lies between, it looked too early.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.kernel.series import run_once
from sim.model.record import Event, Step
from sim.model.ticks import PER_SECOND
from sim.runs.play import Record, job_for, record
from sim.runs.stage import Rung
from sim.schedulers.replay import Replay
from sim.sut import loop
from sim.sut.guards import Guard

STATES = ("client_state", "application_state", "machine")
"""The states that guards read, and that the rows of an explanation show."""
_HIDDEN = ("tcp", "wait_for", "client")
"""Parts of a connection that are no state of the code under test."""
_TELLING = {
    "injected": "do",
    "frame": "frame",
    "lost": "connection",
    "shutdown": "connection",
    "raised": "outcome",
    "left": "outcome",
    "app.raised": "error",
    "swallowed": "error",
}
"""Which value tells what an event was."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One read or write: in which step, by which task, at which tick, of what, on which line."""

    step: int
    task: str
    tick: int
    state: str
    write: bool
    where: str


@dataclass(frozen=True, slots=True)
class Row:
    """One step of the telling. before, after: the states around it."""

    step: int
    role: str
    task: str
    ms: float
    where: str
    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run fails.

    record: the run, its steps recorded with their lines. rows: at most five steps that tell it.
    check, use, writer: as the module says, None where there is none; checked: all that the check
    read. hops: how often the handler gave up its turn between check and use; window_ms: the time
    between them.
    """

    record: Record
    rows: tuple[Row, ...] = ()
    check: Touch | None = None
    use: Touch | None = None
    writer: Touch | None = None
    checked: tuple[str, ...] = ()
    hops: int = 0
    window_ms: float = 0.0

    def sentence(self) -> str:
        """Return the reason in words."""
        if self.use is None:
            error = self.record.end.error
            return str(error) if error is not None else "The run touched no state that is recorded."
        by_guard = _is_guard(self.use.where)
        used = f"{self.use.state}{_at(self.use)}"
        if by_guard:
            told = f"the loop ended by what a guard read: {used}"
        elif self.check is None:
            told = f"no guard read anything; what failed depends on {used}"
        else:
            read = f"guard read {' and '.join(self.checked)}{_at(self.check)}"
            told = f"{read}; what failed depends on {used}"
        if self.writer is None:
            return f"{told}, which no task had written: no race between tasks"
        told += f", which {self.writer.task} had written{_at(self.writer)}"
        if self.check is None or by_guard:
            return told
        if self.use.state not in self.checked:
            return f"{told}: the guard looks at other state than the one it is to protect"
        late = self.writer.step > self.check.step
        return f"{told} after the guard had looked" if late else told


def _at(touch: Touch) -> str:
    return f" ({touch.where})" if touch.where else ""


def explain(
    found: Record,
    rung: Rung = Rung.ASGI,
    guard: Guard | None = None,
    untimed: bool = False,
) -> Explanation:
    """Run a failing run again with its lines recorded, and return why it fails.

    Raises what the repeated run raises if it goes otherwise.
    """
    told = with_lines(found, rung, guard, untimed)
    end = told.end
    connection, ended = _failure(told)
    touches = _touches(end.trace_steps, connection)
    last = next((i for i, one in enumerate(touches) if one.state == ended), len(touches))
    handler = touches[last].task if last < len(touches) else ""
    before = [one for one in touches[:last] if not one.state.startswith("event:")]
    mine = [i for i, one in enumerate(before) if _is_of(one.task, handler) and one.where]
    if not handler or not mine:
        return Explanation(told)
    use = before[mine[-1]]
    earlier = before[: mine[-1]]
    writer = next((one for one in reversed(earlier) if one.write and one.state == use.state), None)
    check, checked = _check([one for one in earlier if _is_of(one.task, handler)])
    begin = check or use
    return Explanation(
        record=told,
        rows=_rows(told, (check, writer, use, touches[last]), connection),
        check=check,
        use=use,
        writer=writer,
        checked=checked,
        hops=sum(
            _is_of(step.task, handler) for step in end.trace_steps[begin.step + 1 : use.step + 1]
        ),
        window_ms=(use.tick - begin.tick) * 1000 / PER_SECOND,
    )


def with_lines(
    found: Record, rung: Rung = Rung.ASGI, guard: Guard | None = None, untimed: bool = False
) -> Record:
    """Return the same run with its steps recorded, each read and write with its line.

    Raises what the repeated run raises if it goes otherwise.
    """
    job = job_for(found.scenario, Replay(found.schedule), rung, guard, untimed)
    end = run_once(replace(job, steps=True, lines=True))
    if end.error is not None and end.ending is not found.end.ending:
        raise end.error
    return record(found.scenario, end)


def _is_of(task: str, handler: str) -> bool:
    """Whether a task is the handler or a wait_for of its; what it injects has children's names."""
    return task == handler or task.startswith(f"{handler}/wait_for")


def _failure(told: Record) -> tuple[str, str]:
    """Return the connection that failed, and as what the last event of its loop is noted."""
    failing = next((one for one in told.outcome.findings if one.failure), None)
    failing = failing or next(iter(told.outcome.findings), None)
    connection = failing.connection if failing is not None and failing.connection else "c1"
    kinds = ("raised", "left", "app.raised")
    for event in told.events:
        if event.kind in kinds and event.values.get("connection") == connection:
            return connection, f"event:{event.kind}"
    return connection, ""


def _touches(steps: Sequence[Step], connection: str) -> list[Touch]:
    """Return what was done with the connection's state, and its events, in order."""
    found: list[Touch] = []
    for index, step in enumerate(steps):
        for access in step.accesses:
            owner, _, state = access.name.partition(".")
            if access.name.startswith("event:"):
                state = access.name
            elif owner != connection or state in _HIDDEN or not state:
                continue
            found.append(Touch(index, step.task, step.tick, state, access.write, access.where))
    return found


def _check(mine: Sequence[Touch]) -> tuple[Touch | None, tuple[str, ...]]:
    """Return the last reads of the loop or of somebody's guard: the last one, and all names."""
    reads = [one for one in mine if not one.write and _is_guard(one.where)]
    if not reads:
        return None, ()
    last = reads[-1]
    together = [one for one in reads if (one.step, one.where) == (last.step, last.where)]
    return last, tuple(dict.fromkeys(one.state for one in together))


def _is_guard(where: str) -> bool:
    return where.startswith(f"{loop.__name__}:") or not where.startswith(("sim.", "starlette"))


def _rows(told: Record, touches: Sequence[Touch | None], connection: str) -> tuple[Row, ...]:
    """Return the steps of check, writer, use and end, and what from outside led to the writing."""
    steps = told.end.trace_steps
    roles: dict[int, list[str]] = {}
    where: dict[int, Touch] = {}
    for role, touch in zip(("check", "write", "use", "end"), touches, strict=True):
        if touch is not None:
            roles.setdefault(touch.step, []).append(role)
            where.setdefault(touch.step, touch)
    writer = touches[1]
    own = writer is not None and touches[3] is not None and writer.task == touches[3].task
    led = _led_to(steps, writer, connection) if writer is not None and own else None
    if led is not None and led not in roles:
        roles[led] = ["cause"]
    rows: list[Row] = []
    states = dict.fromkeys(STATES, "-")
    for index, step in enumerate(steps):
        after = steps[index + 1].events if index + 1 < len(steps) else len(told.events)
        events = told.events[step.events : after]
        before = tuple(states.values())
        for event in events:
            if event.kind in states and event.values.get("connection") == connection:
                states[event.kind] = str(event.values["state"])
        if index in roles:
            touch = where.get(index)
            rows.append(
                Row(
                    step=index,
                    role=" and ".join(roles[index]),
                    task=step.task,
                    ms=step.tick * 1000 / PER_SECOND,
                    where=touch.where if touch is not None else "",
                    what=_what(events, touch),
                    before=before,
                    after=tuple(states.values()),
                )
            )
    return tuple(rows)


def _led_to(steps: Sequence[Step], writer: Touch, connection: str) -> int | None:
    """Return the last step before the writing in which the server noticed something of the peer."""
    name = f"{connection}.tcp"
    for index in range(writer.step - 1, -1, -1):
        step = steps[index]
        if step.task != writer.task and any(a.name == name and a.write for a in step.accesses):
            return index
    return None


def _what(events: Sequence[Event], touch: Touch | None) -> str:
    """Return in a few words what a step did."""
    telling = [event for event in events if event.values.get(_TELLING.get(event.kind, ""))]
    told = [f"{event.kind} {event.values[_TELLING[event.kind]]}" for event in telling]
    if touch is not None and not touch.state.startswith("event:"):
        told.insert(0, f"{'writes' if touch.write else 'reads'} {touch.state}")
    return ", ".join([*dict.fromkeys(told)][:3])
