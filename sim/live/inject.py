"""Places a scenario's injections on a real server, as the truth was measured.

Inline, what a client does is written within the handler's own step: the bytes are in the kernel
before its next statement, and the server's loop has not read them. What the server does is done by
a task that has waited since the connection began; the probe sets its event, so that it runs at the
handler's next turn. Armed, a task does it after the delay.
"""

import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.websockets import WebSocket

from sim.errors import UserError
from sim.inject import BY_CLIENT, QUEUED
from sim.live.client import LiveClient
from sim.live.port import LivePort, Trigger
from sim.live.stacks import Stack
from sim.model.frames import Frame, FrameKind
from sim.model.scenario import Injection, Scenario
from sim.model.times import settled
from sim.sut.chat import Chat


def refuse_impossible(scenario: Scenario, stack: Stack) -> None:
    """Raise UserError for each injection that no real server, or not this one, can do."""
    faults = []
    for number, injection in enumerate(scenario.injections):
        if injection.do == "failing-send":
            why = "a real server fails a send only for a reason: use client-abort or client-close"
        elif injection.do == "server-shutdown" and not stack.name.startswith("uvicorn"):
            why = f"{stack.name} has no shutdown of one connection; uvicorn has"
        else:
            continue
        faults.append(f"injections.{number}.do: {injection.do} cannot be done live: {why}")
    if faults:
        raise UserError(*faults)


class LiveInjector:
    """The injections of one connection. `bind` gives it the handler's side.

    shut_down: ends the connection as the server's shutdown does. settled: set when the handler has
    ended and nothing is armed any more.
    """

    def __init__(
        self,
        client: LiveClient,
        injections: Sequence[Injection],
        shut_down: Callable[[], None],
    ) -> None:
        self._client = client
        self._injections = injections
        self._shut_down = shut_down
        self._passed: dict[str, int] = {}
        self._waiting: dict[int, tuple[Trigger, Any]] = {}
        self._acting: list[Any] = []
        self._pending = 0
        self._ended = False
        self.settled = threading.Event()
        self._chat: Chat
        self._port: LivePort

    def bind(self, chat: Chat, port: LivePort) -> None:
        """Take the handler's side; start what waits and what has a time of its own."""
        self._chat, self._port = chat, port
        for number, injection in enumerate(self._injections):
            if injection.time_ms is not None:
                self._start(injection, settled(injection.time_ms))
            elif injection.placed == "inline" and _has_server_side(injection):
                self._waiting[number] = self._prepare(injection)

    def probe(self, name: str) -> None:
        """Do what is placed at this passing of a probe."""
        count = self._passed[name] = self._passed.get(name, 0) + 1
        for number, injection in enumerate(self._injections):
            if injection.at == name and injection.nth == count:
                if injection.placed == "inline":
                    self._do_now(number, injection)
                else:
                    self._start(injection, settled(injection.delay_ms))

    def handler_ended(self) -> None:
        """Cancel what still waits for its probe."""
        for _, task in self._waiting.values():
            self._port.cancel(task)
        self._waiting.clear()
        self._ended = True
        self._settle()

    def _settle(self) -> None:
        if self._ended and not self._pending:
            self.settled.set()

    def over(self) -> None:
        """Cancel everything: the run has ended."""
        for task in self._acting:
            self._port.cancel(task)

    # -- when ----------------------------------------------------------------------------------

    def _prepare(self, injection: Injection) -> tuple[Trigger, Any]:
        """Start the task that waits for the probe."""
        trigger, hops = self._port.trigger(), int(settled(injection.hops))

        async def act() -> None:
            if not trigger.is_set():  # set before this task began: Trio's wait would take a turn
                await trigger.wait()
            for _ in range(hops):
                await self._port.turn()
            await self._server_acts(injection)

        return trigger, self._port.start(act, f"server-{injection.do}")

    def _do_now(self, number: int, injection: Injection) -> None:
        if injection.do in BY_CLIENT or injection.queued:
            self._client_acts(injection)
        if number in self._waiting:
            trigger, task = self._waiting.pop(number)
            self._acting.append(task)
            trigger.set()

    def _start(self, injection: Injection, delay_ms: float) -> None:
        async def later() -> None:
            try:
                if delay_ms > 0:
                    await self._port.sleep(delay_ms)
                for _ in range(int(settled(injection.hops))):
                    await self._port.turn()
                await self._do(injection)
            finally:
                self._pending -= 1
                self._settle()

        self._pending += 1
        self._spawn(later, injection.do)

    def _spawn(self, act: Callable[[], Awaitable[None]], name: str) -> None:
        self._acting.append(self._port.start(act, name))

    async def _do(self, injection: Injection) -> None:
        """Do everything, in a task that may wait."""
        by_client = injection.do in BY_CLIENT or injection.queued
        if by_client:
            self._client_acts(injection)
        if _has_server_side(injection):
            if by_client:
                self._spawn(lambda: self._server_acts(injection), f"server-{injection.do}")
            else:
                await self._server_acts(injection)

    # -- what ----------------------------------------------------------------------------------

    def _client_acts(self, injection: Injection) -> None:
        if injection.do in BY_CLIENT:
            self._port.record("injected", do=injection.do)
        if injection.queued:
            self._client.act(Frame(FrameKind.TEXT, text=QUEUED))
        kind = BY_CLIENT.get(injection.do)
        if kind is FrameKind.TEXT:
            self._client.write(Frame(kind, text=injection.text))
        elif kind is FrameKind.CLOSE:
            self._client.act(Frame(kind, code=injection.code or 1000))
        elif kind is not None:
            self._client.drop(kind)

    async def _server_acts(self, injection: Injection) -> None:
        if injection.do not in BY_CLIENT:
            self._port.record("injected", do=injection.do)
        chat = self._chat
        if injection.do == "server-close":
            await self._swallowing(lambda: chat.websocket.close(injection.code or 1001))
        elif injection.do == "server-shutdown":
            self._shut_down()
        elif injection.do == "eaten-disconnect":
            await self._swallowing(lambda: self._eat(chat.websocket))
        else:
            for number, state in enumerate(injection.to):
                if number and injection.each_ms:
                    await self._port.sleep(injection.each_ms)
                chat.become(state)

    async def _eat(self, websocket: WebSocket) -> None:
        """Be a second receiver that takes the next message, whatever it is."""
        message = await websocket.receive()
        self._port.record("eaten", type=str(message["type"]))

    async def _swallowing(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except Exception as error:
            self._port.record("swallowed", error=type(error).__name__)


def _has_server_side(injection: Injection) -> bool:
    return injection.do not in BY_CLIENT or injection.do == "eaten-disconnect"
