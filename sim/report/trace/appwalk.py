"""A run of an application as moments: what came, what its handlers did on which line, and what was
read and written of the state that it failed by.

The run is made again for it. A moment is an event of the trace, or an access to a watched
attribute; the turn of the loop stands for the step.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import FrameType

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.aio.world import World
from sim.exploration.reason import Watched
from sim.hosting.condition import vars_of
from sim.hosting.findings import Served
from sim.hosting.target import Target
from sim.hosting.watch import Access, watching
from sim.kernel.series import run_once
from sim.model.record import Event, Value
from sim.model.ticks import ms
from sim.report.trace.events import told
from sim.report.trace.walk import Moment
from sim.runs.app import AppSubject
from sim.runs.subject import Record
from sim.schedulers.replay import Replay

_SYSTEM, _CLOCK = "the system", "clock"
_LEFT_OUT = frozenset({"finding", "client.sent"})
"""What is told elsewhere: findings in the reason, what clients send where it arrives."""
_LONGEST = 90


@dataclass(frozen=True, slots=True)
class Walked:
    """A run as moments."""

    moments: tuple[Moment, ...]
    lanes: tuple[str, ...]
    """The states that moments have: of each connection, of what is watched, and the clock."""
    files: dict[str, str]
    """For each place "file:line" that is named the file's own path."""


Row = tuple[int, int, Event | Access, str, str]
"""Turn, tick, what, the user's line, the library's within it."""


@dataclass(slots=True)
class _Noted:
    """What was noted of one run: what happened, in order, with the turn and the place."""

    target: Target
    rows: list[Row] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    """Whose an object is that is watched."""

    def make(self, job: AppJob) -> SimLoop:
        """Return a loop whose events are noted with the line that led to them."""
        return SimLoop(_World(job, self))

    def own_line(self, frame: FrameType | None) -> str:
        """Return the innermost line of the user's on the way to a frame, "" if there is none."""
        own = self.target.own_frame(frame)
        return "" if own is None else self.place(own)

    def place(self, frame: FrameType) -> str:
        """Return a frame's line as people know it, and keep where its file is."""
        where = self.target.place(frame.f_code.co_filename, frame.f_lineno)
        self.files[where] = frame.f_code.co_filename
        return where


class _World(World):
    def __init__(self, job: AppJob, noted: _Noted) -> None:
        super().__init__(job.scheduler, job.limits, job.bounds, job.schedule)
        self._noted = noted

    def event(self, kind: str, task: str, **values: Value) -> None:
        """Let the trace say that something happened, and note where."""
        super().event(kind, task, **values)
        theirs = kind.startswith(("client.", "arrived", "finding", "app.called"))
        where = "" if theirs else self._noted.own_line(sys._getframe(1))
        self._noted.rows.append((self.turns, self.tick, self.events[-1], where, ""))


def walk_of(made: Record, watched: Watched | None) -> Walked:
    """Return a run of an application as moments, until the server begins to stop.

    watched: the state that it failed by, if it is known.
    """
    subject = made.subject
    assert isinstance(subject, AppSubject), "of an application"
    noted = _Noted(subject.application.target)
    job = replace(subject.job(Replay(made.schedule), _owners_into(noted)), system=noted.make)
    if watched is None:
        run_once(job)
    else:
        names = watched.names
        with watching(watched.kind, names, noted.target, watched.tests, _row_of(noted)):
            run_once(job)
    teller = _Teller(noted, subject.case.connections)
    moments = tuple(teller.moments())
    return Walked(moments, teller.lanes, noted.files)


def _row_of(noted: _Noted) -> Callable[[Access, World, FrameType], None]:
    """Return what notes an access as it happens."""

    def note(access: Access, world: World, frame: FrameType) -> None:
        own, here = noted.own_line(frame), noted.place(frame)
        inside = "" if own in ("", here) else here
        noted.rows.append((world.turns, world.tick, access, own or here, inside))

    return note


def _owners_into(noted: _Noted) -> Callable[[Served], None]:
    """Return what finds out, in the end, whose the watched objects are."""

    def inspect(served: Served) -> None:
        for _, _, what, _, _ in noted.rows:
            if isinstance(what, Access):
                owner = served.observer.connection_of(vars_of(what.found).get("scope"))
                noted.owners[id(what.found)] = owner

    return inspect


