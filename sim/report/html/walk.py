"""A run as moments that one can walk through: who did what, on which line, with which states then.

A moment is an event, or what one line read, in the order in which it happened within its step. A
step in which nothing of that kind happened is a moment too: the turn that it takes is often what
the race is about.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sim.kernel.names import MAIN
from sim.model.record import CLOCK, LOOP, Access, Event, Step
from sim.model.ticks import ms
from sim.report.formats.telling import PLACES, folded, told
from sim.report.story import LANES
from sim.runs.subject import Record

NETWORK = "network"
LANE_NAMES = (*LANES.values(), NETWORK)
"""The states that have a lane, from top to bottom."""
_ENDS = ("close", "fin", "rst")
_HANDSHAKE = {b"GET ": "connect", b"HTTP/1.1 101": "accept"}
_OPCODES = {0: "continued", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
_QUIET = frozenset({"asgi.send", "asgi.receive", "client.sent", "sent"})
"""Kinds of events that others tell better."""
_HARNESS = frozenset({LOOP, MAIN})
"""Tasks that do nothing which belongs to the run."""
_RECEIVE = "starlette.websockets:"
"""Where the receive looks at the state that it depends on."""
_LONGEST = 90


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    step: of the run. task: its path. what: in words. where: "module:line", "" if no line did it;
    handler: where the handler stands. states: one for each of LANE_NAMES, when it is over. window:
    whether it lies between the check and what the receive looks at.
    """

    step: int
    ms: float
    task: str
    what: str
    where: str
    handler: str
    states: tuple[str, ...]
    window: bool


@dataclass(slots=True)
class _Teller:
    """Goes through a run and keeps what has become of its states."""

    connection: str
    states: dict[str, str] = field(default_factory=lambda: dict.fromkeys(LANE_NAMES, "-"))
    handler: str = ""
    window: bool = False
    receiving: bool = False
    decided: bool = False
    closing: frozenset[str] = frozenset()

    def step(self, index: int, step: Step, events: Sequence[Event]) -> Iterator[Moment]:
        """Yield the moments of one step. events: of the whole run."""
        mine = folded(step.task)
        if step.task in _HARNESS:
            return
        found = False
        for access in step.accesses:
            is_event = access.name.startswith("event:")
            event = events[access.events - 1] if is_event else None
            where = _of_the_code_under_test(access.where)
            if where and self._is_handler(mine):
                self.handler = where
            what = self._event(event) if event is not None else self._read(access)
            looks = event is None and where.startswith(_RECEIVE) and self._is_handler(mine)
            if self.decided and event is None:
                continue  # what is read after the loop has ended is clean-up
            if what:
                found = True
                yield self._moment(index, step, what, where)
                self.window = self.window and not (looks and self.receiving)
        if not found:
            what = "time moves on" if step.task == CLOCK else "takes a turn"
            yield self._moment(index, step, what, "")

    def _is_handler(self, task: str) -> bool:
        """Whether a task is the handler, or a wait_for of its."""
        return task.removesuffix("/wait_for").endswith(f"handler:{self.connection}")

    def _moment(self, index: int, step: Step, what: str, where: str) -> Moment:
        return Moment(
            step=index,
            ms=ms(step.tick),
            task=folded(step.task),
            what=what,
            where=where,
            handler=self.handler,
            states=tuple(self.states.values()),
            window=self.window,
        )

    def _event(self, event: Event) -> str:
        """Take note of an event. Return what is told of it, "" if nothing."""
        values = event.values
        if event.kind == "wire":
            return self._wire(str(values["link"]), str(values["data"]))
        if values.get("connection") != self.connection:
            return ""
        if event.kind in LANES:
            lane, state = LANES[event.kind], str(values["state"])
            before, self.states[lane] = self.states[lane], state
            return f"{lane} {before} > {state}" if before != "-" else f"{lane} {state}"
        if event.kind == "probe":
            at = values["at"]
            self.window, self.receiving = at in PLACES, at == "receiving"
            return f"reaches {at}" if at in PLACES else ""
        if event.kind == "lost":
            self.states[NETWORK] = "closed"
        elif event.kind in ("left", "raised"):
            self.decided, self.window = True, False
        elif event.kind == "log" and values["level"] == "info":
            return ""
        return "" if event.kind in _QUIET else _cut(told(event))

    def _wire(self, link: str, data: str) -> str:
        """Take note of what goes on its way, and return it."""
        sender = "server" if link.startswith("server>") else "client"
        if self.connection not in link.split(">"):
            return ""
        data = spoken(data)
        now = self.states[NETWORK]
        if data.partition(" ")[0] in _ENDS and now != "closed":
            self.closing |= {sender}
            now = f"{sender} closing" if len(self.closing) == 1 else "both closing"
        elif now == "-":
            now = "connecting"
        elif data == "accept" and not self.closing:
            now = "open"
        self.states[NETWORK] = now
        return _cut(f"sends {data}")

    def _read(self, access: Access) -> str:
        """Return which state of the connection a line of the code under test reads."""
        owner, _, name = access.name.partition(".")
        if access.write or not access.where or owner != self.connection or name not in LANES:
            return ""
        return f"reads {LANES[name]} {self.states[LANES[name]]}".removesuffix(" -")


def moments_of(record: Record, connection: str) -> list[Moment]:
    """Return the moments of a run until its handler has left the loop.

    record: with the lines of its steps, as `sim.exploration.explain.with_lines` makes it.
    """
    teller = _Teller(connection)
    moments: list[Moment] = []
    for index, step in enumerate(record.end.trace_steps):
        moments += _merged(teller.step(index, step, record.events))
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


def _of_the_code_under_test(where: str) -> str:
    """Return a place, "" if it is one of the simulation's own."""
    return "" if where.startswith("sim.") and not where.startswith("sim.sut.") else where


def _merged(moments: Iterator[Moment]) -> Iterator[Moment]:
    """Yield moments, those of one line that only reads as one."""
    last: Moment | None = None
    for one in moments:
        if last is not None and one.where == last.where and _reads(one) and _reads(last):
            more = one.what.removeprefix("reads ")
            what = last.what if more in last.what else f"{last.what}, {more}"
            last = replace(one, what=what)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _reads(one: Moment) -> bool:
    return one.what.startswith("reads ") and bool(one.where)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
