"""A runtime and a server without tasks: nothing ever waits, so coroutines are driven by hand."""

import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from starlette.websockets import WebSocket, WebSocketState

from sim.errors import RefusedOperation
from sim.model.scenario import Handler, Setup
from sim.sut.chat import Chat
from sim.sut.guards import GUARDS, Guard

T = TypeVar("T")
SCOPE: dict[str, Any] = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b""}
DISCONNECT = {"type": "websocket.disconnect", "code": 1001}


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waited for something")


class Silence(Exception):
    """Nothing has come and nothing will."""


class FakeRuntime:
    """Records what it is asked, and keeps a clock of its own.

    calls: in order, as in "probe top", "pause top", "sleep 100". on_probe: called with each probe.
    """

    connection = "c7"

    def __init__(self) -> None:
        self.clock = 0.0
        self.calls: list[str] = []
        self.logs: list[tuple[str, str]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.notes: list[tuple[str, bool]] = []
        self.receives: list[tuple[float, bool]] = []
        self.on_probe: Callable[[str], None] = lambda name: None

    async def sleep(self, ms: float) -> None:
        self.calls.append(f"sleep {ms:g}")
        self.clock += ms

    async def pause(self, probe: str) -> None:
        self.calls.append(f"pause {probe}")

    async def receive(
        self, receiving: Callable[[], Awaitable[T]], timeout_ms: float, in_place: bool
    ) -> T:
        self.receives.append((timeout_ms, in_place))
        try:
            return await receiving()
        except Silence:
            self.clock += timeout_ms
            raise TimeoutError from None

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> Any:
        raise AssertionError("nothing here starts a task")

    def cancel(self, task: Any) -> None:
        raise AssertionError("nothing here cancels a task")

    def now(self) -> float:
        return self.clock

    def refuse(self, why: str, error: BaseException | None = None) -> NoReturn:
        raise RefusedOperation(why)

    def log(self, level: str, text: str) -> None:
        self.logs.append((level, text))

    def probe(self, name: str) -> None:
        self.calls.append(f"probe {name}")
        self.on_probe(name)

    def note(self, name: str, write: bool) -> None:
        self.notes.append((name, write))

    def record(self, kind: str, **values: str | int | bool | None) -> None:
        self.events.append((kind, values))

    @property
    def probes(self) -> list[str]:
        """The probes that were passed, in order."""
        return [call.removeprefix("probe ") for call in self.calls if call.startswith("probe ")]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return what was recorded under `kind`."""
        return [values for name, values in self.events if name == kind]


class Peer:
    """The server's end of a real WebSocket: an inbox, an outbox, and errors to raise.

    failing: what the next sends raise, None for a send that works; used up in order.
    """

    def __init__(self, *inbox: str | dict[str, Any]) -> None:
        self.inbox: list[str | dict[str, Any]] = [{"type": "websocket.connect"}, *inbox]
        self.outbox: list[dict[str, Any]] = []
        self.failing: list[Exception | None] = []
        self.websocket = WebSocket(SCOPE, self._receive, self._send)

    async def _receive(self) -> Any:
        if not self.inbox:
            raise Silence
        message = self.inbox.pop(0)
        return {"type": "websocket.receive", "text": message} if type(message) is str else message

    async def _send(self, message: Any) -> None:
        error = self.failing.pop(0) if self.failing else None
        if error is not None:
            raise error
        self.outbox.append(dict(message))

    @property
    def said(self) -> list[str]:
        """What was sent after the accept: the type of each message, or "close CODE"."""
        return [
            f"close {message['code']}"
            if message["type"] == "websocket.close"
            else str(json.loads(message["text"])["type"])
            for message in self.outbox
            if message["type"] != "websocket.accept"
        ]


class Scene:
    """A chat on an accepted connection, with everything it touches at hand."""

    def __init__(
        self,
        *inbox: str | dict[str, Any],
        guard: str | Guard = "pre-fix",
        shape: str = "report",
        ready: bool = True,
        **handler: Any,
    ) -> None:
        self.runtime = FakeRuntime()
        self.peer = Peer(*inbox)
        self.websocket = self.peer.websocket
        chosen = GUARDS[guard] if isinstance(guard, str) else guard
        self.chat = Chat(self.websocket, self.runtime, chosen, shape, Handler(**handler), Setup())
        drive(self.websocket.accept())
        if ready:
            for state in ("accepted", "authenticated", "services_ready", "processing_ready"):
                assert self.chat.become(state)

    def disconnect(self) -> None:
        """Let another receiver have taken the client's disconnect."""
        self.websocket.client_state = WebSocketState.DISCONNECTED

    def blind(self) -> None:
        """Leave application_state as a swallowed send that failed leaves it."""
        self.websocket.application_state = WebSocketState.DISCONNECTED

    @property
    def ending(self) -> list[str]:
        """How the loop ended, as recorded."""
        return [
            str(values["outcome"])
            for kind, values in self.runtime.events
            if kind in ("left", "raised")
        ]
