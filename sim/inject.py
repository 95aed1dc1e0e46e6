"""Places a scenario's injections: at a probe of the handler, or at a time.

Inline, an event happens within the handler's own step as far as it can: a client's bytes are in the
socket although the server has not read them, a task of the server is runnable although it has not
run. Armed, a task of its own does it later: after the delay, and in an order that is a choice.
"""

from collections.abc import Awaitable, Callable, Sequence

import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from sim.kernel.waiters import BY_TIMER, Waiters
from sim.model.frames import Frame, FrameKind
from sim.model.scenario import Injection
from sim.model.ticks import from_ms
from sim.model.times import settled
from sim.rungs import Stage
from sim.sut.chat import Chat

QUEUED = '{"type": "chat", "queued": true}'
"""The message that an injection with `queued` lets the client send just before."""
BY_CLIENT = {
    "client-close": FrameKind.CLOSE,
    "client-abort": FrameKind.RST,
    "client-eof": FrameKind.FIN,
    "client-message": FrameKind.TEXT,
    "eaten-disconnect": FrameKind.CLOSE,
}
"""What the client does, and by which frame."""


class Injector:
    """The injections of one connection. `bind` gives it the handler's side once there is one."""

    def __init__(self, stage: Stage, connection: str, injections: Sequence[Injection]) -> None:
        self._stage = stage
        self._connection = connection
        self._at_probes = [one for one in injections if one.at is not None]
        self._timed = [one for one in injections if one.time_ms is not None]
        self._passed: dict[str, int] = {}
        self._chat: Chat | None = None

    def bind(self, chat: Chat) -> None:
        """Take the handler's side, and start what has a time of its own."""
        self._chat = chat
        for injection in self._timed:
            self._start(injection, settled(injection.time_ms) - chat.runtime.now())

    def probe(self, name: str) -> None:
        """Do what is placed at this passing of a probe."""
        if not self._at_probes:
            return
        count = self._passed[name] = self._passed.get(name, 0) + 1
        for injection in self._at_probes:
            if injection.at == name and injection.nth == count:
                if injection.placed == "inline":
                    self._do_now(injection)
                else:
                    self._start(injection, settled(injection.delay_ms))

    def _start(self, injection: Injection, delay_ms: float) -> None:
        """Let a task of the side that acts do it after the delay."""

        by_client = injection.do in BY_CLIENT or injection.queued
        world = self._stage.world

        due: Callable[[], Awaitable[None]] | None = None
        if world.job.untimed and not by_client:
            due = self._whenever(f"{self._connection}.{injection.do}")

        async def later() -> None:
            if due is not None:
                await due()
            elif delay_ms > 0:
                await world.sleep_until(world.tick + from_ms(delay_ms))
            for _ in range(int(settled(injection.hops))):
                await trio.lowlevel.checkpoint()
            await self._do(injection)

        if by_client:
            with world.outside():
                self._stage.server.nursery.start_soon(later, name=injection.do)
        else:
            self._stage.server.nursery.start_soon(later, name=injection.do)

    def _whenever(self, name: str) -> Callable[[], Awaitable[None]]:
        """Return what waits for a timer of the server's that is due at any time from now on."""
        world, waiters = self._stage.world, Waiters()
        past = False

        async def trigger() -> None:
            nonlocal past
            world.write(f"{name}.due")
            past = True
            waiters.wake_all(BY_TIMER)

        async def due() -> None:
            world.write(f"{name}.due")
            if not past:
                await waiters.park()

        with world.outside():
            self._stage.server.nursery.start_soon(trigger, name="timer")
        return due

    def _do_now(self, injection: Injection) -> None:
        """Do at once what a client does; let a task of the server be runnable for the rest."""
        if injection.do in BY_CLIENT or injection.queued:
            self._client_acts(injection)
        if injection.do == "failing-send":
            self._event(injection)
            self._stage.server.connections[self._connection].fail_next_send()
        elif injection.do not in BY_CLIENT or injection.do == "eaten-disconnect":
            self._spawn(injection)

    async def _do(self, injection: Injection) -> None:
        """Do everything, in a task that may wait."""
        if injection.do in BY_CLIENT or injection.queued:
            self._client_acts(injection)
        if injection.do == "eaten-disconnect" or (
            injection.queued and injection.do not in BY_CLIENT
        ):
            self._spawn(injection)
        elif injection.do not in BY_CLIENT:
            await self._server_acts(injection)

    def _spawn(self, injection: Injection) -> None:
        hops = int(settled(injection.hops)) if injection.placed == "inline" else 0

        async def act() -> None:
            for _ in range(hops):
                await trio.lowlevel.checkpoint()
            await self._server_acts(injection)

        with self._stage.world.inside():  # of the server, even if the client's side has just acted
            self._stage.server.nursery.start_soon(act, name=f"server-{injection.do}")

    def _client_acts(self, injection: Injection) -> None:
        if injection.do in BY_CLIENT:
            self._event(injection)
        client = self._stage.clients[self._connection]
        if injection.queued:
            client.act(Frame(FrameKind.TEXT, text=QUEUED))
        kind = BY_CLIENT.get(injection.do)
        if kind is FrameKind.TEXT:
            client.write(Frame(kind, text=injection.text))
        elif kind is FrameKind.CLOSE:
            client.act(Frame(kind, code=injection.code or 1000))
        elif kind is not None:
            client.drop(kind)

    async def _server_acts(self, injection: Injection) -> None:
        if injection.do not in BY_CLIENT:
            self._event(injection)
        chat = self._chat
        assert chat is not None, "injections act on a connection that has a handler"
        connection = self._stage.server.connections[self._connection]
        if injection.do == "server-close":
            await self._swallowing(lambda: chat.websocket.close(injection.code or 1001))
        elif injection.do == "server-shutdown":
            connection.shutdown()
        elif injection.do == "failing-send":
            connection.fail_next_send()
        elif injection.do == "eaten-disconnect":
            await self._eat(chat.websocket)
        else:
            for number, state in enumerate(injection.to):
                if number and injection.each_ms:
                    await chat.runtime.sleep(injection.each_ms)
                chat.become(state)

    async def _eat(self, websocket: WebSocket) -> None:
        """Be a second receiver that takes the next message, whatever it is."""

        async def take() -> None:
            message = await websocket.receive()
            self._stage.world.event("eaten", connection=self._connection, type=str(message["type"]))

        await self._swallowing(take)

    async def _swallowing(self, act: Callable[[], object]) -> None:
        try:
            await act()  # type: ignore[misc]
        except (RuntimeError, OSError, WebSocketDisconnect) as error:
            self._stage.world.event(
                "swallowed", connection=self._connection, error=type(error).__name__
            )

    def _event(self, injection: Injection) -> None:
        self._stage.world.event("injected", connection=self._connection, do=injection.do)
