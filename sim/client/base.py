"""A fake client that follows its script: the part that is the same on every fidelity."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import trio

from sim.errors import WsraceError
from sim.kernel.world import World
from sim.model.client import CLOSE_TIMEOUT_S, LOST, ClientSpec
from sim.model.frames import Frame, FrameKind
from sim.model.script import Action, Do, frame_of
from sim.model.ticks import PER_SECOND

_WAITS = (Do.WAIT, Do.SLEEP, Do.SILENT)
"""Actions that do nothing by themselves."""


class Gone(WsraceError):
    """The connection is over, so the script cannot go on."""


class Client(ABC):
    """One client: a single task that reads whenever its script lets it wait.

    `over` says how its connection ended, "" while it has not: "close 1000" (with the code) after a
    closing handshake, "reject 403" after a refused one, "lost" otherwise; `closing`, that it has
    sent a close frame. Like a browser it answers the server's close by itself, whatever its script
    says, and keeps what it received until the script waits for it.
    """

    def __init__(self, world: World, name: str, spec: ClientSpec) -> None:
        self.world = world
        self.name = name
        self.spec = spec
        self.opened = False
        self.closing = False
        self.over = ""
        self.dropped = False
        """Whether this side has ended its half of the TCP connection."""
        self._wait = "an answer to its request"
        self._enough: float = 0
        """How many messages, in all, would let it go on; 0 where something else would."""
        self._until_tick: int | None = None
        self._received = 0
        self._waited = 0
        self._waits = sum(action.do is Do.WAIT for action in spec.script)
        """How many of its actions still wait for messages, the one that it is at among them."""
        self._state = f"{name}.client"
        world.outsiders[name] = self.waits_for
        world.takers[name] = self.only_takes

    def __standing__(self) -> object:
        """Return what of it matters for what is to come (`sim.kernel.state`).

        What it has received counts as far as it is going to wait for messages.
        """
        ahead = self._received - self._waited if self._waits else None
        return {**vars(self), "_received": ahead, "_waited": None}

    async def run(self) -> None:
        """Follow the script, then read on until the connection is over."""
        if self.spec.start:
            await self.world.sleep_until(self.spec.start)
        connect, *rest = self.spec.script
        await self._connect(connect)
        for action in rest:
            self.world.read(self._state)
            if self.over and action.do not in (Do.FIN, Do.RST):
                self.world.event(
                    "client.stopped", connection=self.name, at=str(action.do), because=self.over
                )
                break
            if self.world.job.untimed and action.do not in _WAITS:
                await trio.lowlevel.checkpoint()  # whenever: each action is a step of its own
            try:
                await self._do(action)
            except Gone:
                break
        self.world.read(self._state)
        self._wait = ""
        if self.closing:
            await self._until(_never, self.world.tick + CLOSE_TIMEOUT_S * PER_SECOND, math.inf)
            if not self.over:
                self.drop(FrameKind.FIN)
                self._ended(LOST)
        await self._until(_never, enough=math.inf)

    # -- what each fidelity supplies -------------------------------------------------------------

    @abstractmethod
    async def _connect(self, connect: Action) -> None:
        """Ask for a connection and wait until it is open or refused."""

    @abstractmethod
    async def _next(self, until: int | None) -> None:
        """Wait for what comes next, at most until a tick, and tell `_got` or `_ended`."""

    @abstractmethod
    async def _send(self, frame: Frame) -> None:
        """Send a frame. Raises Gone if the connection is over."""

    @abstractmethod
    def act(self, frame: Frame) -> None:
        """Send a frame from outside the script, as far as the connection still allows."""

    @abstractmethod
    def drop(self, kind: FrameKind) -> None:
        """End the TCP connection by FIN or RST."""

    def arrived(self) -> int:
        """Return how many messages lie there to be taken, 0 if anything else does, or unknown."""
        return 0

    def only_takes(self) -> bool:
        """Whether its next step does nothing but take in messages that it does not wait for.

        It answers nobody then, and lets nobody go on; when it comes makes no difference.
        """
        tick = self._until_tick
        in_time = tick is None or not self.world.come(tick)
        return in_time and 0 < self.arrived() < self._enough - self._received

    def write(self, frame: Frame) -> None:
        """Send a message without looking at what has come, as one does who holds a raw socket.

        It counts as sent even where this side has begun to close, or has heard that all is over.
        """
        self.world.read(self._state)
        if self.closing or self.over:
            self._sent(frame)
        else:
            self.act(frame)

    # -- what came -----------------------------------------------------------------------------

    def _sent(self, frame: Frame) -> None:
        """Take note of a message that went out."""
        if frame.kind in (FrameKind.TEXT, FrameKind.BYTES) and self.world.tracing:
            self.world.event("client.sent", connection=self.name, frame=frame.brief())

    def changed(self) -> None:
        """Note a change of what this client has said or heard."""
        self.world.write(self._state)

    def _opened(self, subprotocol: str) -> None:
        self.world.event("client.opened", connection=self.name, subprotocol=subprotocol)
        self.opened = True

    def _got(self, frame: Frame) -> None:
        """Take note of a message."""
        if self.world.tracing:
            self.world.event("client.got", connection=self.name, frame=frame.brief())
        self._received += 1

    def _ended(self, how: str) -> None:
        if not self.over:
            self.world.event("client.over", connection=self.name, how=how)
            self.over = how

    # -- the script ----------------------------------------------------------------------------

    def waits_for(self) -> str:
        """Say what this client waits for, "" if it is connected and has nothing more to do."""
        if self.over:
            return "nothing: its connection is over"
        if self.dropped:
            return "the end of the connection"
        return "an answer to its close" if self.closing else self._wait

    async def _do(self, action: Action) -> None:
        value = action.value
        if action.do is Do.SLEEP and self.world.job.untimed:
            return
        if action.do is Do.SLEEP:
            await self._until(_never, self.world.tick + int(value or 0), math.inf)
        elif action.do is Do.WAIT:
            self._waited += int(value or 1)
            self._wait = f"message {self._waited}"
            await self._until(lambda: self._received >= self._waited, enough=self._waited)
            self._waits -= 1
        elif action.do is Do.SILENT:
            self._wait = ""
            await self._until(_never, enough=math.inf)
        elif action.do in (Do.FIN, Do.RST):
            self.world.event("client.drop", connection=self.name, how=str(action.do))
            self.drop(FrameKind(action.do))
        else:
            await self._send(frame_of(action))

    async def _until(
        self, done: Callable[[], bool], tick: int | None = None, enough: float = 0
    ) -> None:
        """Take in what comes until `done`, until the connection is over, or until `tick`.

        enough: how many messages in all are `done`; 0 if that is about something else.
        """
        self.world.read(self._state)
        self._enough, self._until_tick = enough, tick
        while not self.over and not done() and (tick is None or not self.world.come(tick)):
            await self._next(tick)
            self.world.read(self._state)
        self._enough, self._until_tick = 0, None


def _never() -> bool:
    return False
