"""Handlers from public reports, as their authors wrote them: asyncio, FastAPI, Starlette."""

import asyncio
from contextlib import suppress
from typing import Any

import anyio
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketState

app = FastAPI()


@app.websocket("/push")
async def pushes(websocket: WebSocket) -> None:
    """fastapi/fastapi: a loop that only sends and looks at client_state."""
    await websocket.accept()
    while websocket.client_state is WebSocketState.CONNECTED:
        await websocket.send_text("tick")
        await asyncio.sleep(0.1)


@app.websocket("/bare")
async def bare(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


class Manager:
    def __init__(self) -> None:
        self.there: list[WebSocket] = []

    async def broadcast(self, text: str) -> None:
        for websocket in self.there:
            await websocket.send_text(text)


manager = Manager()


@app.websocket("/manager")
async def managed(websocket: WebSocket) -> None:
    """A connection manager at module level that forgets nobody."""
    await websocket.accept()
    manager.there.append(websocket)
    while True:
        await manager.broadcast(await websocket.receive_text())


@app.websocket("/init")
async def initialised(websocket: WebSocket) -> None:
    """A timer in a task group closes unless a first message comes in time."""
    await websocket.accept()
    introduced = anyio.Event()

    async def timer() -> None:
        with anyio.move_on_after(5):
            await introduced.wait()
            return
        await websocket.close(4408)

    async with anyio.create_task_group() as group:
        group.start_soon(timer)
        try:
            while True:
                await websocket.receive_text()
                introduced.set()
        except WebSocketDisconnect:
            pass


@app.websocket("/late-accept")
async def accepts_late(websocket: WebSocket) -> None:
    await asyncio.sleep(0.2)
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()


@app.websocket("/timeout")
async def with_timeout(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        try:
            await websocket.send_text(await asyncio.wait_for(websocket.receive_text(), 0.01))
        except TimeoutError:
            continue


@app.websocket("/task")
async def with_task(websocket: WebSocket) -> None:
    await websocket.accept()
    reader = asyncio.create_task(websocket.receive_text())
    await reader


@app.websocket("/rounds")
async def receiver_per_round(websocket: WebSocket) -> None:
    await websocket.accept()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(websocket.receive_json)
            await anyio.sleep(0.02)


@app.websocket("/json")
async def json_only(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_json(await websocket.receive_json())


class Room(WebSocketEndpoint):
    """Reads in on_connect, and lets the endpoint read again."""

    encoding = "json"

    async def on_connect(self, websocket: Any) -> None:
        await websocket.accept()
        async with anyio.create_task_group() as group:

            async def reader() -> None:
                async for _ in websocket.iter_json():
                    pass
                group.cancel_scope.cancel()

            group.start_soon(reader)
            group.start_soon(anyio.sleep, 1000)


app.router.routes.append(WebSocketRoute("/room", Room))


@app.websocket("/short")
async def polls_shortly(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(websocket.receive_text(), 0.0001)
            await asyncio.sleep(0.01)


@app.websocket("/news")
async def news_every_ten_minutes(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await asyncio.sleep(600)
        await websocket.send_json({"hello": "world"})
