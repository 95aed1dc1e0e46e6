"""Tasks that send to everybody: begun by the lifespan, by the first client, or one for each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

active: list[WebSocket] = []
begun: list[asyncio.Task[None]] = []
pokes: list["asyncio.Queue[str]"] = []


async def pump(queue: "asyncio.Queue[str]") -> None:
    while True:
        text = await queue.get()
        for websocket in list(active):
            await websocket.send_text(text)


async def careful_pump(queue: "asyncio.Queue[str]") -> None:
    while True:
        text = await queue.get()
        for websocket in list(active):
            try:
                await websocket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                continue


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.queue, app.state.careful = asyncio.Queue(), asyncio.Queue()
    tasks = [
        asyncio.create_task(pump(app.state.queue)),
        asyncio.create_task(careful_pump(app.state.careful)),
    ]
    yield
    for task in tasks:
        task.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/tell")
async def tell() -> None:
    await app.state.queue.put("news")


@app.post("/tell/careful")
async def tell_carefully() -> None:
    await app.state.careful.put("news")


async def listen(websocket: WebSocket) -> None:
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        active.remove(websocket)


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await listen(websocket)


@app.post("/poke")
async def poke() -> None:
    for queue in pokes:
        await queue.put("poke")


@app.websocket("/lazy")
async def lazy(websocket: WebSocket) -> None:
    """Whoever comes first begins the task that sends to all."""
    await websocket.accept()
    active.append(websocket)
    if not pokes:
        pokes.append(asyncio.Queue())
        begun.append(asyncio.create_task(pump(pokes[0])))
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        active.remove(websocket)


async def own_tick(websocket: WebSocket) -> None:
    while True:
        await websocket.send_text("tick")
        await asyncio.sleep(1)


@app.websocket("/own")
async def own(websocket: WebSocket) -> None:
    """Each has a task of its own, which may end with its client."""
    await websocket.accept()
    task = asyncio.create_task(own_tick(websocket))
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        task.cancel()
