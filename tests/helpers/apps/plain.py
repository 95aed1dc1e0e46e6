"""Small applications of different make: FastAPI, Starlette, bare ASGI, anyio."""

import asyncio
import socket
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

echo = FastAPI()


@echo.websocket("/ws")
async def echoes(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(f"you said {await websocket.receive_text()}")


careful = FastAPI()


@careful.websocket("/ws")
async def echoes_carefully(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(text)
    except WebSocketDisconnect:
        return


class Ticker(WebSocketEndpoint):
    """Ticks every second, and forgets the task that does."""

    encoding = "text"

    async def on_connect(self, websocket: StarletteWebSocket) -> None:
        await websocket.accept()
        self.ticking = asyncio.create_task(self.tick())

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(1)

    async def on_receive(self, websocket: StarletteWebSocket, data: Any) -> None:
        await websocket.send_text(data)


ticker = Starlette(routes=[WebSocketRoute("/ticker", Ticker)])


async def raw(scope: Any, receive: Any, send: Any) -> None:
    """Echoes, and says goodbye when asked; it knows no lifespan."""
    assert scope["type"] == "websocket"
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.disconnect":
            return
        else:
            await send({"type": "websocket.send", "text": message["text"]})
            if message["text"] == "bye":
                await send({"type": "websocket.close"})


grouped = FastAPI()


@grouped.websocket("/ws")
async def in_a_group(websocket: WebSocket) -> None:
    await websocket.accept()

    async def pump() -> None:
        while True:
            await websocket.send_text(await websocket.receive_text())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pump)
        await anyio.sleep(0.01)


# -- what goes wrong in one way each ---------------------------------------------------------------

odd = FastAPI()


@odd.websocket("/waits")
async def waits_for_ever(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.get_running_loop().create_future()


@odd.websocket("/late")
async def outlives(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await asyncio.sleep(10)


@odd.websocket("/spins")
async def spins(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await asyncio.sleep(0)


@odd.websocket("/unseen")
async def unseen(websocket: WebSocket) -> None:
    await websocket.accept()

    async def fails() -> None:
        raise LookupError("nobody looks")

    odd.state.task = asyncio.create_task(fails())
    await websocket.receive()


@odd.websocket("/two")
async def two_receive(websocket: WebSocket) -> None:
    await websocket.accept()
    other = asyncio.create_task(websocket.receive())
    await websocket.receive()
    await other


@odd.websocket("/connects")
async def connects(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        socket.create_connection(("127.0.0.1", 9))
    except Exception:
        await websocket.close()


@odd.websocket("/resolves")
async def resolves(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.open_connection("example.org", 80)


def in_a_thread() -> str:
    sqlite3.connect("somewhere.db")
    return "never"


@odd.websocket("/thread")
async def opens_in_a_thread(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.to_thread(in_a_thread)


def dependency() -> str:
    return "from a thread"


@odd.websocket("/depends")
async def depends(websocket: WebSocket, said: str = Depends(dependency)) -> None:
    await websocket.accept()
    await websocket.send_text(said)
    await websocket.close()


@odd.websocket("/draws")
async def draws(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(f"{uuid.uuid4()} {time.time()} {time.monotonic()}")
    await websocket.close()


@asynccontextmanager
async def lives(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute("create table said (text)")
    yield {"database": database}
    database.close()


stored = FastAPI(lifespan=lives)


@stored.websocket("/ws")
async def stores(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            websocket.state.database.execute("insert into said values (?)", (text,))
    except WebSocketDisconnect:
        return


@asynccontextmanager
async def fails_to_start(app: FastAPI) -> AsyncIterator[None]:
    if app.title:
        raise LookupError("no such service")
    yield


broken = FastAPI(lifespan=fails_to_start)


@broken.websocket("/ws")
async def never(websocket: WebSocket) -> None:
    await websocket.accept()


def make() -> FastAPI:
    return echo


nothing = 3


@odd.websocket("/blocks")
async def blocks(websocket: WebSocket) -> None:
    await websocket.accept()
    time.sleep(2)
    await websocket.close()


@odd.websocket("/ignores")
async def ignores(websocket: WebSocket) -> None:
    """Reads nothing, and leaves."""
    await websocket.accept()
    await asyncio.sleep(1)
    await websocket.close()


@odd.websocket("/reads-on")
async def reads_on(websocket: WebSocket) -> None:
    """Reads once more behind its own close, and catches what the framework says."""
    await websocket.accept()
    await websocket.close()
    try:
        await websocket.receive_text()
    except RuntimeError:
        return


@odd.websocket("/twice")
async def closes_twice(websocket: WebSocket) -> None:
    """Closes once more below the framework, and catches what the server says."""
    await websocket.accept()
    await websocket.close()
    try:
        await websocket._send({"type": "websocket.close", "code": 1000})
    except RuntimeError:
        return