def _of_interest(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows without those of objects that nobody looks at."""
    every = (row[2] for row in rows)
    read = {id(one.found) for one in every if isinstance(one, Access) and not one.writes}
    for row in rows:
        what = row[2]
        if not isinstance(what, Access) or id(what.found) in read:
            yield row


class _Teller:
    """Goes through what was noted, and keeps what has become of the states."""

    def __init__(self, noted: _Noted, connections: Sequence[str]) -> None:
        self._rows = list(_of_interest(noted.rows))
        self._owners = noted.owners
        self._lane_of: dict[tuple[int, str], str] = {}
        self._states = dict.fromkeys((*connections, *self._watched_lanes(), _CLOCK), "-")
        self._stands: dict[str, str] = {}

    @property
    def lanes(self) -> tuple[str, ...]:
        """The names of the states."""
        return tuple(f"{one} connection" if _is_client(one) else one for one in self._states)

    def _watched_lanes(self) -> Iterator[str]:
        """Yield a name for each attribute of each object that is watched."""
        known: dict[str, int] = {}
        for _, _, what, _, _ in self._rows:
            if not isinstance(what, Access) or (id(what.found), what.name) in self._lane_of:
                continue
            owner = self._owners.get(id(what.found), "")
            name = f"{owner or type(what.found).__name__} {what.name}"
            known[name] = known.get(name, 0) + 1
            lane = name if known[name] == 1 else f"{name} #{known[name]}"
            self._lane_of[id(what.found), what.name] = lane
            yield lane

    def moments(self) -> Iterator[Moment]:
        """Yield them."""
        for turn, tick, what, where, inside in self._rows:
            if isinstance(what, Event) and what.kind == "stop":
                return
            self._states[_CLOCK] = f"{round(ms(tick), 2):g} ms"
            if isinstance(what, Access):
                connection = what.connection
                task = self._who(what.connection, what.task)
                said = self._access(what)
            else:
                if what.kind in _LEFT_OUT:
                    continue
                connection = str(what.values.get("connection", ""))
                task = self._task(what, connection)
                said = self._event(what, connection)
            if where and _is_client(task.partition(" ")[0]):
                self._stands[task.partition(" ")[0]] = where
            handler = self._stands.get(connection, "")
            states = tuple(self._states.values())
            yield Moment(turn, ms(tick), task, _cut(said), where, inside, handler, states, False)

    def _access(self, access: Access) -> str:
        """Take note of a read or a write; return it in words."""
        lane = self._lane_of[id(access.found), access.name]
        before, self._states[lane] = self._states[lane], access.value
        if not access.writes:
            return f"reads {lane} {access.value}"
        was = f" {before} >" if before not in ("-", access.value) else ""
        return f"writes {lane}{was} {access.value}"

    def _event(self, event: Event, connection: str) -> str:
        """Take note of an event; return it in words."""
        if event.kind == "client.opened":
            self._states[connection] = "open"
        elif event.kind == "client.over" and connection in self._states:
            self._states[connection] = f"over: {event.values['how']}"
        elif event.kind == "client.answered":
            self._states[connection] = f"answered: {event.values['status']}"
        elif event.kind == "arrived":
            if self._states[connection] == "-":
                self._states[connection] = "asked for"
            return f"{event.values['what']} of {connection} comes".replace(",", ", ")
        _, _, said = told(event).rpartition("asgi.")
        said = said.removeprefix("client.").removeprefix("app.")
        return said.replace("type=websocket.", "").replace(" websocket.", " ")

    @staticmethod
    def _task(event: Event, connection: str) -> str:
        """Return who did something."""
        if event.kind.startswith("client."):
            return f"{event.task} client"
        if event.kind.startswith(("app.", "asgi.")):
            return f"{connection} handler"
        return _SYSTEM if event.task.startswith("(") else event.task

    @staticmethod
    def _who(connection: str, task: str) -> str:
        """Return who reached an attribute."""
        name = "handler" if task == "the handler" else task.rpartition(".")[2] or "callback"
        return f"{connection} {name}".strip()


def _is_client(name: str) -> bool:
    return re.fullmatch(r"c\d+(\.\w+)?", name) is not None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def lanes_of(walks: Sequence[Walked]) -> list[str]:
    """Return the states that are worth a lane: what never changes in any of the runs is none."""
    values: dict[str, set[str]] = {}
    for walk in walks:
        for moment in walk.moments:
            for lane, state in zip(walk.lanes, moment.states, strict=True):
                values.setdefault(lane, set()).update({state} - {"-"})
    return [
        lane
        for lane, held in values.items()
        if len(held) > 1 or lane.endswith((" connection", _CLOCK))
    ]


def in_lanes(walked: Walked, names: Sequence[str]) -> tuple[Moment, ...]:
    """Return moments with their states in the order of some lanes, "-" for those they lack."""
    places = [walked.lanes.index(name) if name in walked.lanes else None for name in names]
    return tuple(
        replace(one, states=tuple("-" if at is None else one.states[at] for at in places))
        for one in walked.moments
    )


def with_window(moments: Sequence[Moment], connection: str) -> tuple[Moment, ...]:
    """Return moments with those shaded that lie between the last look and the failure.

    connection: whose handler fails.
    """
    handler = f"{connection} handler"
    fails = [at for at, one in enumerate(moments) if one.what.startswith("raised ")]
    ends = next((at for at in reversed(fails) if moments[at].task == handler), None)
    looks = [
        at
        for at, one in enumerate(moments[:ends])
        if one.what.startswith("reads ") and not one.inside and one.task.startswith(connection)
    ]
    if ends is None or not looks:
        return tuple(moments)
    inside = range(looks[-1], ends)
    return tuple(replace(one, window=at in inside) for at, one in enumerate(moments))
