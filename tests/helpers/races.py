"""The small guard races: one handler on the real Starlette WebSocket, a peer, a closing task.

Shared by the kernel's tests and by the second opinion (tests/helpers/gate.py), so they use nothing
of the kernel but Trio itself; where the world takes notes, shared state is noted.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sim.kernel.world import World
from sim.server.observed import ObservedWebSocket

CONNECTED = WebSocketState.CONNECTED
SCOPE: dict[str, Any] = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b""}


@dataclass(frozen=True)
class Race:
    """guard: pre-fix, post-fix or both-states. hop: wait_for's task around the receive."""

    guard: str
    hop: bool = False
    abort: bool = False
    server_close: bool = False
    rounds: int = 2


class Peer:
    """The server's end of one connection: an in-memory ASGI channel whose sends yield once."""

    def __init__(self, world: Any) -> None:
        self._put, self._get = trio.open_memory_channel[dict[str, Any]](1000)
        self._world = world if isinstance(world, World) else None
        self._gone = False
        self.answered = trio.Event()
        self.websocket = (
            ObservedWebSocket(SCOPE, self._get.receive, self._send, world=world, name="c1")
            if self._world
            else WebSocket(SCOPE, self._get.receive, self._send)
        )
        self.deliver({"type": "websocket.connect"})

    def deliver(self, message: dict[str, Any]) -> None:
        self._put.send_nowait(message)

    def go(self) -> None:
        if self._world:
            self._world.write("gone")
        self._gone = True

    async def _send(self, message: Any) -> None:
        await trio.lowlevel.checkpoint()
        if self._world:
            self._world.read("gone")
        if self._gone:
            raise OSError("the client is gone")
        self.answered.set()


def passes(guard: str, websocket: WebSocket) -> bool:
    if websocket.client_state is not CONNECTED:
        return False
    return guard != "both-states" or websocket.application_state is CONNECTED


async def receive(websocket: WebSocket, hop: bool) -> str:
    """Receive in place, or as wait_for does on Python 3.11: in a task of its own."""
    if not hop:
        return await websocket.receive_text()
    got: list[str | Exception] = []

    async def wait_for() -> None:
        try:
            got.append(await websocket.receive_text())
        except Exception as error:
            got.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for, name="wait_for")
    if isinstance(got[0], Exception):
        raise got[0]
    return got[0]


async def safe_send(websocket: WebSocket) -> None:
    if websocket.client_state is CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.send_text("reply")


async def handler(race: Race, websocket: WebSocket) -> str:
    try:
        await websocket.accept()
    except (OSError, RuntimeError) as error:
        return f"accept failed: {type(error).__name__}"
    for _ in range(race.rounds):
        if websocket.client_state is not CONNECTED:
            return "left at the top"
        await trio.lowlevel.checkpoint()  # the window
        if race.guard != "pre-fix" and not passes(race.guard, websocket):
            return "left at the final check"
        try:
            await receive(websocket, race.hop)
        except WebSocketDisconnect:
            return "disconnect"
        except RuntimeError as error:
            return f"RuntimeError: {error}"
        await safe_send(websocket)
    return "done"


async def client(peer: Peer) -> None:
    await peer.answered.wait()
    peer.deliver({"type": "websocket.receive", "text": "hello"})
    await trio.lowlevel.checkpoint()
    peer.go()
    await trio.lowlevel.checkpoint()
    peer.deliver({"type": "websocket.disconnect", "code": 1006})


async def closer(peer: Peer) -> None:
    await peer.answered.wait()
    await trio.lowlevel.checkpoint()
    with suppress(RuntimeError, WebSocketDisconnect):
        await peer.websocket.close(1001)
    peer.deliver({"type": "websocket.disconnect", "code": 1001})


def program(race: Race) -> Callable[[Any], Awaitable[str]]:
    """Return the race as a program for either kernel; its result is the handler's ending."""

    async def run(world: object) -> str:
        peer = Peer(world)
        ending: list[str] = []

        async def handle() -> None:
            ending.append(await handler(race, peer.websocket))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(handle, name="handler")
            if race.abort:
                nursery.start_soon(client, peer, name="client")
            if race.server_close:
                nursery.start_soon(closer, peer, name="closer")
        return ending[0]

    return run


NEED_ACCEPT = 'RuntimeError: WebSocket is not connected. Need to call "accept" first.'
