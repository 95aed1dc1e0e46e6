"""A run as moments that one can walk through: who did what, on which line, with which states then.

A moment is an event, or what one line read, in the order in which it happened within its step. A
step in which nothing of that kind happened is a moment too: the turn that it takes is often what
the race is about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sim.kernel.names import MAIN
from sim.model.events import PLACES, is_noise
from sim.model.record import CLOCK, LOOP, Access, Event, Step
from sim.model.ticks import ms
from sim.report.trace.events import folded, state_names, told, windows
from sim.runs.subject import Record

NETWORK = "network"
_ENDS = ("close", "fin", "rst")
_HANDSHAKE = {b"GET ": "connect", b"HTTP/1.1 101": "accept"}
_OPCODES = {0: "continued", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
_HARNESS = frozenset({LOOP, MAIN})
"""Tasks that do nothing which belongs to the run."""
_RECEIVE = "starlette.websockets:"
"""Where the receive looks at the state that it depends on."""
_LONGEST = 90


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    step: of the run. task: its path. what: in words. where: "module:line", somebody's own if one of
    theirs led to it, "" if no line did it; inside: the library's line, where the other is not it.
    handler: where the handler stands. states: one for each of `lane_names`, when it is over.
    window: whether it lies between the check and what the receive looks at.
    """

    step: int
    ms: float
    task: str
    what: str
    where: str
    inside: str
    handler: str
    states: tuple[str, ...]
    window: bool


class _Teller:
    """Goes through a run and keeps what has become of its states."""

    def __init__(self, record: Record, connection: str) -> None:
        self.connection = connection
        self.decided = False
        self._events, self._subject = record.events, record.subject
        self._names = state_names(record)
        self._states = dict.fromkeys(lane_names(record), "-")
        mine = [one for one in windows(record.events) if one.connection == connection]
        self._begins = {one.begin for one in mine}
        self._receives = {one.receiving for one in mine}
        self._handler = ""
        self._window = self._receiving = False
        self._closing: frozenset[str] = frozenset()

    def step(self, index: int, step: Step) -> Iterator[Moment]:
        """Yield the moments of one step."""
        mine = self._is_handler(folded(step.task))
        if step.task in _HARNESS:
            return
        found = False
        for access in step.accesses:
            at = access.events - 1 if access.name.startswith("event:") else None
            where, inside = _places(access, None if at is None else self._events[at])
            if where and mine:
                self._handler = where
            what = self._read(access) if at is None else self._event(at)
            if self.decided and at is None:
                continue  # what is read after the loop has ended is clean-up
            if what:
                found = True
                yield self._moment(index, step, what, where, inside)
                looks = at is None and mine and access.where.startswith(_RECEIVE)
                self._window = self._window and not (looks and self._receiving)
        if not found:
            what = "time moves on" if step.task == CLOCK else "takes a turn"
            yield self._moment(index, step, what)

    def _is_handler(self, task: str) -> bool:
        """Whether a task is the handler, or does its work."""
        before, name, _ = task.partition(f"handler:{self.connection}")
        return bool(name) and self._subject.acts_for(task, f"{before}{name}")

    def _moment(
        self, index: int, step: Step, what: str, where: str = "", inside: str = ""
    ) -> Moment:
        return Moment(
            step=index,
            ms=ms(step.tick),
            task=folded(step.task),
            what=what,
            where=where,
            inside=inside,
            handler=self._handler,
            states=tuple(self._states.values()),
            window=self._window,
        )

    def _event(self, index: int) -> str:
        """Take note of an event. Return what is told of it, "" if nothing."""
        event = self._events[index]
        values = event.values
        if event.kind == "wire":
            return self._wire(str(values["link"]), str(values["data"]))
        if values.get("connection") != self.connection:
            return ""
        if event.kind in self._names:
            lane, state = self._names[event.kind], str(values["state"])
            before, self._states[lane] = self._states[lane], state
            return f"{lane} {before} > {state}" if before != "-" else f"{lane} {state}"
        if event.kind == "probe":
            known = index in self._begins or self._window
            self._window = known and values["at"] in PLACES
            self._receiving = index in self._receives
        elif event.kind == "lost":
            self._states[NETWORK] = "closed"
        elif event.kind in ("left", "raised"):
            self.decided, self._window = True, False
        if is_noise(event, wire=True):
            return ""
        return f"reaches {values['at']}" if event.kind == "probe" else _cut(told(event))

    def _wire(self, link: str, data: str) -> str:
        """Take note of what goes on its way, and return it."""
        sender = "server" if link.startswith("server>") else "client"
        if self.connection not in link.split(">"):
            return ""
        data = spoken(data)
        now = self._states[NETWORK]
        if data.partition(" ")[0] in _ENDS and now != "closed":
            self._closing |= {sender}
            now = f"{sender} closing" if len(self._closing) == 1 else "both closing"
        elif now == "-":
            now = "connecting"
        elif data == "accept" and not self._closing:
            now = "open"
        self._states[NETWORK] = now
        return _cut(f"sends {data}")

    def _read(self, access: Access) -> str:
        """Return which state of the connection a line of the code under test reads."""
        owner, _, name = access.name.partition(".")
        lane = self._names.get(name)
        if access.write or not access.where or owner != self.connection or lane is None:
            return ""
        return f"reads {lane} {self._states[lane]}".removesuffix(" -")


def lane_names(record: Record) -> tuple[str, ...]:
    """Return the states that have a lane, from top to bottom."""
    return (*state_names(record).values(), NETWORK)


def moments_of(record: Record, connection: str) -> list[Moment]:
    """Return the moments of a run until its handler has left the loop.

    record: with the lines of its steps, as `sim.exploration.explain.with_lines` makes it.
    """
    teller = _Teller(record, connection)
    moments: list[Moment] = []
    for index, step in enumerate(record.end.trace_steps):
        moments += _merged(teller.step(index, step))
        if teller.decided:
            break
    return moments


def spoken(data: str) -> str:
    """Return what goes over a wire in words; bytes, as hexadecimal digits, by what they begin.

    A handshake is a line of HTTP, a frame has its opcode in the first byte (RFC 6455, 5.2).
    """
    if not re.fullmatch("(?:[0-9a-f]{2})+", data):
        return data
    raw = bytes.fromhex(data)
    for begin, word in _HANDSHAKE.items():
        if raw.startswith(begin):
            return word
    size = f"{len(raw)} bytes"
    name = _OPCODES.get(raw[0] & 0x0F) if not raw[0] & 0x70 else None
    return f"{name} frame of {size}" if name is not None else size


def _places(access: Access, event: Event | None) -> tuple[str, str]:
    """Return the line of the code under test that did something, and the library's within it.

    Each is "" if there is none. event: what happened, if it is an event: it may know its line.
    """
    theirs = access.caller or str((event and event.values.get("where")) or "")
    where = access.where
    if where.startswith("sim.") and not where.startswith("sim.sut."):
        where = ""  # one of the simulation's own
    return theirs or where, where if theirs not in ("", where) else ""


def _merged(moments: Iterator[Moment]) -> Iterator[Moment]:
    """Yield moments, those of one line that only reads as one."""
    last: Moment | None = None
    for one in moments:
        if last is not None and _place(one) == _place(last) and _reads(one) and _reads(last):
            more = one.what.removeprefix("reads ")
            what = last.what if more in last.what else f"{last.what}, {more}"
            last = replace(one, what=what)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _place(one: Moment) -> tuple[str, str]:
    return one.where, one.inside


def _reads(one: Moment) -> bool:
    return one.what.startswith("reads ") and bool(one.where)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
