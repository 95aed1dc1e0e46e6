"""Says why a failing run fails: who checked what, who used what, and who wrote it between.

Found in the recorded reads and writes, not written in. The *use* is the last shared state of the
connection that the handler touched before it failed. The *writer* is the last write of that state
by anybody before the use. The *check* is what the handler's loop, or somebody's own guard, read
last before the use. If the check read other state than the use depends on, the guard looks at the
wrong thing; if it read the same and the write lies between, it looked too early.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sim.kernel.series import run_once
from sim.model.events import TELLING
from sim.model.outcome import Finding
from sim.model.record import Event, Step
from sim.model.ticks import ms
from sim.runs.subject import Record, Subject, record
from sim.schedulers.replay import Replay

_HIDDEN = ("tcp", "told", "wait_for", "client")
"""Parts of a connection that are no state of the code under test."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One read or write: in which step, by which task, at which tick, of what, on which line."""

    step: int
    task: str
    tick: int
    state: str
    write: bool
    where: str
    caller: str = ""
    """The line of somebody's own code that led to it, where another one made it."""


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
    raised: str = ""
    """The line of somebody's own code at which the failure rose, where that is known."""
    ended: str = ""
    """What is to be said where no recorded state was touched."""

    def sentence(self, shown: Callable[[str], str] = str) -> str:
        """Return the reason in words. shown: how a line, "module:line", is to be shown."""
        if self.use is None:
            error = self.record.end.error
            text = self.ended or (str(error) if error is not None else "")
            if self.raised:
                return f"it rose at {shown(self.raised)}: {text}"
            return text or "The run touched no state that is recorded."
        by_guard = self.record.subject.is_check(self.use.where)
        who = self.record.subject.checker
        used = f"{self.use.state}{_at(self.use, shown)}"
        if by_guard:
            told = f"the loop ended by what a {who} read: {used}"
        elif self.check is None:
            nothing = f"no {who} read anything" if who == "guard" else f"the {who} read no state"
            told = f"{nothing}; what failed depends on {used}"
        else:
            read = f"{who} read {' and '.join(self.checked)}{_at(self.check, shown)}"
            told = f"{read}; what failed depends on {used}"
        if self.raised:
            told = f"it rose at {shown(self.raised)}: {told}"
        if self.writer is None:
            return f"{told}, which no task had written: no race between tasks"
        told += f", which {self.writer.task} had written{_at(self.writer, shown)}"
        if self.check is None or by_guard:
            return told
        if self.use.state not in self.checked:
            return f"{told}: the {who} looks at other state than the one it is to protect"
        late = self.writer.step > self.check.step
        return f"{told} after the {who} had looked" if late else told


def _at(touch: Touch, shown: Callable[[str], str]) -> str:
    places = [shown(one) for one in dict.fromkeys((touch.caller, touch.where)) if one]
    return f" ({', in '.join(places)})" if places else ""


def explain(found: Record) -> Explanation:
    """Run a failing run again with its lines recorded, and return why it fails.

    Raises what the repeated run raises if it goes otherwise.
    """
    told = with_lines(found)
    end, subject = told.end, found.subject
    connection, ended, failing = _failure(told)
    touches = _touches(end.trace_steps, connection)
    last = next((i for i, one in enumerate(touches) if one.state == ended), len(touches))
    handler = touches[last].task if last < len(touches) else ""
    before = [one for one in touches[:last] if not one.state.startswith("event:")]
    mine = [i for i, one in enumerate(before) if subject.acts_for(one.task, handler) and one.where]
    if not handler or not mine:
        return Explanation(told, raised=failing.where, ended=failing.text)
    led = [i for i in mine if _leads_from(before[i], failing.where)]
    if failing.where and not led:  # it rose in code of somebody's own that looked at no state
        return Explanation(told, raised=failing.where, ended=failing.text)
    at = (led or mine)[-1]
    use, earlier = before[at], before[:at]
    # A write without a line is none of the code's: who cancels is noted to write what the cancelled
    # had touched, so that no order is missed (kernel/steps.py), and changes nothing of it.
    wrote = (one for one in reversed(earlier) if one.write and one.where)
    writer = next((one for one in wrote if one.state == use.state), None)
    check, checked = _check(
        [one for one in earlier if subject.acts_for(one.task, handler)], subject
    )
    begin = check or use
    return Explanation(
        record=told,
        rows=_rows(told, (check, writer, use, touches[last]), connection),
        check=check,
        use=use,
        writer=writer,
        checked=checked,
        hops=sum(
            subject.acts_for(step.task, handler)
            for step in end.trace_steps[begin.step + 1 : use.step + 1]
        ),
        window_ms=ms(use.tick - begin.tick),
        raised=failing.where,
        ended=failing.text,
    )


def with_lines(found: Record) -> Record:
    """Return the same run with its steps recorded, each read and write with its line.

    Raises what the repeated run raises if it goes otherwise.
    """
    job = found.subject.job(Replay(found.schedule)).recording(lines=True)
    end = run_once(job)
    if end.error is not None and end.ending is not found.end.ending:
        raise end.error
    return record(found.subject, end)


def _leads_from(touch: Touch, line: str) -> bool:
    """Whether a line of somebody's own led to what was touched."""
    return bool(line) and line in (touch.caller, touch.where)


def _failure(told: Record) -> tuple[str, str, Finding]:
    """Return the connection that failed, as what the last event of its loop is noted, and why."""
    failing = next((one for one in told.outcome.findings if one.failure), None)
    failing = failing or next(iter(told.outcome.findings), Finding("nothing"))
    connection = failing.connection or "c1"
    kinds = ("raised", "left", "app.raised")
    for event in told.events:
        if event.kind in kinds and event.values.get("connection") == connection:
            return connection, f"event:{event.kind}", failing
    return connection, "", failing


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
            found.append(
                Touch(index, step.task, step.tick, state, access.write, access.where, access.caller)
            )
    return found


def _check(mine: Sequence[Touch], subject: Subject) -> tuple[Touch | None, tuple[str, ...]]:
    """Return the last reads of the loop or of somebody's guard: the last one, and all names."""
    reads = [one for one in mine if not one.write and subject.is_check(one.where)]
    if not reads:
        return None, ()
    last = reads[-1]
    together = [one for one in reads if (one.step, one.where) == (last.step, last.where)]
    return last, tuple(dict.fromkeys(one.state for one in together))


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
    states = dict.fromkeys(told.subject.lanes, "-")
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
                    ms=ms(step.tick),
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
    telling = [event for event in events if event.values.get(TELLING.get(event.kind, ""))]
    told = [f"{event.kind} {event.values[TELLING[event.kind]]}" for event in telling]
    if touch is not None and not touch.state.startswith("event:"):
        told.insert(0, f"{'writes' if touch.write else 'reads'} {touch.state}")
    return ", ".join([*dict.fromkeys(told)][:3])
