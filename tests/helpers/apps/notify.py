"""Routes of HTTP beside WebSockets: one tells everybody, one starts work, one never answers."""

import asyncio
import logging

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from pydantic import BaseModel

app = FastAPI()
active: list[WebSocket] = []
working: set[asyncio.Task[None]] = set()


class Note(BaseModel):
    text: str


@app.post("/notify")
async def notify(note: Note) -> dict[str, int]:
    for websocket in list(active):
        await websocket.send_text(note.text)
    return {"told": len(active)}


@app.post("/notify/careful")
async def careful(note: Note) -> dict[str, int]:
    for websocket in list(active):
        try:
            await websocket.send_text(note.text)
        except (WebSocketDisconnect, RuntimeError):
            continue
    return {"told": len(active)}


@app.put("/echo")
async def echo(request: Request) -> str:
    kind = request.headers.get("content-type", "nothing")
    logging.warning(
        "%s", f"{(await request.body()).decode()} as {kind} for {request.headers['host']}"
    )
    return "heard"


@app.get("/never")
async def never() -> None:
    await asyncio.Event().wait()


@app.get("/work")
async def work() -> str:
    task = asyncio.create_task(asyncio.sleep(100))
    working.add(task)
    task.add_done_callback(working.discard)
    return "begun"


@app.get("/broken")
async def broken() -> str:
    raise KeyError("no such room")


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        active.remove(websocket)
