"""One session: a client that follows its script against a running server, and sees what comes."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import trio

from sim.live.visiting.answers import Answers
from sim.live.visiting.seen import NO_CLOSE, RESET, UNCLEAR, Seen
from sim.live.visiting.wire import UNCLEAR as NO_FRAME
from sim.live.visiting.wire import Route, Wire, words_of
from sim.model.appscript import Act, Script, Step, frame_of
from sim.model.client import CLOSE_TIMEOUT_S
from sim.model.frames import Frame, FrameKind
from sim.model.visiting import ASKED, OPEN, Part

HANDSHAKE_S: Final = 10.0
"""So long a client waits for a TCP connection, and for the answer to its handshake."""
GOODBYE_S: Final = 3.0
"""So long it waits for the end of a connection that both have closed, or that has to end now."""
GOING_AWAY: Final = 1001
_LEAVES: Final = frozenset({Act.CLOSE, Act.FIN, Act.DROP, Act.RST})
_FROM_THE_BEGINNING: Final = frozenset({Act.ON, Act.MUTE})


@dataclass(frozen=True, slots=True)
class Due:
    """Something placed, its moment drawn."""

    after: int
    delay_s: float
    steps: tuple[Step, ...]


def said(status: int) -> str:
    """Return a refusing answer in words: "answered 404 Not Found"."""
    try:
        return f"answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"answered {status}"


class Session:
    """One client's visit. `play` it once; `leave_now` ends it from outside at any time."""

    def __init__(
        self,
        route: Route,
        part: Part,
        due: Sequence[Due],
        answer_s: float,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare. answer_s: so long it waits for an answer. on_open: called when it is open."""
        self._route = route
        self._part = part
        self._due = due
        self._answer_s = answer_s
        self._on_open = on_open
        self._wire: Wire
        self._nursery: trio.Nursery
        self._body = trio.CancelScope()
        self._parting = trio.CancelScope()
        self._changed = trio.Event()
        self._over = trio.Event()
        self._replies: list[tuple[str, str]] = []
        self._sent = ASKED
        self._pending = 0
        self._answers = Answers(part.fresh)
        self._left = self._ended = self._refused = ""
        self._status = 0
        self._opened = self._closing = self._mute = self._cut = False

    def leave_now(self) -> None:
        """Close, and be gone in a few seconds."""
        self._cut = True
        self._wait_at_most(GOODBYE_S)
        self._body.cancel()

    async def play(self, began_s: float) -> Seen:
        """Do all of it. began_s: seconds since the visits began, for the result."""
        await self._connect()
        if not self._refused and not self._body.cancelled_caught:
            try:
                await self._talk()
            finally:
                self._wire.close()
        return Seen(
            visit=self._part.visit,
            began_s=began_s,
            opened=self._opened,
            refused="" if self._opened else self._refused,
            status=self._status,
            left=self._left,
            ended=self._ended,
            awaited=self._answers.awaited,
            answered=self._answers.answered,
            cut=self._cut,
        )

    async def _connect(self) -> None:
        with self._body, trio.move_on_after(HANDSHAKE_S) as patience:
            try:
                self._wire = await Wire.open(self._route)
            except OSError as error:
                self._refused = words_of(error)
        if patience.cancelled_caught:
            self._refused = f"no connection within {HANDSHAKE_S:g} s"

    async def _talk(self) -> None:
        self._body = trio.CancelScope()
        if self._cut:
            self._body.cancel()
        async with trio.open_nursery() as self._nursery:
            with self._body:
                await self._wire.ask(self._route.address, self._part.script)
                self._nursery.start_soon(self._read)
                await self._follow(self._part.script)
            if not self._left and not self._cut:
                self._answers.end()  # the server ended it, whoever waited
            with self._parting:
                await self._part_ways()
            self._nursery.cancel_scope.cancel()

    # -- the script ----------------------------------------------------------------------------

    async def _follow(self, script: Script) -> None:
        if script.steps[0].act is Act.HANGUP:
            self._leave_by(Act.RST if script.steps[0].text == "rst" else Act.DROP)
            await trio.sleep_forever()
        steps = deque(script.steps)
        while steps and steps[0].act in _FROM_THE_BEGINNING:
            await self._do(steps.popleft())  # before anything can come that it is about
        self._count(ASKED)
        with trio.move_on_after(HANDSHAKE_S) as patience:
            await self._until(lambda: self._opened)
        if patience.cancelled_caught:
            self._refused = f"no answer to the handshake within {HANDSHAKE_S:g} s"
            return
        for step in steps:
            await self._do(step)
        await self._until(lambda: not self._pending)
        if self._left:
            await trio.sleep_forever()  # it has ended its half, and reads on

    async def _do(self, step: Step) -> None:
        if step.act is Act.WAIT:
            await self._wait(step.number)
        elif step.act is Act.SLEEP:
            await trio.sleep(step.number / 1000)
        elif step.act is Act.SILENT:
            await trio.sleep_forever()
        elif step.act is Act.MUTE:
            self._mute = True
        elif step.act is Act.ON:
            heard, answer = json.loads(step.text)
            self._replies.append((heard, answer))
        elif step.act is Act.FIN:
            self._left = str(Act.FIN)
            await self._wire.fin()
        elif step.act in (Act.DROP, Act.RST):
            self._leave_by(step.act)
        else:
            await self._send(frame_of(step))

    async def _send(self, frame: Frame) -> None:
        if self._closing or self._left:
            return
        if frame.kind is FrameKind.CLOSE:
            self._closing, self._left = True, frame.brief()
        is_message = frame.kind in (FrameKind.TEXT, FrameKind.BYTES)
        if is_message:
            self._answers.note_send()
        await self._wire.send(frame)
        if is_message:
            self._count(self._sent + 1)
        elif frame.kind is FrameKind.CLOSE:
            self._body.cancel()

    async def _wait(self, number: int) -> None:
        """Wait for messages. One that does not come is lost; the script goes on without it."""
        self._answers.begin(number)
        with trio.move_on_after(self._answer_s):
            await self._until(lambda: self._answers.are_there)
        self._answers.end()

    # -- what is placed beside it --------------------------------------------------------------

    def _count(self, sent: int) -> None:
        """Take note of how many messages have been sent, and begin what comes after so many."""
        self._sent = sent
        for one in self._due:
            if one.after == sent:
                self._pending += 1
                self._nursery.start_soon(self._later, one)

    async def _later(self, one: Due) -> None:
        await trio.sleep(one.delay_s)
        for step in one.steps:
            await self._do(step)
        self._pending -= 1
        if any(step.act in _LEAVES for step in one.steps):
            self._body.cancel()
        self._change()

    # -- the end -------------------------------------------------------------------------------

    def _leave_by(self, act: Act) -> None:
        """Be gone at once."""
        self._left = str(act)
        if act is Act.RST:
            self._wire.reset()
        else:
            self._wire.close()
        self._end("")

    async def _part_ways(self) -> None:
        """Close if nobody has, and wait for the end of the connection."""
        if not self._opened or self._over.is_set():
            return
        self._wait_at_most(GOODBYE_S if self._cut else CLOSE_TIMEOUT_S)
        if not self._left and not self._ended:
            code = GOING_AWAY if self._cut else 1000
            await self._send(Frame(FrameKind.CLOSE, code=code))
        await self._over.wait()

    def _wait_at_most(self, seconds: float) -> None:
        """Wait for the end of the connection only so long from now on."""
        self._parting.deadline = min(self._parting.deadline, trio.current_time() + seconds)

    # -- what comes ----------------------------------------------------------------------------

    async def _read(self) -> None:
        while not self._over.is_set():
            for frame in await self._wire.receive():
                await self._take(frame)

    async def _take(self, frame: Frame) -> None:
        kind = frame.kind
        if kind is FrameKind.ACCEPT:
            self._opened = True
            self._on_open()
            self._count(OPEN)
        elif kind in (FrameKind.TEXT, FrameKind.BYTES):
            await self._take_message(frame)
        elif kind is FrameKind.PING:
            if not self._mute:
                await self._wire.send(frame._replace(kind=FrameKind.PONG))
        elif kind is FrameKind.CLOSE:
            await self._take_close(frame)
        elif frame == NO_FRAME:
            self._end(UNCLEAR)
        elif kind is FrameKind.REJECT:
            self._status = frame.code
            self._end(said(frame.code))
        else:
            self._end(NO_CLOSE if kind is FrameKind.FIN else RESET)
        self._change()

    async def _take_close(self, frame: Frame) -> None:
        self._ended = self._ended or frame.brief()
        if not self._mute:
            if not self._closing:
                self._closing = True
                await self._wire.send(frame)
            self._wait_at_most(GOODBYE_S)
        self._body.cancel()

    async def _take_message(self, frame: Frame) -> None:
        reply = next((r for heard, r in self._replies if frame.text.startswith(heard)), None)
        if reply is None or frame.kind is FrameKind.BYTES:
            self._answers.take()
        elif not self._closing and not self._left:
            await self._wire.send(Frame(FrameKind.TEXT, text=reply))

    def _end(self, how: str) -> None:
        """Take note that the connection is gone."""
        self._ended = self._ended or how
        if not self._opened and not self._left:
            self._refused = how or NO_CLOSE
        self._over.set()
        self._body.cancel()

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            await self._changed.wait()
